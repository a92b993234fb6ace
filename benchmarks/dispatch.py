"""One order → so many individual notices with a ledger: seconds from the last signature to the carrier's last row."""

import sys
import time
from contextlib import ExitStack

from benchmarks import stand


def once(count: int, *, kind: str, workers: int, postgresql: bool) -> dict[str, float]:
    """One run on a fresh installation."""
    with stand.stand(postgresql=postgresql) as ground, ExitStack() as running:
        stand.register(count, phones=kind == "sms", mails=kind == "email")
        for _ in range(workers):
            running.enter_context(stand.role("worker"))
        time.sleep(5)
        alert = stand.approve()
        begun = time.monotonic()
        stand.materialise(alert)
        written = time.monotonic() - begun
        first = 0.0
        while (taken := ground.taken()) < count:
            first = first or (time.monotonic() - begun if taken else 0.0)
            if time.monotonic() - begun > 300:
                break
            time.sleep(0.01)
        whole = time.monotonic() - begun
        sent = [row["to"] for row in ground.ledger()]
        return {"count": len(sent), "distinct": len(set(sent)), "written_s": written, "first_s": first, "whole_s": whole}


if __name__ == "__main__":
    kind, count, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(once(count, kind=kind, workers=workers, postgresql=sys.argv[4:] != ["sqlite"]))
