"""A notice that died of our own fault is sent after all, by a person, with a reason: a new row beside the dead one."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import audit, clock, dispatch, mandates
from coordinator.errors import NotFound, Refusal, Unprocessable
from coordinator.models import Alert, AlertState, Notice, NoticeKind, State
from coordinator.spoken import STATES


def requeue(session: Session, notice_id: int, officer: Officer, *, reason: str) -> Notice:
    """The new notice, of kind manual: the same words, address and marker, so that a look-up still finds an old copy.

    Raises Refusal without a reason, Forbidden outside the officer's places, Unprocessable when the notice is not dead,
    was requeued before, or its order is no longer what holds.
    """
    dead = session.get(Notice, notice_id, with_for_update=True)
    if dead is None:
        raise NotFound(f"没有编号为 {notice_id} 的通知")
    mandates.require_places(officer, [dead.city])
    if not reason.strip():
        raise Refusal("请写明理由:哪里出了故障,怎样排除的")
    _may_still_be_said(session, dead)
    if made := successor(session, dead):
        raise Unprocessable(f"这份通知已经重新派发过,见通知 {made}")
    fresh = beside(dead)
    session.add(fresh)
    session.flush()
    audit.record(
        session, officer.id, "requeue", f"notice:{dead.id}", reason=reason.strip(), by=fresh.id, number=dead.number
    )
    return fresh


def successor(session: Session, dead: Notice) -> int | None:
    """The notice that was sent in this one's place. Its step is this one's id: the key lets it happen once."""
    same = (Notice.number == dead.number, Notice.receiver == dead.receiver, Notice.channel == dead.channel)
    return session.scalar(select(Notice.id).where(*same, Notice.kind == NoticeKind.MANUAL, Notice.step == dead.id))


def _may_still_be_said(session: Session, dead: Notice) -> None:
    if dead.state != State.DEAD:
        raise Unprocessable(f"只有“{STATES['dead']}”的通知可以重新派发,这一份是“{STATES[dead.state]}”")
    if dead.valid_until and dead.valid_until < clock.now():
        raise Unprocessable("这份通知的指令已经结束,不能再发;请改用电话说明")
    alert = session.get(Alert, dead.alert_id, with_for_update=True) if dead.alert_id else None
    if alert and (dead.rev < alert.in_force_rev or alert.state == AlertState.CLOSED):
        raise Unprocessable(f"预警 {alert.number} 已有更新的指令或已归档,这份通知不能再发")


def beside(dead: Notice) -> Notice:
    """The same notice once more, of kind manual; not yet in the session."""
    kept = {column.key: getattr(dead, column.key) for column in Notice.__table__.columns if column.key != "id"}
    return Notice(**kept | dispatch.UNSENT | {"kind": NoticeKind.MANUAL, "step": dead.id, "created_at": clock.now()})
