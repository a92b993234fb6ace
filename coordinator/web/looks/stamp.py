"""Has anything changed? One short line that differs when a page would; asked at most every two seconds a process."""

import threading

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coordinator import clock, db
from coordinator.models import Answer, Audited, CarrierEvent, Forecast, Graded, Notice, Reading, State

EVERY_S = 2.0
SENDING_S = 5  # while notices go out the figures move without an event of their own
_lock = threading.Lock()
_last: tuple[float, str] = (-EVERY_S, "")
_TOPS = (Audited.seq, Answer.id, CarrierEvent.id, Graded.id, Reading.id, Forecast.id, Notice.id)


def now(session: Session) -> str:
    """The stamp as the store has it at this moment."""
    going = select(Notice.id).where(Notice.state == State.PENDING).limit(1).exists()
    tops = [select(func.max(column)).scalar_subquery() for column in _TOPS]
    *newest, sending = session.execute(select(*tops, select(going).scalar_subquery())).one()
    words = [str(top or 0) for top in newest]
    return "-".join(words + ([str(int(clock.monotonic() / SENDING_S))] if sending else []))


def shared() -> str:
    """The same for all who watch: whoever comes first asks, the others get what was found."""
    global _last
    with _lock:
        at, found = _last
        if clock.monotonic() - at >= EVERY_S:
            with db.reading() as session:
                found = now(session)
            _last = (clock.monotonic(), found)
        return found
