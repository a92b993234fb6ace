"""Do the books close? Invariants asked of the rows themselves; every violation is named."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coordinator import audit, db, fingerprint, mandates, underway
from coordinator.models import (
    Alert,
    AlertState,
    Attempt,
    CarrierEvent,
    Issue,
    Mode,
    Notice,
    NoticeKind,
    Receiver,
    Revision,
    ScheduleRun,
    Signature,
    State,
    Wording,
)
from coordinator.orders import says_drill
from coordinator.tokens import same
from rules.levels import Level

MOST = 50
MARKS = {Mode.EXERCISE: "【演练】", Mode.TEST: "【测试】"}
STUCK_S = 100.0


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant and what breaks it."""

    name: str
    violations: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.violations


def run() -> dict[str, Any]:
    """CONTRACT: {"ok", "checks": [{"name", "ok", "violations"}]}."""
    with db.reading() as session:
        found = checks(session, [name for name, _ in CHECKS])
    return {
        "ok": all(check.ok for check in found),
        "checks": [{"name": check.name, "ok": check.ok, "violations": check.violations} for check in found],
    }


def checks(session: Session, names: Collection[str]) -> list[Check]:
    """These invariants, asked now."""
    return [Check(name, _some(find(session))) for name, find in CHECKS if name in names]


def _some(found: Iterator[str]) -> list[str]:
    return [line for line, _ in zip(found, range(MOST), strict=False)]


def closed_book(session: Session) -> Iterator[str]:
    """Every issued revision has as many notices as were listed."""
    counted = (
        select(Notice.alert_id, Notice.rev, func.count().label("n"))
        .where(Notice.kind.in_((NoticeKind.ORDER, NoticeKind.CORRECTION)))
        .group_by(Notice.alert_id, Notice.rev)
        .subquery()
    )
    rows = session.execute(
        select(Issue.alert_id, Issue.rev, Issue.listed, func.coalesce(counted.c.n, 0))
        .outerjoin(counted, (counted.c.alert_id == Issue.alert_id) & (counted.c.rev == Issue.rev))
        .where(Issue.materialised_at.is_not(None), Issue.listed != func.coalesce(counted.c.n, 0))
    )
    for alert_id, rev, listed, found in rows:
        yield f"alert {alert_id} rev {rev}: {listed} listed, {found} there"


def every_receiver_is_told_or_named(session: Session) -> Iterator[str]:
    """A receiver of an issued alert has a notice, or a complaint that says why not."""
    noticed = select(Notice.id).where(Notice.alert_id == Receiver.alert_id, Notice.receiver == Receiver.key).exists()
    rows = session.execute(
        select(Receiver.alert_id, Receiver.key).where(
            Receiver.alert_id.is_not(None), ~noticed, Receiver.complaint == ""
        )
    )
    for alert_id, key in rows:
        yield f"alert {alert_id}: {key} has neither notice nor complaint"


def accepted_has_reference(session: Session) -> Iterator[str]:
    rows = session.execute(
        select(Notice.id, Notice.state).where(
            Notice.state.in_((State.ACCEPTED, State.SENT, State.DELIVERED)), Notice.reference.is_(None)
        )
    )
    for notice_id, state in rows:
        yield f"notice {notice_id} is {state} without the carrier's reference"


def delivered_has_receipt(session: Session) -> Iterator[str]:
    heard = select(CarrierEvent.id).where(CarrierEvent.notice_id == Notice.id).exists()
    rows = session.execute(select(Notice.id).where(Notice.state == State.DELIVERED, ~heard, Notice.asked == 0))
    for (notice_id,) in rows:
        yield f"notice {notice_id} is delivered without a receipt"


def issued_was_signed(session: Session) -> Iterator[str]:
    """Enough distinct people signed that very revision and text; none of them had asked for it."""
    for issue in session.scalars(select(Issue)):
        alert, said = session.get_one(Alert, issue.alert_id), session.get(Revision, (issue.alert_id, issue.rev))
        if said is None:
            yield f"alert {issue.alert_id} rev {issue.rev}: issued without a revision"
            continue
        if issue.change == "retract" and alert.mode != Mode.ACTUAL:
            continue  # a drill may be called off by its director
        signed = session.scalars(
            select(Signature).where(
                Signature.alert_id == issue.alert_id, Signature.rev == issue.rev, Signature.decision == "approve",
                Signature.purpose == issue.change,
            )
        ).all()  # fmt: skip
        good = {one.officer: one.role for one in signed if same(one.body_hash, said.body_hash)}
        own = set(good) & {said.asked_by}
        if own:
            yield f"alert {issue.alert_id} rev {issue.rev}: {', '.join(own)} signed their own"
        level = _level(said.said)
        if not mandates.need(issue.change, level).met_by(list(good.values())):
            yield f"alert {issue.alert_id} rev {issue.rev}: issued with {len(good)} signatures"


