"""送达回执: what carriers tell us. Kept first, acted on second; finished stays finished."""

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from coordinator import clock, db
from coordinator.dispatch import modules
from coordinator.models import FINISHED, CarrierEvent, Notice, State

RANK = {State.UNCERTAIN: 0, State.ACCEPTED: 1, State.SENT: 2}
DONE = 3  # of every finished state


def keep(session: Session, kind: str, event_key: str, *, notice_id: int | None, form: Mapping[str, str]) -> bool:
    """Store one event as it came. False when it is a repeat, which then has no effect."""
    row = {
        "event_key": event_key,
        "kind": kind,
        "notice_id": notice_id,
        "form": dict(form),
        "received_at": clock.now(),
        "applied": "",
    }
    inserted = session.execute(
        db.insert_new(CarrierEvent.__table__).values(row).returning(CarrierEvent.id)  # type: ignore[arg-type]
    )
    return inserted.first() is not None


def record(session: Session, form: Mapping[str, str], *, attempt: str) -> None:
    """One status callback about one attempt: keep it, and act on it if the notice is ready for it."""
    module = modules()["voice" if "CallSid" in form else "sms"]
    reference, word = module.receipt(form)
    notice_id = int(attempt.split(".")[0])
    if keep(session, "status", f"{reference}:{word}", notice_id=notice_id, form=form):
        event = session.scalar(select(CarrierEvent).where(CarrierEvent.event_key == f"{reference}:{word}"))
        assert event is not None
        apply(session, event)


def apply(session: Session, event: CarrierEvent) -> None:
    """Raise the notice's state if the event ranks higher. Too early: stays unapplied and is tried again."""
    module = modules()["voice" if "CallSid" in event.form else "sms"]
    reference, word = module.receipt(event.form)
    claimed = State(module.STATUS.get(word, State.ACCEPTED))
    notice = session.get(Notice, event.notice_id, with_for_update=True)
    if notice is None:
        event.applied = "no such notice"
    elif notice.state in (State.SENDING, State.PENDING):
        return  # the reply that brought the reference is not written yet
    elif notice.reference and notice.reference != reference:
        event.applied = "conflict: other reference"
        notice.error = f"another copy was accepted: {reference}"
    else:
        event.applied = _raise(session, notice, claimed, reference, code=module.error_code(event.form))


def _raise(session: Session, notice: Notice, claimed: State, reference: str, *, code: str) -> str:
    if RANK.get(State(notice.state), DONE) >= RANK.get(claimed, DONE) and notice.state != claimed:
        return "lower rank" if claimed not in FINISHED else f"conflict: stays {notice.state}"
    if notice.state == claimed:
        return "repeat"
    if notice.state == State.UNCERTAIN and claimed != State.ACCEPTED:
        _step(session, notice, State.ACCEPTED, reference, code="")
    _step(session, notice, claimed, reference, code=code)
    return "applied"


def _step(session: Session, notice: Notice, to: State, reference: str, *, code: str) -> None:
    notice.state, notice.reference = to, reference
    notice.accepted_at = notice.accepted_at or clock.now()
    if to in FINISHED:
        notice.finished_at = clock.now()
    notice.error = code or notice.error
    session.flush()


def apply_waiting(session: Session, limit: int = 500) -> int:
    """Events that came before their notice was ready."""
    events = session.scalars(select(CarrierEvent).where(CarrierEvent.applied == "").limit(limit)).all()
    for event in events:
        if event.kind == "status":
            apply(session, event)
    return sum(event.applied != "" for event in events)


def adopt(session: Session, notice_id: int, reference: str) -> None:
    """A look-up found it at the carrier: it was accepted after all."""
    session.execute(
        update(Notice)
        .where(Notice.id == notice_id, Notice.state == State.UNCERTAIN)
        .values(
            state=State.ACCEPTED, reference=reference, accepted_at=clock.now(), lease_s=db.seconds(), asked=0, error=""
        )  # its silence counts from now on
    )
