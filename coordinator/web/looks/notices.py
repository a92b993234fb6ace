"""Notices and receivers of one alert: what exactly was said to whom, how it went, who answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import answers, audit, mandates, progress, requeue, wordings
from coordinator.errors import NotFound, Refusal
from coordinator.models import Alert, Answer, Attempt, CarrierEvent, Notice, Receiver
from coordinator.render import Words
from coordinator.web.looks.alerts import paged

SHEET_MOST = 2000


def alert_of(session: Session, alert_id: int) -> Alert:
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise NotFound(f"没有编号为 {alert_id} 的预警")
    return alert


def listed(session: Session, alert_id: int, asked: dict[str, str], page: int) -> tuple[list[Notice], bool]:
    """One page of notices; ``asked`` may name state, city, channel, kind, and words to look for."""
    query = select(Notice).where(Notice.alert_id == alert_id).order_by(Notice.id)
    for name in ("state", "city", "channel", "kind"):
        if asked.get(name):
            query = query.where(getattr(Notice, name) == asked[name])
    if words := asked.get("words"):
        like = [
            column.contains(words, autoescape=True)
            for column in (Notice.receiver_name, Notice.number, Notice.address, Notice.person)
        ]
        query = query.where(or_(*like))
    return paged(session, query, page)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLook:
    """One notice as evidence: the words as sent, each hand-over, what the carrier said, what the receiver answered."""

    notice: Notice
    words: Words
    attempts: list[Attempt]
    events: list[CarrierEvent]
    receiver: Receiver | None
    answers: list[Answer]
    successor: int | None  # the notice that was sent in this dead one's place


def one(session: Session, notice_id: int) -> NoticeLook:
    notice = session.get(Notice, notice_id)
    if notice is None:
        raise NotFound(f"没有编号为 {notice_id} 的通知")
    mine = _subject(notice)
    return NoticeLook(
        notice=notice,
        words=wordings.said(session, notice),
        attempts=list(session.scalars(select(Attempt).where(Attempt.notice_id == notice_id).order_by(Attempt.n))),
        events=list(session.scalars(select(CarrierEvent).where(CarrierEvent.notice_id == notice_id).order_by(CarrierEvent.id))),
        receiver=session.scalar(select(Receiver).where(mine[0], Receiver.key == notice.receiver)),
        answers=list(session.scalars(select(Answer).where(mine[1], Answer.receiver == notice.receiver).order_by(Answer.id))),
        successor=requeue.successor(session, notice),
    )  # fmt: skip


def _subject(notice: Notice) -> tuple[Any, Any]:
    if notice.incident_id:
        return Receiver.incident_id == notice.incident_id, Answer.incident_id == notice.incident_id
    return Receiver.alert_id == notice.alert_id, Answer.alert_id == notice.alert_id


def receivers(session: Session, alert: Alert, which: str, page: int) -> tuple[list[Receiver], bool]:
    """Receivers who can't, who stay silent, or all."""
    query = select(Receiver).where(Receiver.alert_id == alert.id).order_by(Receiver.city, Receiver.name)
    if which == "cannot":
        query = query.where(Receiver.cannot != "")
    if which == "silent":
        query = query.where(Receiver.acknowledged_rev < alert.order_rev)
    if which == "done":
        query = query.where(Receiver.executed_at.is_not(None))
    return paged(session, query, page)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverLook:
    """One plant or officer of one alert: what it must do, how it was told, what it answered."""

    receiver: Receiver
    notices: list[Notice]
    answers: list[Answer]


def receiver(session: Session, receiver_id: int) -> ReceiverLook:
    found = session.get(Receiver, receiver_id)
    if found is None:
        raise NotFound(f"没有编号为 {receiver_id} 的收件单位")
    column, subject = ("incident_id", found.incident_id) if found.incident_id else ("alert_id", found.alert_id)
    sent = select(Notice).where(getattr(Notice, column) == subject, Notice.receiver == found.key).order_by(Notice.id)
    said = select(Answer).where(getattr(Answer, column) == subject, Answer.receiver == found.key).order_by(Answer.id)
    return ReceiverLook(receiver=found, notices=list(session.scalars(sent)), answers=list(session.scalars(said)))


def take_answer(session: Session, receiver_id: int, person: Officer, form: Mapping[str, str]) -> None:
    """Write down who said what on the phone."""
    found = session.get(Receiver, receiver_id, with_for_update=True)
    if found is None:
        raise NotFound(f"没有编号为 {receiver_id} 的收件单位")
    mandates.require_places(person, [found.city])
    caller, kind, words = form.get("caller", "").strip(), form.get("kind", ""), form.get("words", "")
    if not caller:
        raise Refusal("请写明和谁通的话")
    by = f"{caller}（值班员 {person.id} 代记）"
    answers.answer(session, found, kind=kind, by=by, channel="desk", words=words)
    audit.record(session, person.id, f"answer {kind}", f"receiver:{found.id}", caller=caller, words=words)


def sheet(session: Session, alert_id: int) -> list[Receiver]:
    """Whom a person must ring."""
    return progress.unreachable(session, alert_id)[:SHEET_MOST]
