"""What keeps the books closed: expired leases, uncertain hand-overs, late receipts, orders that have ended."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, or_, select, update

from coordinator import clock, db, dispatch, journal, quiet, receipts
from coordinator.channels import Account, Handed, Outcome
from coordinator.dispatch import LEASE_S, MISSES, Ended, Way
from coordinator.errors import TryLater
from coordinator.models import FINISHED, Alert, AlertState, Attempt, Issue, Notice, NoticeKind, Receiver, State

logger = logging.getLogger(__name__)
WAITING = db.words(State.PENDING, State.PLANNED)
POLL_AFTER_S = (300.0, 1800.0, 14400.0)  # an accepted notice without news is asked about, then called unknown


def books() -> None:
    """Every rule that needs no carrier, each in its own short transaction."""
    for sweep in (take_over, expire_leases, expire_orders, supersede_old, early_receipts, end_of_quiet):
        sweep()


def take_over() -> None:
    """What a killed process on this machine left: settled where it wrote down how it ended, in doubt where it had begun."""
    for pages in journal.left_behind():
        for page in pages:
            ended = list(_known(page))
            logger.warning("taking over %s hand-overs of a process that died", len(ended))
            dispatch.settle(page.claim["channel"], ended)


def _known(page: journal.Found) -> Iterator[Ended]:
    never = Handed(Outcome.BUSY, detail="given back: its process died before it was begun")
    doubtful = Handed(Outcome.UNCERTAIN, detail="the process that sent it died")
    for notice_id, token, tries, address in page.claim["claimed"]:
        handed = page.ended.get(notice_id) or (doubtful if notice_id in page.begun else never)
        yield Ended(notice_id, token, page.claim["account"], handed, tries=tries, address=address)


def expire_leases() -> int:
    """Who claimed these is dead or asleep: nobody knows whether the carrier has them."""
    with db.transaction() as session:
        stuck = session.execute(
            update(Notice)
            .where(Notice.state.in_(db.words(State.SENDING)), Notice.lease_s < db.seconds())
            .values(state=State.UNCERTAIN, lease_s=db.seconds(), asked=0, error="the process that sent it ended")
            .returning(Notice.id, Notice.lease_token, Notice.account)
        ).all()
        if stuck:
            session.execute(
                db.insert_new(Attempt.__table__),  # type: ignore[arg-type]
                [{"notice_id": row.id, "n": row.lease_token, "account": row.account, "started_at": clock.now(),
                  "outcome": "uncertain", "detail": "its lease ran out"} for row in stuck],
            )  # fmt: skip
    if stuck:
        logger.warning("%s hand-overs became uncertain: their lease ran out", len(stuck))
    return len(stuck)


def expire_orders() -> None:
    """Nothing is sent after its order has ended."""
    with db.transaction() as session:
        session.execute(
            update(Notice)
            .where(Notice.state.in_(WAITING), Notice.valid_until < clock.now())
            .values(state=State.EXPIRED, finished_at=clock.now())
        )


def supersede_old() -> None:
    """What was given back by a worker after a newer revision was issued."""
    overtaken = (NoticeKind.ORDER, NoticeKind.REMINDER, NoticeKind.MANUAL)
    with db.reading() as session:
        renewed = session.execute(
            select(Alert.id, Alert.in_force_rev).where(Alert.in_force_rev > 1, Alert.state != AlertState.CLOSED)
        ).all()
    for alert_id, rev in renewed:
        with db.transaction() as session:
            session.execute(
                update(Notice)
                .where(Notice.state.in_(WAITING), Notice.alert_id == alert_id, Notice.rev < rev)
                .where(Notice.kind.in_(overtaken), Notice.lane != dispatch.DUTY_LANE)
                .values(state=State.SUPERSEDED, finished_at=clock.now())
            )


def early_receipts() -> None:
    """Callbacks that overtook the reply."""
    with db.transaction() as session:
        receipts.apply_waiting(session)


def end_of_quiet() -> None:
    """Morning: what was kept back is due, but no reminder to who has answered in the night."""
    set_to = quiet.hours()
    if set_to and set_to.until(clock.now()):
        return
    kept = Notice.state.in_(db.words(State.PLANNED))
    answered = exists().where(
        Receiver.alert_id == Notice.alert_id, Receiver.key == Notice.receiver, Receiver.acknowledged_rev >= Notice.rev
    )
    with db.transaction() as session:
        session.execute(
            update(Notice)
            .where(kept, Notice.kind == NoticeKind.REMINDER, answered)
            .values(state=State.CANCELLED, finished_at=clock.now(), error="夜间已签收,不再催办")
        )
        session.execute(update(Notice).where(kept).values(state=State.PENDING))


@dataclass(frozen=True, slots=True)
class Doubt:
    """A notice that a carrier may or may not have."""

    id: int
    token: int
    address: str
    marker: str
    asked: int


def take_doubts(way: Way, account: Account | None = None, limit: int = 100) -> list[Doubt]:
    """Uncertain notices whose next look-up is due; the lease keeps other processes off them meanwhile."""
    picked = (
        select(Notice.id)
        .where(
            Notice.state.in_(db.words(State.UNCERTAIN)), Notice.channel == way.channel, Notice.lease_s <= db.seconds()
        )
        .where(Notice.mode.in_(way.modes), dispatch.carried_by(way, account or way.accounts[0]))
        .order_by(Notice.lane, Notice.id)
        .limit(limit)
    )
    if not db.is_sqlite():
        picked = picked.with_for_update(skip_locked=True)
    with db.connection() as connection:
        rows = connection.execute(
            update(Notice)
            .where(Notice.id.in_(picked))
            .values(lease_s=db.seconds() + LEASE_S, lease_token=Notice.lease_token + 1)
            .returning(Notice.id, Notice.lease_token, Notice.address, Notice.marker, Notice.asked)
        ).all()
    return [Doubt(*row) for row in rows]


async def resolve(way: Way, carrier: Any, doubts: Sequence[Doubt]) -> None:
    """Ask the carrier before resending. Found: adopted. Twice not found: back to pending. Can't be asked: wait."""

    async def one(doubt: Doubt) -> tuple[Doubt, str | None]:
        try:
            return doubt, await carrier.look_up(doubt.address, doubt.marker)
        except TryLater:
            return doubt, None

    if not way.module.LOOK_UP:
        await asyncio.to_thread(_resend_once, doubts)
        return
    answers = await asyncio.gather(*(one(doubt) for doubt in doubts))
    await asyncio.to_thread(_conclude, answers)


