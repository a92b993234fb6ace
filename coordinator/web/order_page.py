"""What stands on a receiver's page: the order as it now is, this plant's measures, whom to ring."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import clock, rulebook
from coordinator.models import Alert, AlertState, Incident, Issue, Mode, Notice, NoticeKind, Receiver
from rules.levels import Level

ROOM = 4500  # bytes of measures a page: with the rest it stays below 10 kB
LONGEST_REASON = 200
DRILL = {Mode.EXERCISE: "【演练】", Mode.TEST: "【测试】"}
ENDED = {
    AlertState.LIFTED: "预警已解除",
    AlertState.RETRACTED: "此通知已撤回",
}
DEPARTED = "本地预警已解除"  # the alert goes on elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """Words and figures, ready to be shown."""

    name: str
    number: str
    rev: int
    drill: str
    title: str
    ended: str
    ended_on: str
    span: str
    reason: str
    measures: tuple[str, ...]
    first: int
    rest: int
    acknowledged_at: str
    executed: bool
    cannot: str


def of(session: Session, receiver: Receiver, *, start: int = 0) -> OrderPage:
    """The page of one receiver. ``start`` leaves out so many measures: a long list takes several pages."""
    if receiver.alert_id is None:
        return _of_incident(session, receiver)
    alert = session.get_one(Alert, receiver.alert_id)
    ended, ended_on = _ended(session, alert, receiver)
    measures = [str(one.get("text", "")) for one in receiver.measures]
    first = start if 0 <= start < len(measures) else 0
    shown = _fitting(measures[first:])
    return OrderPage(
        name=receiver.name,
        number=_number(session, receiver),
        rev=receiver.last_rev,
        drill=DRILL.get(Mode(alert.mode), ""),
        title=_title(alert),
        ended=ended,
        ended_on=ended_on,
        span=span(alert.effective_from, alert.effective_to),
        reason=_clipped(alert.reason),
        measures=shown,
        first=first,
        rest=len(measures) - first - len(shown),
        acknowledged_at=_acknowledged(receiver, min(alert.order_rev, receiver.last_rev)),
        executed=receiver.executed_at is not None,
        cannot=_clipped(receiver.cannot),
    )


def _of_incident(session: Session, receiver: Receiver) -> OrderPage:
    incident = session.get_one(Incident, receiver.incident_id)
    return OrderPage(
        name=receiver.name,
        number=_number(session, receiver),
        rev=receiver.last_rev,
        drill=DRILL.get(Mode(incident.mode), ""),
        title=f"{_city(incident.city)}突发环境事件",
        ended="事件已结案" if incident.closed_at else "",
        ended_on=beijing(incident.closed_at) if incident.closed_at else "",
        span=f"{beijing(incident.learned_at)} 接报",
        reason=_clipped(incident.title),
        measures=(),
        first=0,
        rest=0,
        acknowledged_at=_acknowledged(receiver, receiver.last_rev),
        executed=receiver.executed_at is not None,
        cannot=_clipped(receiver.cannot),
    )


def _ended(session: Session, alert: Alert, receiver: Receiver) -> tuple[str, str]:
    """In which words it has ended for this receiver, and when; "" while it holds."""
    if alert.ended_at is not None:
        return ENDED.get(AlertState(alert.state), "预警已结束"), beijing(alert.ended_at)
    if receiver.city in alert.cities or receiver.key.startswith("officer:"):
        return "", ""
    issue = session.get(Issue, (alert.id, alert.in_force_rev))
    return DEPARTED, beijing(issue.issued_at) if issue else ""


def _title(alert: Alert) -> str:
    places = "、".join(_city(code) for code in alert.cities[:3]) + ("等地" if len(alert.cities) > 3 else "")
    return f"{places}重污染天气{Level(alert.level).chinese}预警"


def _city(code: str) -> str:
    found = rulebook.find_city(code)
    return found.name if found else code


def _number(session: Session, receiver: Receiver) -> str:
    """The number under which the receiver knows it: that of the last order, else of whatever came."""
    subject = (
        Notice.incident_id == receiver.incident_id if receiver.incident_id else Notice.alert_id == receiver.alert_id
    )
    query = (
        select(Notice.number)
        .where(subject, Notice.receiver == receiver.key)
        .order_by(Notice.kind != NoticeKind.ORDER, Notice.rev.desc(), Notice.id)
        .limit(1)
    )
    return session.scalar(query) or ""


def _fitting(measures: list[str]) -> tuple[str, ...]:
    """As many as fit, one at least."""
    shown: list[str] = []
    left = ROOM
    for text in measures:
        left -= len(text.encode()) + 10
        if shown and left < 0:
            break
        shown.append(text if left >= 0 else _clipped(text, ROOM // 4))
    return tuple(shown)


def _clipped(text: str, longest: int = LONGEST_REASON) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _acknowledged(receiver: Receiver, needed: int) -> str:
    done = receiver.acknowledged_at if receiver.acknowledged_rev >= max(needed, 1) else None
    return beijing(done) if done else ""


def beijing(at: datetime) -> str:
    """11月22日 18:00"""
    local = at.astimezone(clock.BEIJING)
    return f"{local.month}月{local.day}日 {local:%H:%M}"


def span(start: datetime, end: datetime | None) -> str:
    """From–to, by Beijing time; an order without end says so."""
    first = f"{start.astimezone(clock.BEIJING):%Y}年{beijing(start)}"
    return f"{first} 起，至 {beijing(end)}" if end else f"{first} 起，解除时间另行通知"


def public(alert: Alert) -> dict[str, Any]:
    """What anyone may read about an issued alert: nobody's name, no plant's name."""
    return {"title": _title(alert), "span": span(alert.effective_from, alert.effective_to)}
