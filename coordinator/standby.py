"""On SQLite one process dispatches at a time, under a lease; the others stand by and follow when it dies."""

import os
import uuid
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from coordinator import clock, db, leases

LEAD = "dispatch"
RENEW_EVERY_S = 3.0
ALL = "all"


def dispatching(session: Session) -> str:
    """Which process dispatches: its number on SQLite (empty when none does), ``all`` on PostgreSQL."""
    return leases.holder(session, LEAD).partition(":")[0] if db.is_sqlite() else ALL


class Standby:
    """Whether this process may dispatch now. On PostgreSQL everyone may: rows, not processes, are locked there.

    The lease keeps writers out of each other's way. What keeps a notice from being sent twice is its own lease and
    token, which hold even when a process oversleeps this one.
    """

    def __init__(self) -> None:
        self.holder = f"{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.leads_until = self.asked_at = 0.0

    def leads(self) -> bool:
        return not db.is_sqlite() or clock.monotonic() < self.leads_until

    def renew(self) -> None:
        """Take or keep the lead, once in a while. What was taken counts from before it was asked for."""
        now = clock.monotonic()
        if not db.is_sqlite() or now < self.asked_at + RENEW_EVERY_S:
            return
        won = leases.take(LEAD, self.holder)
        self.asked_at, self.leads_until = now, now + leases.LASTS_S if won is not None else 0.0

    def give_back(self) -> None:
        """The next one need not wait; if this can't be written, it waits until the lease has run out."""
        if db.is_sqlite():
            with suppress(SQLAlchemyError):
                leases.give_back(LEAD, self.holder)
