"""A role whose leases last as long as the first word says: for tests that outlast a lease. Not a setting of the program."""

import sys

from coordinator import dispatch

dispatch.LEASE_S = float(sys.argv[1])

from coordinator import cli  # noqa: E402 - sweeps takes the length over at its import

cli.main(sys.argv[2:])
