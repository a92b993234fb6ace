"""换渠道: who is told by no way at all is called, or the next on the ladder is told at once. People at the desk come last."""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session, aliased

from coordinator import audit, chasing, clock, db, dispatch, queues, requeue, tokens
from coordinator.channels import sms
from coordinator.chasing import Round
from coordinator.models import FINISHED, Alert, Notice, NoticeKind, Receiver, State
from coordinator.orders import LANES, PlannedNotice
from coordinator.response import PROGRAM

AT_ONCE = 200  # a round comes every few seconds: a carrier that loses everything is not answered with a flood
LOST = (State.UNDELIVERED, State.FAILED, State.UNKNOWN)
RETRY_AFTER = timedelta(minutes=10)  # the carrier's own advice for a phone that was off or out of reach
RETRY_WITHIN = timedelta(hours=1)  # after that the desk has them
CALLED = -1  # steps of calls lie below those of the ladder: one for each person on it


def take() -> int:
    """Another way for those whom none has reached, and one more text where the carrier says «later». How many texts and calls."""
    with db.transaction() as session:
        asked = Round(session, page=chasing.AT_ONCE)
        for receiver in _stranded(session):
            detour(asked, receiver)
        asked.close()
        again = _once_more(session)
    if asked.rows or again:
        queues.hint("detours")
    return len(asked.rows) + again


def _stranded(session: Session) -> list[Receiver]:
    """Not yet left to the desk; something sent to them is lost, and nothing is delivered or on its way."""
    lost, hope = aliased(Notice), aliased(Notice)
    query = (
        select(Receiver)
        .join(Alert, Alert.id == Receiver.alert_id)
        .where(Receiver.chase_at.is_not(None), Alert.state.in_(chasing.CHASED), ~Alert.hold)
        .where(exists().where(_of(lost), lost.state.in_(db.words(*LOST))))
        .where(~exists().where(_of(hope), hope.kind != NoticeKind.MANUAL, _open(hope)))
        .order_by(Receiver.id)
        .limit(AT_ONCE)
    )
    return list(session.scalars(query.with_for_update(of=Receiver, skip_locked=True)))


def _of(notice: type[Notice]) -> ColumnElement[bool]:
    return and_(notice.alert_id == Receiver.alert_id, notice.receiver == Receiver.key, notice.rev == Receiver.last_rev)


def _open(notice: type[Notice]) -> ColumnElement[bool]:
    return notice.state.not_in(FINISHED) | (notice.state == State.DELIVERED)


def detour(asked: Round, receiver: Receiver) -> None:
    """The phone that was lost is called where calls can be made, once; else the next on the ladder is told."""
    lost = asked.session.scalars(
        select(Notice)
        .where(Notice.alert_id == receiver.alert_id, Notice.receiver == receiver.key, Notice.rev == receiver.last_rev)
        .where(Notice.state.in_(LOST))
        .order_by(Notice.id.desc())
    ).first()
    assert lost is not None
    place = _place(receiver, lost.address)
    person = receiver.people[place]
    if person["phone"] and _can_call(lost.mode) and not _called(asked.session, receiver, place):
        call = PlannedNotice("voice", person["phone"], person["key"], LANES[lost.lane])
        chasing.remind(asked, receiver, person=place, ways=(call,), step=CALLED - place)
    else:
        chasing.ask_next(asked, receiver)


def _place(receiver: Receiver, address: str) -> int:
    """Whose address it is, on the ladder."""
    theirs = (n for n, person in enumerate(receiver.people) if address in (person["phone"], person["email"]))
    return next(theirs, 0)


def _can_call(mode: str) -> bool:
    return any(way.channel == "voice" and mode in way.modes for way in dispatch.ways())


def _called(session: Session, receiver: Receiver, place: int) -> bool:
    calls = select(Notice.id).where(
        Notice.alert_id == receiver.alert_id, Notice.receiver == receiver.key, Notice.rev == receiver.last_rev,
        Notice.channel == "voice", Notice.step == CALLED - place,
    )  # fmt: skip
    return session.scalar(calls) is not None


def _once_more(session: Session) -> int:
    """Ten minutes after the carrier said that a phone was out of reach, its order goes out again: a row beside the lost one."""
    again: dict[int, list[int]] = {}
    for lost in _may_work_later(session):
        fresh = requeue.beside(lost)
        fresh.marker = tokens.marker("once more", lost.id)  # a look-up must not take the lost one for this
        session.add(fresh)
        again.setdefault(lost.alert_id or 0, []).append(lost.id)
    for alert_id, ids in again.items():
        audit.record(session, PROGRAM, "requeue", f"alert:{alert_id}", reason="运营商报告手机暂时不通,10 分钟后重发一次",
                     notices=ids)  # fmt: skip
    return sum(map(len, again.values()))


def _may_work_later(session: Session) -> list[Notice]:
    made, told, now = aliased(Notice), aliased(Notice), clock.now()
    query = (
        select(Notice)
        .join(Receiver, _of(Notice))
        .join(Alert, Alert.id == Notice.alert_id)
        .where(Notice.state.in_(db.words(*LOST)), Notice.channel == sms.KIND, Notice.kind == NoticeKind.ORDER)
        .where(Notice.error.in_(sms.LATER), Notice.finished_at <= now - RETRY_AFTER)
        .where(Notice.finished_at > now - RETRY_WITHIN, (Notice.valid_until > now) | Notice.valid_until.is_(None))
        .where(Receiver.acknowledged_rev < Receiver.last_rev, Alert.state.in_(chasing.CHASED), ~Alert.hold)
        .where(~exists().where(_of(told), told.state == State.DELIVERED))
        .where(~exists().where(_of(made), made.kind == NoticeKind.MANUAL, made.step == Notice.id))
        .order_by(Notice.id)
        .limit(AT_ONCE)
    )
    return list(session.scalars(query.with_for_update(of=Notice, skip_locked=True)))