def _conclude(answers: Sequence[tuple[Doubt, str | None]]) -> None:
    with db.transaction() as session:
        for doubt, found in sorted(answers, key=lambda answer: answer[0].id):
            mine = and_(Notice.id == doubt.id, Notice.lease_token == doubt.token, Notice.state == State.UNCERTAIN)
            if found:
                receipts.adopt(session, doubt.id, found)
            elif found is None:
                session.execute(update(Notice).where(mine).values(lease_s=db.seconds() + 10))
            elif doubt.asked + 1 >= MISSES:
                session.execute(update(Notice).where(mine).values(state=State.PENDING, try_s=db.seconds(), asked=0))
            else:
                session.execute(update(Notice).where(mine).values(asked=doubt.asked + 1, lease_s=db.seconds() + 15))


def _resend_once(doubts: Sequence[Doubt]) -> None:
    """A mail relay can't be asked: one more try with the same Message-ID, then a person must ring."""
    with db.transaction() as session:
        for doubt in sorted(doubts, key=lambda doubt: doubt.id):
            tried = session.scalars(
                select(Attempt.n).where(
                    Attempt.notice_id == doubt.id, or_(Attempt.outcome == "", Attempt.outcome == "uncertain")
                )
            ).all()
            fate = State.PENDING if len(tried) <= 1 else State.UNKNOWN
            session.execute(
                update(Notice)
                .where(Notice.id == doubt.id, Notice.lease_token == doubt.token, Notice.state == State.UNCERTAIN)
                .values(
                    state=fate, try_s=db.seconds(), finished_at=clock.now() if fate in FINISHED else Notice.finished_at
                )
            )


def take_silent(way: Way, account: Account | None = None, limit: int = 100) -> list[tuple[int, str, int]]:
    """Accepted notices of which nothing was heard: (id, reference, times asked). Spaced by POLL_AFTER_S."""
    if not way.module.RECEIPTS:
        return []
    with db.connection() as connection:
        picked = (
            select(Notice.id)
            .where(Notice.state.in_(db.words(State.ACCEPTED, State.SENT)), Notice.channel == way.channel)
            .where(dispatch.carried_by(way, account or way.accounts[0]))
            .where(Notice.mode.in_(way.modes), Notice.lease_s + POLL_AFTER_S[0] < db.seconds(), Notice.asked < 3)
            .limit(limit)
        )
        if not db.is_sqlite():
            picked = picked.with_for_update(skip_locked=True)
        rows = connection.execute(
            update(Notice)
            .where(Notice.id.in_(picked))
            .values(asked=Notice.asked + 1, lease_s=db.seconds() + POLL_AFTER_S[1])
            .returning(Notice.id, Notice.reference, Notice.asked)
        ).all()
    return [(row.id, row.reference or "", row.asked) for row in rows]


async def poll(way: Way, carrier: Any, silent: Sequence[tuple[int, str, int]]) -> None:
    """Ask what became of them; after the last question without an answer they are unknown, and a person rings."""

    async def one(notice_id: int, reference: str, asked: int) -> None:
        try:
            word = await carrier.status(reference)
        except TryLater:
            return
        await asyncio.to_thread(_news, way, notice_id, word, asked)

    await asyncio.gather(*(one(*row) for row in silent))  # side by side: a slow carrier must not hold up the look-ups


def _news(way: Way, notice_id: int, word: str, asked: int) -> None:
    state = State(way.module.STATUS.get(word, State.ACCEPTED))
    with db.transaction() as session:
        notice = session.get_one(Notice, notice_id, with_for_update=True)
        if notice.state not in (State.ACCEPTED, State.SENT):
            return
        if state in FINISHED or (state == State.SENT and notice.state == State.ACCEPTED):
            notice.state = state
        elif asked >= len(POLL_AFTER_S):
            notice.state, notice.error = State.UNKNOWN, "the carrier has no news of it"
        if notice.state in FINISHED:
            notice.finished_at = clock.now()


def unmaterialised() -> list[tuple[int, int]]:
    """Issued revisions whose notices are not all there: (alert, rev). Their web process may have died."""
    with db.reading() as session:
        rows = session.execute(
            select(Issue.alert_id, Issue.rev)
            .join(Alert, Alert.id == Issue.alert_id)
            .where(Issue.materialised_at.is_(None), Alert.state.in_((AlertState.ISSUING, AlertState.HELD)))
        ).all()
    return [(row.alert_id, row.rev) for row in rows]
