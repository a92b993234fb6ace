"""催办: past the deadline → remind, then the next on the ladder, then a person at the desk."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import ladder
from coordinator import answers, clock, db, issuing, paging, queues, tokens, wordings
from coordinator.models import Alert, AlertState, Issue, Notice, NoticeKind, Receiver
from rules.levels import Level

BATCH = 500
CHASED = (AlertState.ACTIVE, AlertState.CHANGING, AlertState.ISSUING)


def chase_due() -> int:
    """Every silent receiver whose time has come, a few hundred a transaction. Gives back how many were chased."""
    done = 0
    while True:
        with db.transaction() as session:
            silent, book = _silent(session), wordings.Book()
            rows = [row for receiver in silent for row in chase(session, receiver, book)]
            paging.put(session, book, rows)
        done += len(silent)
        if rows:
            queues.hint("reminders")
        if len(silent) < BATCH:
            return done


def _silent(session: Session) -> list[Receiver]:
    """Locked, so that no other process chases them too; an acknowledgement has already cleared ``chase_at``."""
    query = (
        select(Receiver)
        .join(Alert, Alert.id == Receiver.alert_id)
        .where(Receiver.chase_at <= clock.now(), Alert.state.in_(CHASED), ~Alert.hold)
        .order_by(Receiver.chase_at)
        .limit(BATCH)
    )
    return list(session.scalars(query.with_for_update(of=Receiver, skip_locked=True)))


def chase(session: Session, receiver: Receiver, book: wordings.Book) -> list[dict[str, object]]:
    """One step: remind who was told, tell the next person, or leave the plant to the desk's call sheet."""
    alert = session.get_one(Alert, receiver.alert_id)
    issue = session.get_one(Issue, (alert.id, receiver.last_rev))
    step = ladder.next_step(Level(alert.level).word, taken=receiver.chase_step, people=len(receiver.people))
    if step is None or answers.answered_at(receiver):
        receiver.chase_at = None
        return []
    receiver.chase_step += 1
    ahead = ladder.next_step(Level(alert.level).word, taken=receiver.chase_step, people=len(receiver.people))
    receiver.chase_at = issue.issued_at + ahead.after if ahead else None
    if step.ask is ladder.Ask.DESK:
        paging.page_duty(session, alert, purpose="unreached", step=1, n=1)
        return []
    return _reminders(session, book, alert, issue, receiver=receiver, step=step)


def _reminders(
    session: Session, book: wordings.Book, alert: Alert, issue: Issue, *, receiver: Receiver, step: ladder.Step
) -> list[dict[str, object]]:
    order = issuing.order_of(session, alert, issue)
    one = issuing.remembered(receiver, order, person=step.person)
    subject = f"alert:{alert.id}"
    before = session.execute(
        select(Notice.number, Notice.turn)
        .where(Notice.alert_id == alert.id, Notice.rev == issue.rev, Notice.receiver == receiver.key)
        .order_by(Notice.id)
    ).first()
    return [
        issuing.notice_row(
            book, one, way, NoticeKind.REMINDER, number=before.number if before else alert.number, code=receiver.code,
            token=tokens.link(subject, receiver.key), step=receiver.chase_step, now=clock.now(),
        )
        | {"alert_id": alert.id, "rev": issue.rev, "turn": before.turn if before else 0}
        for way in issuing.ways_to(one.person, "reminder" if alert.mode == "actual" else "drill")
    ] if one.person else []  # fmt: skip
