"""When will the last notice be handed over? The backlog ahead of it, divided by what the carrier allows."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session

from coordinator import clock, config, db, dispatch, fingerprint, quiet
from coordinator.dispatch import Way
from coordinator.models import Alert, Breaker, Notice, State
from coordinator.orders import LANES

RECENT = timedelta(minutes=2)
SHORTEST_S = 1.0
WAITING = (State.PENDING, State.SENDING)


def seconds_left(backlog: int, per_second: float | None) -> float | None:
    """Seconds until ``backlog`` notices are handed over at that rate; None when nobody can say.

    >>> seconds_left(300, 100.0), seconds_left(0, None), seconds_left(5, None), seconds_left(5, 0.0)
    (3.0, 0.0, None, None)
    """
    if backlog <= 0:
        return 0.0
    return backlog / per_second if per_second else None


def measured(handed: int, span_s: float) -> float | None:
    """Notices a second over a stretch of the last minutes; None when none was handed over.

    >>> measured(0, 60.0), measured(30, 60.0), measured(3, 0.1)
    (None, 0.5, 3.0)
    """
    return handed / max(span_s, SHORTEST_S) if handed else None


@dataclass(frozen=True, slots=True)
class Eta:
    """When the last is handed over: ``seconds`` 0 when none waits, None when it can't be said (held, nothing moves)."""

    seconds: float | None
    at: datetime | None

    def as_json(self) -> dict[str, Any]:
        return {"eta_s": None if self.seconds is None else round(self.seconds, 1), "eta_at": self.at}


def of_alert(session: Session, alert_id: int) -> Eta:
    """Of one alert: whatever stands before its last notice, on each channel; the slowest channel counts."""
    if session.get_one(Alert, alert_id).hold or fingerprint.recorded(session):
        waits = session.scalar(select(Notice.id).where(Notice.alert_id == alert_id, Notice.state.in_(WAITING)).limit(1))
        return Eta(None, None) if waits else _slowest([])
    mine = case((Notice.alert_id == alert_id, Notice.id))
    rows = [row for row in _queues(session, func.count(mine), func.max(mine)) if row.last is not None]
    left = [_left(session, row.channel, row.mode, _before(session, row)) for row in rows]
    till_morning = (
        select(Notice.id).where(Notice.state.in_(db.words(State.PLANNED)), Notice.alert_id == alert_id).limit(1)
    )
    return _slowest([*left, quiet.left_s(clock.now())] if session.scalar(till_morning) else left)


def of_lanes(session: Session) -> dict[str, float | None]:
    """Of each lane by name: seconds until what is due now in it, and before it, is handed over."""
    held = fingerprint.recorded(session)
    found: dict[str, list[float | None]] = {}
    for row in _queues(session, func.count(), func.max(Notice.id)):
        left = None if held else _left(session, row.channel, row.mode, row.above + row.n)
        found.setdefault(LANES[row.lane], []).append(left)
    return {lane: _slowest(each).seconds for lane, each in found.items()}


@dataclass(frozen=True, slots=True)
class _Queue:
    """One lane of one channel: how many wait in it and in the lanes above it, how many of them are asked for."""

    channel: str
    mode: str
    lane: int
    n: int
    above: int
    asked: int
    last: int | None


def _queues(session: Session, asked: Any, last: Any) -> list[_Queue]:
    """Every lane in which something waits that is not held, in one pass over the rows."""
    keys = (Notice.channel, Notice.mode, Notice.lane)
    query = (
        select(*keys, func.count(), asked, last).where(Notice.state.in_(WAITING), *_not_held(session)).group_by(*keys)
    )
    found: list[_Queue] = []
    for channel, mode, lane, n, mine, newest in session.execute(query.order_by(Notice.lane)).all():
        above = sum(one.n for one in found if (one.channel, one.mode) == (channel, mode))
        found.append(_Queue(channel, mode, lane, n, above, mine, newest))
    return found


def _not_held(session: Session) -> list[ColumnElement[bool]]:
    held = list(session.scalars(select(Alert.id).where(Alert.hold)))
    return [or_(Notice.alert_id.is_(None), Notice.alert_id.not_in(held))] if held else []


def _before(session: Session, row: _Queue) -> int:
    """In the lanes above, and in this one up to the last that is asked for."""
    if row.asked == row.n:
        return row.above + row.n
    here = (Notice.channel == row.channel, Notice.mode == row.mode, Notice.lane == row.lane, Notice.id <= row.last)
    counted = select(func.count(Notice.id)).where(Notice.state.in_(WAITING), *here, *_not_held(session))
    return row.above + (session.scalar(counted) or 0)


def _left(session: Session, channel: str, mode: str, backlog: int) -> float | None:
    way = next((way for way in dispatch.ways() if way.channel == channel and mode in way.modes), None)
    return seconds_left(backlog, allowed(session, way)) if way else None


def _slowest(each: list[float | None]) -> Eta:
    known = [seconds for seconds in each if seconds is not None]
    if len(known) < len(each):
        return Eta(None, None)
    seconds = max(known, default=0.0)
    return Eta(seconds, clock.now() + timedelta(seconds=seconds))


def allowed(session: Session, way: Way) -> float | None:
    """Notices a second on this way: the allowance set for the account in use, else as measured; None when neither."""
    shut = set(session.scalars(select(Breaker.account).where(Breaker.open_until_s > db.seconds())))
    account = next((one.name for one in way.accounts if one.name not in shut), "")
    set_to = config.allowances(os.environ).get((way.channel, account))
    if set_to or not account:
        return set_to
    first, handed = session.execute(
        select(func.min(Notice.accepted_at), func.count(Notice.id)).where(
            Notice.channel == way.channel, Notice.mode.in_(way.modes), Notice.accepted_at > clock.now() - RECENT
        )
    ).one()
    return measured(handed, (clock.now() - first).total_seconds()) if first else None
