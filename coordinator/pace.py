"""When will the last notice be handed over? The backlog ahead of it, divided by what the carrier allows."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from coordinator import clock, config, db, dispatch, fingerprint
from coordinator.dispatch import Way
from coordinator.models import Alert, Breaker, Notice, State
from coordinator.orders import LANES

RECENT = timedelta(minutes=2)
SHORTEST_S = 1.0
WAITING = (State.PLANNED, State.PENDING, State.SENDING)


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
    alert = session.get_one(Alert, alert_id)
    last = select(Notice.channel, Notice.mode, func.max(Notice.lane), func.count()).where(
        Notice.alert_id == alert_id, Notice.state.in_(WAITING)
    )
    waits = session.execute(last.group_by(Notice.channel, Notice.mode)).all()
    if waits and (alert.hold or fingerprint.recorded(session)):
        return Eta(None, None)
    ways = {(way.channel, str(mode)): way for way in dispatch.ways() for mode in way.modes}
    return _slowest([
        _left(session, ways.get((channel, mode)), channel, before=_before(session, alert_id, channel, lane))
        for channel, mode, lane, _ in waits
    ])  # fmt: skip


def of_lanes(session: Session) -> dict[str, float | None]:
    """Of each lane by name: seconds until what is due now in it, and before it, is handed over."""
    held = fingerprint.recorded(session)
    ways = {} if held else {(way.channel, str(mode)): way for way in dispatch.ways() for mode in way.modes}
    query = select(Notice.channel, Notice.mode, Notice.lane).where(Notice.state == State.PENDING).distinct()
    found: dict[str, list[float | None]] = {}
    for channel, mode, lane in session.execute(query).all():
        left = _left(session, ways.get((channel, mode)), channel, before=Notice.lane <= lane)
        found.setdefault(LANES[lane], []).append(left)
    return {lane: _slowest(each).seconds for lane, each in found.items()}


def _slowest(each: list[float | None]) -> Eta:
    known = [seconds for seconds in each if seconds is not None]
    if len(known) < len(each):
        return Eta(None, None)
    seconds = max(known, default=0.0)
    return Eta(seconds, clock.now() + timedelta(seconds=seconds))


def _before(session: Session, alert_id: int, channel: str, lane: int) -> Any:
    """In a higher lane, or in this one and not behind this alert's last."""
    mine = (Notice.alert_id == alert_id, Notice.channel == channel, Notice.lane == lane, Notice.state.in_(WAITING))
    last = session.scalar(select(func.max(Notice.id)).where(*mine)) or 0
    return or_(Notice.lane < lane, (Notice.lane == lane) & (Notice.id <= last))


def _left(session: Session, way: Way | None, channel: str, *, before: Any) -> float | None:
    if way is None:
        return None
    held = exists().where(Alert.id == Notice.alert_id, Alert.hold)
    ahead = select(func.count(Notice.id)).where(
        Notice.state.in_(WAITING), Notice.channel == channel, Notice.mode.in_(way.modes), before, ~held
    )
    return seconds_left(session.scalar(ahead) or 0, allowed(session, way))


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
