"""派发: claim a batch, hand each to its channel, write how it ended. Nothing is sent that is not first claimed here."""

import importlib
import logging
import os
import pkgutil
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Text,
    case,
    delete,
    exists,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.orm import aliased
from sqlalchemy.types import TypeEngine

from contacts.moments import Moment
from coordinator import channels, clock, config, db, spending, tokens, wordings
from coordinator.channels import Account, Envelope, GivenBack, Handed, Outcome, routes
from coordinator.errors import CoordinatorError
from coordinator.models import Alert, Attempt, Breaker, Mode, Notice, NoticeKind, State, StopListed
from coordinator.render import Draft, Words

logger = logging.getLogger(__name__)
Older = aliased(Notice)  # made once: naming a table anew costs more than asking it
LEASE_S = 40.0  # at least three times the longest call, and recovery within 100 s
LOOK_IN_S = 5.0
BATCH = {"sms": 256, "email": 256, "voice": 16, "webhook": 32, "chat": 8}
DUTY_LANE = 0
MISSES = 2  # look-ups without a trace before a notice is sent again
VALID_S = 4 * 3600
BREAK_S = 60.0  # wrong credentials: for a person to mend
OUTAGE_S = 10.0  # no answer, or 5xx: tried again soon, then ever later, so that nothing flaps
LONGEST_BREAK_S = 600.0