def _level(said: dict[str, Any]) -> Level:
    level = said["level"]
    return Level(level) if isinstance(level, int) else Level.parse(level)


def rehearsal_stays_apart(session: Session) -> Iterator[str]:
    """Rehearsed texts carry the mark at both ends and left by the drill account; real ones do neither."""
    rehearsed = Notice.mode != Mode.ACTUAL
    drill_account = Notice.account.like("drill%")
    rows = session.execute(select(Notice.id, Notice.mode).where(Notice.account != "", rehearsed != drill_account))
    for notice_id, mode in rows:
        yield f"notice {notice_id} ({mode}) left by the wrong account"
    used = select(Notice.mode, Notice.wording_id).distinct().subquery()
    query = select(used.c.mode, Wording).join(Wording, Wording.id == used.c.wording_id)
    for mode, wording in session.execute(query):
        mark = MARKS.get(mode, "")
        if not (wording.body.startswith(mark) and wording.body.endswith(mark)):
            yield f"wording {wording.id} ({mode}) lacks the mark at both ends"
        if mode == Mode.ACTUAL and says_drill(wording.subject + wording.body + wording.html + wording.measures):
            yield f"wording {wording.id} is real and says 演练"


def every_notice_has_its_words(session: Session) -> Iterator[str]:
    there = select(Wording.id).where(Wording.id == Notice.wording_id).exists()
    for (notice_id,) in session.execute(select(Notice.id).where(~there)):
        yield f"notice {notice_id} has lost its words"


def attempts_add_up(session: Session) -> Iterator[str]:
    """What was sent was attempted. While it is in a sender's hands the journal has it; the attempt is written as it ends."""
    attempted = select(Attempt.n).where(Attempt.notice_id == Notice.id).exists()
    rows = session.execute(
        select(Notice.id, Notice.state).where(
            Notice.state.in_((State.UNCERTAIN, State.ACCEPTED, State.SENT, State.DELIVERED)), ~attempted
        )
    )
    for notice_id, state in rows:
        yield f"notice {notice_id} is {state} without an attempt"


def nothing_is_stuck(session: Session) -> Iterator[str]:
    """No lease ran out long ago, and no issue waits for its notices."""
    rows = session.execute(
        select(Notice.id, Notice.state).where(
            Notice.state.in_((State.SENDING, State.UNCERTAIN)), Notice.lease_s < db.seconds() - STUCK_S
        )
    )
    for notice_id, state in rows:
        yield f"notice {notice_id} has been {state} since its lease ran out"


def due_is_explained(session: Session) -> Iterator[str]:
    """I11: whatever has been due for a minute is held, behind a breaker or others, or backing off; or nobody sends."""
    for notice_id in underway.unexplained(session, MOST):
        yield f"notice {notice_id} is due and nothing says why it is not sent"


def stores_agree(session: Session) -> Iterator[str]:
    """I12: this database is this installation's, as its workers last found it."""
    if held := fingerprint.recorded(session):
        yield held


def lifted_had_evidence(session: Session) -> Iterator[str]:
    """A lift was asked for as a revision of its own."""
    lifted = select(Alert.id).where(Alert.state == AlertState.LIFTED)
    for (alert_id,) in session.execute(lifted):
        revision = select(Issue.rev).where(Issue.alert_id == alert_id, Issue.change == "lift")
        if session.scalar(revision.limit(1)) is None:
            yield f"alert {alert_id} is lifted without a signed lift"


def slots_are_once(session: Session) -> Iterator[str]:
    rows = session.execute(
        select(ScheduleRun.job, ScheduleRun.slot_at)
        .group_by(ScheduleRun.job, ScheduleRun.slot_at)
        .having(func.count() > 1)
    )
    for job, slot in rows:
        yield f"{job} at {slot} is there twice"


def audit_chain(session: Session) -> Iterator[str]:
    for broken in audit.breaks(session):
        yield f"audit row {broken.seq} {broken.why}"


CHECKS: tuple[tuple[str, Callable[[Session], Iterator[str]]], ...] = (
    ("closed_book", closed_book),
    ("every_receiver_is_told_or_named", every_receiver_is_told_or_named),
    ("accepted_has_reference", accepted_has_reference),
    ("delivered_has_receipt", delivered_has_receipt),
    ("issued_was_signed", issued_was_signed),
    ("rehearsal_stays_apart", rehearsal_stays_apart),
    ("every_notice_has_its_words", every_notice_has_its_words),
    ("attempts_add_up", attempts_add_up),
    ("nothing_is_stuck", nothing_is_stuck),
    ("due_is_explained", due_is_explained),
    ("stores_agree", stores_agree),
    ("lifted_had_evidence", lifted_had_evidence),
    ("slots_are_once", slots_are_once),
    ("audit_chain", audit_chain),
)
