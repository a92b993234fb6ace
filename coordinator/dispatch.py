"""派发: claim a batch, hand each to its channel, write how it ended. Nothing is sent that is not first claimed here."""

import asyncio
import importlib
import logging
import os
import pkgutil
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, exists, func, select, update

from coordinator import channels, clock, config, db, spending, tokens
from coordinator.channels import Account, Envelope, Handed, Outcome
from coordinator.models import Alert, Attempt, Breaker, Mode, Notice, NoticeKind, State, StopListed

logger = logging.getLogger(__name__)
LEASE_S = 40.0  # at least three times the longest call, and recovery within 100 s
BATCH = {"sms": 128, "email": 64, "voice": 16}
DUTY_LANE = 0
MISSES = 2  # look-ups without a trace before a notice is sent again
VALID_S = 4 * 3600
BREAK_S = 60.0


@dataclass(frozen=True, slots=True)
class Way:
    """One channel's way out for some modes, by the accounts it may use in turn."""

    module: ModuleType
    modes: tuple[Mode, ...]
    accounts: tuple[Account, ...]

    @property
    def channel(self) -> str:
        return str(self.module.KIND)


@cache
def modules() -> dict[str, ModuleType]:
    """Every file of channels/ that names a KIND is a channel."""
    found = {}
    for entry in pkgutil.iter_modules(channels.__path__):
        module = importlib.import_module(f"coordinator.channels.{entry.name}")
        if hasattr(module, "KIND"):
            found[module.KIND] = module
    return found


def ways() -> list[Way]:
    """The ways out that are configured. Real and rehearsal never share an account."""
    found = []
    for module in modules().values():
        for modes, accounts in (
            ((Mode.ACTUAL,), module.accounts(os.environ)),
            ((Mode.EXERCISE, Mode.TEST), module.drill_accounts(os.environ)),
        ):
            if accounts:
                found.append(Way(module, modes, accounts))
    return found


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that this process alone may hand over until its lease runs out."""

    id: int
    n: int
    token: int
    address: str
    subject: str
    body: str
    html: str
    marker: str
    message_key: str
    valid_s: int

    @property
    def attempt(self) -> str:
        return f"{self.id}.{self.n}"


def due(way: Way) -> ColumnElement[bool]:
    """What may be claimed now: pending, its time come, its alert not held (duty pages and corrections always)."""
    held = exists().where(Alert.id == Notice.alert_id, Alert.hold)
    return (
        (Notice.state == State.PENDING)
        & (Notice.channel == way.channel)
        & (Notice.try_s <= db.seconds())
        & Notice.mode.in_(way.modes)
        & ((Notice.lane == DUTY_LANE) | (Notice.kind == NoticeKind.CORRECTION) | ~held)
    )


def claim(way: Way, account: Account) -> list[Claimed]:
    """Take the next batch in the order of the lanes: lease, rising token, attempt row, one commit."""
    picked = select(Notice.id).where(due(way)).order_by(Notice.lane, Notice.try_s, Notice.id).limit(BATCH[way.channel])
    if not db.is_sqlite():
        picked = picked.with_for_update(of=Notice, skip_locked=True)
    table = Notice.__table__.c
    with db.connection() as connection:
        rows = connection.execute(
            update(Notice)
            .where(Notice.id.in_(picked))
            .values(
                state=State.SENDING,
                account=account.name,
                lease_s=db.seconds() + LEASE_S,
                lease_token=Notice.lease_token + 1,
                attempts=Notice.attempts + 1,
            )
            .returning(
                table.id, table.attempts, table.lease_token, table.address, table.subject, table.body, table.html,
                table.marker, table.number, table.valid_until,
            )
        ).all()  # fmt: skip
        now = clock.now()
        if rows:
            connection.execute(
                db.insert_new(Attempt.__table__),  # type: ignore[arg-type]
                [
                    {"notice_id": row.id, "n": row.lease_token, "account": account.name, "started_at": now,
                     "outcome": "", "detail": ""}
                    for row in rows
                ],
            )  # fmt: skip
    return [
        Claimed(
            id=row.id, n=row.lease_token, token=row.lease_token, address=row.address, subject=row.subject,
            body=row.body, html=row.html, marker=row.marker, message_key=f"{row.number}.{row.marker}",
            valid_s=_valid_s(row.valid_until, now),
        )
        for row in rows
    ]  # fmt: skip


def _valid_s(until: Any, now: Any) -> int:
    """Seconds the carrier may still deliver: never after the order has ended."""
    return VALID_S if until is None else max(1, min(VALID_S, int((until - now).total_seconds())))


async def hand_over(
    way: Way, carrier: Any, batch: Sequence[Claimed], *, started: float
) -> list[tuple[Claimed, Handed]]:
    """Every one of the batch to the carrier, side by side. Past half the lease nothing more is begun."""
    held, host = HeldWatch(), config.load().address.hostname or "localhost"

    async def one(claimed: Claimed) -> tuple[Claimed, Handed]:
        if await held.stops(claimed.id) or clock.monotonic() > started + LEASE_S / 2:
            return claimed, Handed(Outcome.BUSY, detail="given back before sending")
        return claimed, await carrier.send(_envelope(claimed, host))

    return await asyncio.gather(*(one(claimed) for claimed in batch))


class HeldWatch:
    """Asks at most once a second whether somebody has pressed hold."""

    checked_at = 0.0
    ids: frozenset[int] = frozenset()

    async def stops(self, notice_id: int) -> bool:
        if clock.monotonic() - HeldWatch.checked_at > 1.0:
            HeldWatch.checked_at = clock.monotonic()
            HeldWatch.ids = await asyncio.to_thread(held_notices)
        return notice_id in HeldWatch.ids


def held_notices() -> frozenset[int]:
    """Notices claimed but not to be handed over any more: held since, or superseded."""
    with db.reading() as session:
        return frozenset(
            session.scalars(
                select(Notice.id)
                .join(Alert, Alert.id == Notice.alert_id)
                .where(Notice.state == State.SENDING, Notice.lane != DUTY_LANE)
                .where(Notice.kind != NoticeKind.CORRECTION)
                .where(Alert.hold | (Notice.rev < Alert.in_force_rev))
            )
        )


def _envelope(claimed: Claimed, host: str) -> Envelope:
    return Envelope(
        attempt=claimed.attempt,
        callback_key=tokens.callback_key(claimed.attempt),
        address=claimed.address,
        subject=claimed.subject,
        text=claimed.body,
        html=claimed.html,
        message_id=f"<{claimed.message_key}@{host}>",
        valid_s=claimed.valid_s,
    )


_SETTLED = (
    update(Notice)
    .where(Notice.id == bindparam("of"), Notice.lease_token == bindparam("held"), Notice.state == State.SENDING)
    .values(
        state=bindparam("to"),
        reference=func.coalesce(bindparam("ref"), Notice.reference),
        error=bindparam("why"),
        attempts=Notice.attempts - bindparam("uncounted"),
        try_s=db.seconds() + bindparam("again_in"),
        lease_s=db.seconds() + bindparam("look_in"),
        asked=0,
        accepted_at=case((bindparam("to") == State.ACCEPTED, bindparam("moment")), else_=Notice.accepted_at),
        finished_at=case((bindparam("to") == State.FAILED, bindparam("moment")), else_=Notice.finished_at),
    )
)
_CONCLUDED = (
    update(Attempt)
    .where(Attempt.notice_id == bindparam("of"), Attempt.n == bindparam("nth"))
    .values(outcome=bindparam("how"), detail=bindparam("why"))
)
NEXT = {
    Outcome.ACCEPTED: State.ACCEPTED,
    Outcome.NOT_SENT: State.PENDING,
    Outcome.BUSY: State.PENDING,
    Outcome.MISCONFIGURED: State.PENDING,
    Outcome.REFUSED: State.FAILED,
    Outcome.UNCERTAIN: State.UNCERTAIN,
}


def settle(way: Way, account: Account, ended: Sequence[tuple[Claimed, Handed]]) -> None:
    """Write how each hand-over ended, fenced by the lease's token: a process that overslept writes nothing."""
    if not ended:
        return
    rows = [_settlement(claimed, handed) for claimed, handed in ended]
    # One order of locking everywhere: by id.
    rows.sort(key=lambda row: int(str(row["of"])))
    with db.connection() as connection:
        connection.execute(_SETTLED, rows)
        connection.execute(_CONCLUDED, rows)
        taken = [(claimed.address, claimed.body) for claimed, handed in ended if handed.outcome is Outcome.ACCEPTED]
        dear = spending.book(connection, account.name, taken) if way.channel == "sms" else ""
        stopped = [
            {"channel": way.channel, "address": claimed.address, "since": clock.now()}
            for claimed, handed in ended
            if handed.outcome is Outcome.REFUSED and handed.code == getattr(way.module, "STOPPED", None)
        ]
        if stopped:
            connection.execute(db.insert_new(StopListed.__table__), stopped)  # type: ignore[arg-type]
    wrong = [handed for _, handed in ended if handed.outcome is Outcome.MISCONFIGURED]
    if wrong:
        trip(account.name, f"{wrong[0].code} {wrong[0].detail}".strip())
    if dear:
        trip(account.name, dear, pause_s=spending.PAUSE_S)