# What the send protocol keeps in a notice's row, before anything has happened to it.
UNSENT: dict[str, Any] = {
    "state": State.PENDING.value, "account": "", "reference": None, "attempts": 0, "try_s": 0.0, "lease_s": 0.0,
    "lease_token": 0, "asked": 0, "error": "", "accepted_at": None, "finished_at": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One channel's way out for some modes, by the accounts it may use in turn."""

    module: ModuleType
    modes: tuple[Mode, ...]
    accounts: tuple[Account, ...]
    reach: routes.Reach = routes.EVERYWHERE

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
            parts = routes.split(module.KIND, accounts) if accounts else []
            found += [Way(module, modes, able, reach) for reach, able in parts if able]
    return found


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that this process alone may hand over until its lease runs out."""

    id: int
    token: int
    tries: int
    address: str
    marker: str
    message_key: str
    valid_s: int
    words: Words | None  # None: they can't be made, see ``fault``
    fault: str = ""

    @property
    def attempt(self) -> str:
        return f"{self.id}.{self.token}"


def due(way: Way) -> ColumnElement[bool]:
    """What may be claimed now: pending, its time come, nothing before it.

    Not while its alert is held, nor once a newer revision is in force (duty pages and corrections always).
    """
    kept_back = exists().where(Alert.id == Notice.alert_id, Alert.hold | (Notice.rev < Alert.in_force_rev))
    return (
        Notice.state.in_(db.words(State.PENDING))
        & (Notice.channel == way.channel)
        & (Notice.try_s <= db.seconds())
        & Notice.mode.in_(way.modes)
        & reached(way.reach)
        & ((Notice.lane == DUTY_LANE) | (Notice.kind == NoticeKind.CORRECTION) | ~kept_back)
        & ((Notice.lane == DUTY_LANE) | (Notice.rev <= 1) | ~_older_on_its_way())
    )


def _older_on_its_way() -> ColumnElement[bool]:
    """What this receiver was told before is being handed over at this moment: a lift must not arrive ahead of its order."""
    return exists().where(
        Older.alert_id == Notice.alert_id, Older.receiver == Notice.receiver, Older.rev < Notice.rev,
        Older.channel == Notice.channel, Older.state == State.SENDING,
    )  # fmt: skip


def reached(reach: routes.Reach) -> ColumnElement[bool]:
    """Notices of one route: see channels/routes."""
    clause: ColumnElement[bool] = true()
    if reach.mainland is not None:
        mainland = Notice.address.startswith(routes.MAINLAND)
        clause &= mainland if reach.mainland else ~mainland
    if reach.duty is not None:
        clause &= Notice.lane == DUTY_LANE if reach.duty else Notice.lane != DUTY_LANE
    return clause


def carried_by(way: Way, account: Account) -> ColumnElement[bool]:
    """Notices of the way that ``account`` is to be asked about; those of an account no longer set up fall to the first."""
    own = Notice.account == account.name
    if account == way.accounts[0]:
        own |= Notice.account.not_in([each.name for each in way.accounts])
    return reached(way.reach) & own


def claim(way: Way, account: Account, most: int | None = None) -> list[Claimed]:
    """Take the next batch in the order of the lanes: lease and rising token, one commit; then put it in words."""
    picked = select(Notice.id).where(due(way)).order_by(Notice.lane, Notice.turn, Notice.id)
    picked = picked.limit(most or BATCH[way.channel])
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
                table.id, table.lease_token, table.attempts, table.address, table.marker, table.number, table.valid_until,
                table.mode, table.receiver_name, table.person, table.filling, table.wording_id, table.lane, table.turn,
            )
        ).all()  # fmt: skip
    rows = sorted(rows, key=lambda row: (row.lane, row.turn, row.id))  # RETURNING keeps no order
    drafts = wordings.drafts({row.wording_id for row in rows})
    now = clock.now()
    return [_claimed(row, drafts.get(row.wording_id), now) for row in rows]


def _claimed(row: Any, draft: Draft | None, now: datetime) -> Claimed:
    said, fault = None, ""
    try:
        said = wordings.compose(draft, row) if draft else None
    except (CoordinatorError, KeyError, TypeError) as error:
        fault = str(error) or type(error).__name__
    return Claimed(
        id=row.id, token=row.lease_token, tries=row.attempts, address=row.address, marker=row.marker,
        message_key=f"{row.number}.{row.marker}", valid_s=_valid_s(row.valid_until, now), words=said,
        fault=fault or ("" if said else "its words are lost"),
    )  # fmt: skip


def _valid_s(until: datetime | None, now: datetime) -> int:
    """Seconds the carrier may still deliver: never after the order has ended."""
    return VALID_S if until is None else max(1, min(VALID_S, int((until - now).total_seconds())))


async def hand_over(way: Way, carrier: Any, claimed: Claimed, *, begin: Callable[[], None]) -> Handed:
    """One notice to its carrier; ``begin`` is called right before the carrier could take it, and may stop it."""
    if claimed.words is None:
        return Handed(Outcome.UNSAYABLE, detail=claimed.fault)
    try:
        if not getattr(way.module, "BEGINS", False):
            begin()
        handed: Handed = await carrier.send(_envelope(way, claimed, begin))
    except GivenBack as why:
        return Handed(Outcome.BUSY, detail=str(why))
    return handed


def stopped_notices() -> frozenset[int]:
    """Notices claimed but not to be handed over any more: held since, or superseded."""
    with db.reading() as session:
        return frozenset(
            session.scalars(
                select(Notice.id)
                .join(Alert, Alert.id == Notice.alert_id)
                .where(Notice.state.in_(db.words(State.SENDING)), Notice.lane != DUTY_LANE)
                .where(Notice.kind != NoticeKind.CORRECTION)
                .where(Alert.hold | (Notice.rev < Alert.in_force_rev))
            )
        )


def _envelope(way: Way, claimed: Claimed, begin: Callable[[], None]) -> Envelope:
    assert claimed.words is not None
    return Envelope(
        attempt=claimed.attempt,
        callback_key=tokens.callback_key(claimed.attempt) if way.module.RECEIPTS else "",
        address=claimed.address,
        subject=claimed.words.subject,
        text=claimed.words.text,
        html=claimed.words.html,
        message_id=f"<{claimed.message_key}@{_host()}>",
        valid_s=claimed.valid_s,
        begin=begin,
    )


@cache
def _host() -> str:
    return config.load().address.hostname or "localhost"


NEXT = {
    Outcome.ACCEPTED: State.ACCEPTED,
    Outcome.NOT_SENT: State.PENDING,
    Outcome.BUSY: State.PENDING,
    Outcome.LATER: State.PENDING,
    Outcome.MISCONFIGURED: State.PENDING,
    Outcome.REFUSED: State.FAILED,
    Outcome.UNCERTAIN: State.UNCERTAIN,
    Outcome.UNSAYABLE: State.DEAD,
}
UNCOUNTED = (Outcome.BUSY, Outcome.MISCONFIGURED)
_ENDED: dict[str, TypeEngine[Any]] = {
    "of": BigInteger(), "held": Integer(), "to": Text(), "ref": Text(), "why": Text(), "how": Text(), "account": Text(),
    "uncounted": Integer(), "again_in": Float(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """How one hand-over of one claim ended."""

    id: int
    token: int
    account: str
    handed: Handed
    tries: int = 1
    address: str = ""
    text: str = ""


def settle(channel: str, ended: Sequence[Ended]) -> None:
    """Write how each hand-over ended, fenced by the lease's token: a process that overslept writes nothing."""
    if not ended:
        return
    now = clock.now()
    told = db.recordset("told", [_row(channel, one) for one in ended], **_ENDED)
    to = told.c.to
    with db.connection() as connection:
        connection.execute(
            update(Notice)
            .where(Notice.id == told.c.of, Notice.lease_token == told.c.held, Notice.state == State.SENDING)
            .values(
                state=to,
                reference=func.coalesce(func.nullif(told.c.ref, ""), Notice.reference),
                error=told.c.why,
                attempts=Notice.attempts - told.c.uncounted,
                try_s=db.seconds() + told.c.again_in,
                lease_s=db.seconds() + LOOK_IN_S,
                asked=0,
                accepted_at=case((to == State.ACCEPTED, now), else_=Notice.accepted_at),
                finished_at=case((to.in_((State.FAILED, State.DEAD)), now), else_=Notice.finished_at),
            )
        )
        attempted = select(told.c.of, told.c.held, told.c.account, literal(now, Moment()), told.c.how, told.c.why)
        attempted = attempted.where(true())  # SQLite parses ON CONFLICT only behind a WHERE
        columns = ["notice_id", "n", "account", "started_at", "outcome", "detail"]
        connection.execute(db.insert_new(Attempt.__table__).from_select(columns, attempted))  # type: ignore[arg-type]
        _stop(connection, channel, ended)
        dear = _spend(connection, ended) if channel == "sms" else {}
    for account, why in dear.items():
        trip(account, why, seconds=spending.PAUSE_S)
    for one in ended:
        if one.handed.outcome is Outcome.MISCONFIGURED:
            trip(one.account, _why(one.handed))
            break


def _stop(connection: Connection, channel: str, ended: Sequence[Ended]) -> None:
    """Keep whom the carrier refused because they had asked it to stop."""
    word, now = getattr(modules()[channel], "STOPPED", None), clock.now()
    stopped = [
        {"channel": channel, "address": one.address, "since": now}
        for one in ended
        if one.handed.outcome is Outcome.REFUSED and one.handed.code == word
    ]
    if stopped:
        connection.execute(db.insert_new(StopListed.__table__), stopped)  # type: ignore[arg-type]


def _spend(connection: Connection, ended: Sequence[Ended]) -> dict[str, str]:
    """Book what the carrier took; the accounts that have spent too much of late, each with the reason."""
    taken: dict[str, list[tuple[str, str]]] = {}
    for one in ended:
        if one.handed.outcome is Outcome.ACCEPTED:
            taken.setdefault(one.account, []).append((one.address, one.text))
    found = {account: spending.book(connection, account, texts) for account, texts in taken.items()}
    return {account: why for account, why in found.items() if why}


def _row(channel: str, one: Ended) -> dict[str, Any]:
    return {
        "of": one.id, "held": one.token, "to": NEXT[one.handed.outcome].value, "ref": one.handed.reference,
        "why": _why(one.handed), "how": one.handed.outcome.value, "account": one.account,
        "uncounted": int(one.handed.outcome in UNCOUNTED), "again_in": _again_in(channel, one),
    }  # fmt: skip


def _why(handed: Handed) -> str:
    return f"{handed.code} {handed.detail}".strip()[:500]


def _again_in(channel: str, one: Ended) -> float:
    """Seconds until the next try: as the channel says for an address that is not ready, else soon."""
    if one.handed.outcome is not Outcome.LATER:
        return _pause_s(one.tries)
    waits_s = modules()[channel].WAITS_S
    return float(waits_s[min(one.tries, len(waits_s)) - 1] * random.uniform(1.0, 1.1))  # noqa: S311


def _pause_s(n: int) -> float:
    """1, 2, 4 … 60 s, spread so that a crowd does not come back as one."""
    return float(min(60.0, 2.0 ** min(n - 1, 6)) * random.uniform(0.7, 1.3))  # noqa: S311


def trip(account: str, reason: str, *, seconds: float = BREAK_S) -> None:
    """Stop feeding this account for a while, each time for longer; a person must look."""
    with db.transaction() as session:
        now_s, before = session.scalar(select(db.seconds())) or 0.0, session.get(Breaker, account)
        if before and before.open_until_s > now_s:
            return
        failures = before.failures + 1 if before else 1
        until_s = now_s + min(LONGEST_BREAK_S, seconds * 2 ** (failures - 1))
        logger.error("account %s is stopped: %s", account, reason)
        session.merge(Breaker(account=account, open_until_s=until_s, failures=failures, reason=reason))


def mended(account: str) -> None:
    """It takes what it is given again."""
    with db.transaction() as session:
        session.execute(delete(Breaker).where(Breaker.account == account))


@dataclass(frozen=True, slots=True)
class Open:
    """An account that may be fed; ``on_trial`` after a break: one notice first."""

    account: Account
    on_trial: bool


def usable(way: Way) -> Open | None:
    """The first account of this way whose breaker is closed; with none, the one whose break ends first is not forced."""
    with db.reading() as session:
        broken = {row.account: row.shut for row in session.execute(
            select(Breaker.account, (Breaker.open_until_s > db.seconds()).label("shut")))}  # fmt: skip
    fit = (account for account in way.accounts if not broken.get(account.name))
    return next((Open(account, account.name in broken) for account in fit), None)


def any_due(way: Way) -> bool:
    """A cheap look that takes no lock."""
    with db.reading() as session:
        return session.scalar(select(Notice.id).where(due(way)).limit(1)) is not None
