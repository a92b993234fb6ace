"""Who is told when ticks, inputs or receipts stop? A person on duty, around what is broken, not twice in an hour."""

import logging
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coordinator import clock, db, dispatch, fingerprint, leases, paging, queues
from coordinator.freshness import feed_ages
from coordinator.models import CarrierEvent, Mode, Notice, State, Trouble

logger = logging.getLogger(__name__)
AGAIN_S = 3600.0
CLOCK = "clock"
NO_LEADER_S = 60.0  # a leader that died is followed within 15 s
LOOK_EVERY_S = 10.0
SILENCE = timedelta(minutes=10)
LOOK_BACK = timedelta(hours=6)
FEWEST = 3  # one phone that is off says nothing about the account
_looked = {"at": float("-inf")}


def tell(troubles: Mapping[str, str], *, avoiding: str = "") -> list[str]:
    """One call about these troubles (cause → what to say), at most once an hour for each. The causes that were called about."""
    with db.transaction() as session:
        due = (
            []
            if fingerprint.hold_reason()
            else [cause for cause, detail in sorted(troubles.items()) if _may_call(session, cause, detail)]
        )
        if due:
            logger.error("trouble: %s", "; ".join(troubles[cause] for cause in due))
            called = paging.page_trouble(
                session, (), "；".join(troubles[cause] for cause in due)[:300], avoiding=avoiding
            )
            logger.warning("%s calls to who is on duty", called)
    if due:
        queues.hint("trouble")
    return due


def _may_call(session: Session, cause: str, detail: str) -> bool:
    """Take this hour's call about the cause: whoever else comes finds it taken."""
    row = {"cause": cause, "detail": detail, "since": clock.now(), "paged_s": 0.0, "over_at": None}
    session.execute(db.insert_new(Trouble.__table__), row)  # type: ignore[arg-type]
    known, now_s = session.get_one(Trouble, cause, with_for_update=True), session.scalar(select(db.seconds())) or 0.0
    if known.over_at:
        known.since, known.over_at = clock.now(), None
    known.detail = detail
    if now_s - known.paged_s < AGAIN_S:
        return False
    known.paged_s = now_s
    return True


def over(session: Session, cause: str) -> None:
    """It goes again."""
    known = session.get(Trouble, cause)
    if known and known.over_at is None:
        known.over_at = clock.now()


def standing(session: Session) -> list[Trouble]:
    """What stands still now, the oldest first."""
    return list(session.scalars(select(Trouble).where(Trouble.over_at.is_(None)).order_by(Trouble.since)))


def watch_clock() -> None:
    """Asked by every worker: the timetable can't say of itself that nobody keeps it. Who never had a clock is told by /readyz."""
    if clock.monotonic() - _looked["at"] < LOOK_EVERY_S:
        return
    _looked["at"] = clock.monotonic()
    with db.reading() as session:
        age_s = leases.leader_age_s(session, CLOCK)
    if age_s is not None and age_s > NO_LEADER_S:
        tell({"ticks": f"定时已停 {age_s:.0f} 秒，催办和自检都停着，请启动 liandong clock"})
    else:
        _end({"ticks"})


def watch_inputs() -> None:
    """A source that said nothing new for too long is told once for each silence; /readyz keeps saying it."""
    with db.reading() as session:
        ages = feed_ages(session)
        known = {each.cause for each in standing(session)}
    silent = {f"input:{age.name}:{age.kind}": age for age in ages if age.state != "fresh"}
    tell({
        cause: f"数据源 {age.name} 没有新数据" + (f"已 {age.age_s / 3600:.0f} 小时" if age.age_s is not None else "")
        for cause, age in silent.items() if cause not in known
    })  # fmt: skip
    _end({cause for cause in known if cause.startswith("input:")} - set(silent))


def watch_receipts() -> None:
    """An account that takes our texts and used to call back, and no longer does."""
    with db.reading() as session:
        silent = {
            (channel, account): n
            for channel, account in _accounts(session)
            if (n := unheard(session, channel, account))
        }
        known = {each.cause for each in standing(session) if each.cause.startswith("receipts:")}
    for (channel, account), n in silent.items():
        words = f"账户 {account} 已交 {n} 条，{SILENCE.seconds // 60} 分钟没有任何送达回执，请核对回执网址"
        tell({f"receipts:{account}": words}, avoiding=channel)
    _end(known - {f"receipts:{account}" for _, account in silent})


def _accounts(session: Session) -> list[tuple[str, str]]:
    """Real accounts whose channel has receipts; calls share an account with texts, which are many more."""
    return [
        (way.channel, account.name)
        for way in dispatch.ways()
        if way.module.RECEIPTS and way.module.LOOK_UP and Mode.ACTUAL in way.modes
        for account in way.accounts
    ]


def unheard(session: Session, channel: str, account: str) -> int:
    """How many of an account's notices were accepted since its last callback and more than SILENCE ago; 0 below FEWEST.

    0 too for an account that never called back: that is a matter of setting up, which the self-check finds.
    """
    now, mine = clock.now(), (Notice.account == account, Notice.channel == channel)
    waiting = (*mine, Notice.state == State.ACCEPTED, Notice.accepted_at.between(now - LOOK_BACK, now - SILENCE))
    if not session.scalar(select(Notice.id).where(*waiting).limit(1)):
        return 0
    heard = (
        select(CarrierEvent.received_at)
        .join(Notice, Notice.id == CarrierEvent.notice_id)
        .where(*mine, CarrierEvent.kind == "status")
        .order_by(CarrierEvent.id.desc())
    )
    last = session.scalar(heard.limit(1))
    if last is None or last > now - SILENCE:
        return 0
    n = session.scalar(select(func.count(Notice.id)).where(*waiting, Notice.accepted_at > last)) or 0
    return n if n >= FEWEST else 0


def _end(causes: set[str]) -> None:
    if not causes:
        return
    with db.reading() as session:
        open_ones = causes & {each.cause for each in standing(session)}
    if open_ones:
        with db.transaction() as session:
            for cause in open_ones:
                over(session, cause)
