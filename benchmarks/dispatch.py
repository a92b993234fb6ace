"""One order → so many individual notices with a ledger: seconds from the last signature to the carrier's last row."""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks import stand

WARM_S = 6.0
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run: when the first and the last notice were in the carrier's ledger, and when all were written."""

    first_s: float
    written_s: float
    whole_s: float
    lost: int
    repeated: int


def once(count: int, *, kind: str, workers: int, postgresql: bool = True) -> Run:
    """One run on a fresh installation."""
    with stand.stand(postgresql=postgresql) as ground:
        return on(ground, count, kind=kind, workers=workers)


def on(ground: stand.Stand, count: int, *, kind: str, workers: int) -> Run:
    """One run on this installation, which must be fresh."""
    with ExitStack() as running:
        stand.register(count, phones=kind == "sms", mails=kind == "email")
        for _ in range(workers):
            running.enter_context(stand.role("worker"))
        time.sleep(WARM_S)
        before, alert = ground.taken(), stand.approve()
        begun, marks = time.monotonic(), dict[str, float]()
        writing = threading.Thread(target=lambda: (stand.materialise(alert), marks.update(w=time.monotonic() - begun)))
        writing.start()
        while (taken := ground.taken() - before) < count and time.monotonic() - begun < PATIENCE_S:
            if taken:
                marks.setdefault("f", time.monotonic() - begun)
            time.sleep(0.01)
        whole = time.monotonic() - begun
        writing.join()
        time.sleep(0.5)  # a repeat would still come
        sent = [row["to"] for row in ground.ledger()[before:]]
    return Run(marks.get("f", whole), marks["w"], whole, count - len(set(sent)), len(sent) - len(set(sent)))
