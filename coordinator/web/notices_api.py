"""Notices over the interface: as they were sent, and what somebody told the desk about them."""

from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import answers, mandates, requeue
from coordinator.dispatch import DUTY_LANE
from coordinator.errors import Forbidden
from coordinator.models import Alert, Notice, Receiver
from coordinator.web import acting, asked, auth, said, wire

PAGE_SIZE = 100
ALL_PLACES = ("auditor", "director")
notices = APIBlueprint("notices_api", __name__, url_prefix="/api/v1", tag="Notices")
Answer = Any


@notices.get("/alerts/<row:alert_id>/notices")
@notices.input(asked.NoticesQuery, location="query", arg_name="sought")
@auth.may("read")
@acting.look
def sent(session: Session, alert_id: int, sought: asked.NoticesQuery) -> Answer:
    """The notices of an alert as they were sent, page by page. Calls to signers and duty officers come with kind=reminder."""
    alert = wire.found(session.get(Alert, alert_id), f"没有编号为 {alert_id} 的预警")
    query = select(Notice).where(Notice.alert_id == alert_id)
    for name in ("state", "kind", "channel"):
        if value := getattr(sought, name):
            query = query.where(getattr(Notice, name) == value)
    if not sought.kind:
        query = query.where(Notice.lane != DUTY_LANE)
    if sought.city:
        query = query.where(Notice.city == wire.cities([sought.city], "city")[0])
    if (held := places(auth.officer(), alert)) is not None:
        query = query.where(Notice.city.in_(held))
    rows, place = wire.paged(session, query.order_by(Notice.id), sought.page, PAGE_SIZE)
    return {"notices": said.notices(rows), **place}


def places(officer: Officer, alert: Alert) -> list[str] | None:
    """The cities of the alert whose people's names and numbers this officer may see; None: all of them."""
    if officer.role in ALL_PLACES:
        return None
    held = [city for city in alert.cities if mandates.covers(officer, city)]
    if not held:
        raise Forbidden("这份预警的城市都不在您的辖区，不能查看收件人；请由当地或上级人员办理")
    return None if len(held) == len(alert.cities) else held


@notices.post("/notices/<row:notice_id>/acknowledge")
@notices.input(asked.Acknowledged, arg_name="body")
@notices.doc(responses={200: "The receiver"})
@auth.may("answer")
@acting.act
def acknowledge(session: Session, notice_id: int, body: asked.Acknowledged) -> Answer:
    """Acknowledge on behalf of somebody who rang the desk."""
    return _on_behalf(session, notice_id, "acknowledge", body)


@notices.post("/notices/<row:notice_id>/answer")
@notices.input(asked.Answered, arg_name="body")
@notices.doc(responses={200: "The receiver"})
@auth.may("answer")
@acting.act
def answer(session: Session, notice_id: int, body: asked.Answered) -> Answer:
    """Write down what somebody who rang the desk says the plant does."""
    return _on_behalf(session, notice_id, body.kind, body)


@notices.post("/notices/<row:notice_id>/requeue")
@notices.input(asked.Requeued, arg_name="body")
@notices.doc(responses={201: "The notice that is sent in the dead one's place"})
@auth.may("requeue")
@acting.act
def again(session: Session, notice_id: int, body: asked.Requeued) -> Answer:
    """Send a dead notice's words after all, as a notice of kind manual. Once; the dead one stays as it is."""
    made = requeue.requeue(session, notice_id, auth.officer(), reason=body.reason)
    acting.hint(f"notice {made.id}")
    return {"notice": said.notices([made])[0]}, 201


def _on_behalf(session: Session, notice_id: int, kind: str, told: asked.Acknowledged) -> Answer:
    notice = wire.found(session.get(Notice, notice_id), f"没有编号为 {notice_id} 的通知")
    receiver = answers.on_behalf(session, notice, auth.officer(), kind=kind, caller=told.caller, words=told.words)
    return {"notice": notice_id, "kind": kind, "receiver": _receiver(receiver)}


def _receiver(row: Receiver) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": row.name,
        "city": row.city,
        "acknowledged_at": row.acknowledged_at,
        "executed_at": row.executed_at,
        "cannot": row.cannot,
    }