def _settlement(claimed: Claimed, handed: Handed) -> dict[str, Any]:
    uncounted = handed.outcome in (Outcome.BUSY, Outcome.MISCONFIGURED)
    return {
        "of": claimed.id,
        "held": claimed.token,
        "nth": claimed.n,
        "to": NEXT[handed.outcome],
        "ref": handed.reference or None,
        "how": handed.outcome.value,
        "why": f"{handed.code} {handed.detail}".strip()[:500],
        "uncounted": int(uncounted),
        "again_in": _pause_s(claimed.n),
        "look_in": 5.0,
        "moment": clock.now(),
    }


def _pause_s(n: int) -> float:
    """1, 2, 4 … 60 s, spread so that a crowd does not come back as one."""
    return min(60.0, 2.0 ** min(n - 1, 6)) * random.uniform(0.7, 1.3)  # noqa: S311


def trip(account: str, reason: str, *, pause_s: float = BREAK_S) -> None:
    """Stop feeding this account for a while; a person must look."""
    logger.error("account %s is stopped: %s", account, reason)
    with db.transaction() as session:
        until_s = (session.scalar(select(db.seconds())) or 0.0) + pause_s
        session.merge(Breaker(account=account, open_until_s=until_s, failures=1, reason=reason))


def usable(way: Way) -> Account | None:
    """The first account of this way whose breaker is closed."""
    with db.reading() as session:
        shut = set(session.scalars(select(Breaker.account).where(Breaker.open_until_s > db.seconds())))
    return next((account for account in way.accounts if account.name not in shut), None)


def any_due(way: Way) -> bool:
    """A cheap look that takes no lock."""
    with db.reading() as session:
        return session.scalar(select(Notice.id).where(due(way)).limit(1)) is not None
