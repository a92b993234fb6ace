"""催办: past the deadline → remind, then the next on the ladder, then a person at the desk."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contacts import ladder
from coordinator import answers, bundles, clock, db, issuing, paging, queues, tokens, wordings
from coordinator.models import Alert, AlertState, Issue, Notice, NoticeKind, Receiver
from coordinator.orders import Order, Person, PlannedNotice
from rules.levels import Level

BATCH = 500
AT_DEADLINE, AT_ONCE = 1, 2  # steps of the page to the desk: when the time is up, and when no way is left before that
CHASED = (AlertState.ACTIVE, AlertState.CHANGING, AlertState.ISSUING)


@dataclass
class Round:
    """What one round asks for: notices as rows, and the alerts whose plants are left to the desk."""

    session: Session
    book: wordings.Book = field(default_factory=wordings.Book)
    rows: list[dict[str, object]] = field(default_factory=list)
    for_the_desk: dict[int, Alert] = field(default_factory=dict)
    page: int = AT_DEADLINE
    issues: dict[tuple[int, int], tuple[Alert, Issue]] = field(default_factory=dict)
    orders: dict[tuple[int, int], Order] = field(default_factory=dict)
    numbers: dict[tuple[int, int, str], tuple[str, int]] = field(default_factory=dict)

    def look_up(self, receivers: Iterable[Receiver]) -> None:
        """The number and turn under which each was told, in one question for each issue."""
        by_issue: dict[tuple[int, int], list[str]] = defaultdict(list)
        for one in receivers:
            by_issue[(one.alert_id or 0, one.last_rev)].append(one.key)
        for (alert_id, rev), keys in by_issue.items():
            told = select(Notice.receiver, func.min(Notice.number), func.min(Notice.turn)).group_by(Notice.receiver)
            told = told.where(Notice.alert_id == alert_id, Notice.rev == rev, db.among(Notice.receiver, keys))
            for key, number, turn in self.session.execute(told):
                self.numbers[(alert_id, rev, key)] = (number, turn)

    def of(self, receiver: Receiver) -> tuple[Alert, Issue]:
        """The receiver's alert and the issue it was last told by; held on to, or each would be read anew."""
        key = (receiver.alert_id or 0, receiver.last_rev)
        if key not in self.issues:
            alert = self.session.get_one(Alert, key[0])
            self.issues[key] = alert, self.session.get_one(Issue, key)
        return self.issues[key]

    def order(self, alert: Alert, issue: Issue) -> Order:
        """What the issue says, read once a round."""
        key = (alert.id, issue.rev)
        if key not in self.orders:
            self.orders[key] = issuing.order_of(self.session, alert, issue)
        return self.orders[key]

    def close(self) -> None:
        """Write it all: one text for a phone with many plants, one page for an alert with many plants."""
        sent, folded = bundles.fold(self.session, self.book, self.rows)
        paging.put(self.session, self.book, sent)
        bundles.write(self.session, folded)
        for alert in self.for_the_desk.values():
            left = _left_to_the_desk(self.session, alert)
            paging.page_duty(self.session, alert, purpose="unreached", step=self.page, n=left)


def chase_due() -> int:
    """Every silent receiver whose time has come, a few hundred a transaction. Gives back how many were chased."""
    done = 0
    while True:
        with db.transaction() as session:
            silent, asked = _silent(session), Round(session)
            asked.look_up(silent)
            for receiver in silent:
                chase(asked, receiver)
            asked.close()
        done += len(silent)
        if asked.rows:
            queues.hint("reminders")
        if len(silent) < BATCH:
            return done


def _silent(session: Session) -> list[Receiver]:
    """Locked, so that no other process chases them too; an acknowledgement has already cleared ``chase_at``."""
    query = (
        select(Receiver)
        .join(Alert, Alert.id == Receiver.alert_id)
        .where(Receiver.chase_at <= clock.now(), Alert.state.in_(CHASED), ~Alert.hold)
        .order_by(Receiver.chase_at, Receiver.id)
        .limit(BATCH)
    )
    return list(session.scalars(query.with_for_update(of=Receiver, skip_locked=True)))


def _left_to_the_desk(session: Session, alert: Alert) -> int:
    """Plants of this alert that are silent at the end of their ladder, or due for it now: one page tells of all."""
    silent = (Receiver.alert_id == alert.id, Receiver.acknowledged_rev < Receiver.last_rev)
    at_the_end = Receiver.chase_at.is_(None) | (Receiver.chase_at <= clock.now())
    return session.scalar(select(func.count()).select_from(Receiver).where(*silent, at_the_end)) or 0


def chase(asked: Round, receiver: Receiver) -> None:
    """One step: remind who was told, tell the next person, or leave the plant to the desk's call sheet."""
    alert, issue = asked.of(receiver)
    step = ladder.next_step(Level(alert.level).word, taken=receiver.chase_step, people=len(receiver.people))
    if step is None or answers.answered_at(receiver):
        receiver.chase_at = None
        return
    receiver.chase_step += 1
    ahead = ladder.next_step(Level(alert.level).word, taken=receiver.chase_step, people=len(receiver.people))
    receiver.chase_at = issue.issued_at + ahead.after if ahead else None
    if step.ask is ladder.Ask.DESK:
        asked.for_the_desk[alert.id] = alert
        return
    if receiver.people:
        person = Person(**receiver.people[min(step.person, len(receiver.people) - 1)])
        ways = issuing.ways_to(person, "reminder" if alert.mode == "actual" else "drill")
        remind(asked, receiver, person=step.person, ways=ways, step=receiver.chase_step)


def ask_next(asked: Round, receiver: Receiver) -> None:
    """The next on the ladder at once: who was told can't be reached, so there is nobody to remind."""
    receiver.chase_step = max(receiver.chase_step, 1)
    chase(asked, receiver)


def remind(asked: Round, receiver: Receiver, *, person: int, ways: tuple[PlannedNotice, ...], step: int) -> None:
    """A reminder by each of ``ways`` to the person at this place on the ladder, under the number of the order."""
    alert, issue = asked.of(receiver)
    one = issuing.remembered(receiver, asked.order(alert, issue), person=person)
    told = (alert.id, issue.rev, receiver.key)
    if told not in asked.numbers:
        asked.look_up([receiver])
    number, turn = asked.numbers.get(told, (alert.number, 0))
    asked.rows += [
        issuing.notice_row(
            asked.book, one, way, NoticeKind.REMINDER, number=number,
            code=receiver.code, token=tokens.link(f"alert:{alert.id}", receiver.key), step=step, now=clock.now(),
        )
        | {"alert_id": alert.id, "rev": issue.rev, "turn": turn}
        for way in ways
    ]  # fmt: skip
