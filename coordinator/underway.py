"""What is under way or in doubt 在途与待查: how many, how long, why it waits, what happens next, what a person can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from coordinator import clock, db, dispatch, fingerprint, quiet
from coordinator.dispatch import Way
from coordinator.models import Alert, Breaker, Notice, NoticeKind, State
from coordinator.orders import LANES
from coordinator.sweeps import POLL_AFTER_S

YOUNG_S = 60.0  # a due notice older than this has to be explained
FLOWS_S = 60.0  # a way that handed something over within this is flowing: what waits behind waits its turn
LATELY = timedelta(hours=24)

PHASES = {
    "due": "待发",
    "quiet": "等到天亮",
    "back_off": "稍后再试",
    "sending": "交接中",
    "stuck": "交接超时",
    "uncertain": "待查",
    "silent": "已交运营商无回音",
    "unknown": "下落不明",
}
_SAID = {  # cause → why it waits, what happens next by itself, what a person can do
    "turn": ("正在依次发出", "按队列先后发出", "不用处理"),
    "hold": ("预警已暂停派发", "两人签发恢复后发出", "核实后申请恢复，或者撤回"),
    "adoption": ("数据库待认领，全部停发", "认领后发出", "请管理员核实后认领"),
    "no_way": ("没有配置这个渠道", "配置渠道后发出", "请管理员配置渠道；急的先打电话"),
    "breaker": ("账户暂停使用", "账户恢复后自动发出", "请管理员核对账户；急的先打电话"),
    "unexplained": ("没有查到原因", "派发程序一恢复就发出", "请管理员查看派发程序是否在运行；急的先打电话"),
    "quiet": ("夜间不扰时段", "时段一过自动发出", "不用处理；急的先打电话"),
    "back_off": ("上次没有发成", "到时自动再发", "不用处理；反复出现请查看账户"),
    "in_hand": ("正在交给运营商", "几秒内有结果", "不用处理"),
    "lease_over": ("发送它的进程中断了", "自动转为待查", "不用处理"),
    "doubt": ("不知道运营商收到没有", "自动向运营商查询，查不到再重发", "不用处理；急的打电话核实"),
    "no_news": ("运营商没有送达回执", "自动向运营商询问", "急的打电话核实"),
    "given_up": ("查不到送达结果", "不再自动重发", "请打电话核实"),
}
CAUSES, NEXTS, REMEDIES = ({cause: said[n] for cause, said in _SAID.items()} for n in range(3))
OF_PHASE = {  # what is not due explains itself
    "quiet": "quiet",
    "back_off": "back_off",
    "sending": "in_hand",
    "stuck": "lease_over",
    "uncertain": "doubt",
    "silent": "no_news",
    "unknown": "given_up",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Notices that wait for the same reason. Ages and waits in seconds; ``next_in_s`` None when nothing happens by itself."""

    account: str
    channel: str
    lane: str
    phase: str
    cause: str
    n: int
    oldest_s: float
    next_in_s: float | None

    @property
    def explained(self) -> bool:
        return self.cause != "unexplained"

    def as_json(self) -> dict[str, Any]:
        return {
            "account": self.account, "channel": self.channel, "lane": self.lane, "state": self.phase, "cause": self.cause,
            "n": self.n, "oldest_s": round(self.oldest_s, 1),
            "next_in_s": None if self.next_in_s is None else round(self.next_in_s, 1),
            "why": CAUSES[self.cause], "next": NEXTS[self.cause], "remedy": REMEDIES[self.cause],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outlet:
    """How one way out stands: the account in use ("" when none may be), whether it is flowing, when it opens again."""

    account: str
    flowing: bool
    opens_in_s: float


def why_due(*, held: str, stopped: str, outlet: Outlet | None, age_s: float) -> str:
    """I11: why a due notice is not sent yet. ``held`` its alert, ``stopped`` the whole installation; both "" when not."""
    if stopped:
        return "adoption"
    if held:
        return "hold"
    if outlet is None:
        return "no_way"
    if not outlet.account:
        return "breaker"
    return "turn" if outlet.flowing or age_s <= YOUNG_S else "unexplained"


def look(session: Session) -> list[Group]:
    """All that is under way or in doubt, the oldest doubt first; what a carrier has and reports on is not listed."""
    rows = session.execute(_counted()).all()
    if not rows:
        return []
    outlets = _outlets(session) if any(row.phase == "due" for row in rows) else {}
    stopped, now = fingerprint.recorded(session), clock.now()
    groups = [_group(row, outlets, stopped, now) for row in rows]
    return sorted(groups, key=lambda one: (list(PHASES).index(one.phase), one.lane, one.channel))


def unexplained(session: Session, most: int = 50) -> list[int]:
    """Notices that have been due for more than a minute while nothing says why."""
    bad = [one for one in look(session) if one.phase == "due" and not one.explained]
    found: list[int] = []
    for one in bad:
        where = (Notice.channel == one.channel, Notice.lane == LANES.index(one.lane), *_phase_is("due"), ~_held())
        found += session.scalars(select(Notice.id).where(*where).order_by(Notice.id).limit(most))
    return sorted(set(found))[:most]


def oldest(groups: Sequence[Group]) -> dict[str, dict[str, Any]]:
    """By phase: how many, and the age of the oldest."""
    found: dict[str, dict[str, Any]] = {}
    for one in groups:
        seen = found.setdefault(one.phase, {"n": 0, "oldest_s": 0.0})
        seen["n"] += one.n
        seen["oldest_s"] = round(max(seen["oldest_s"], one.oldest_s), 1)
    return found


def _held() -> ColumnElement[bool]:
    """Its alert is held; duty pages and corrections go out all the same."""
    held = exists().where(Alert.id == Notice.alert_id, Alert.hold)
    return and_(held, Notice.lane != dispatch.DUTY_LANE, Notice.kind != NoticeKind.CORRECTION)


def _phase_is(phase: str) -> tuple[ColumnElement[bool], ...]:
    s = db.seconds()
    return {
        "due": (Notice.state == State.PENDING, Notice.try_s <= s),
        "quiet": (Notice.state == State.PLANNED,),
        "back_off": (Notice.state == State.PENDING, Notice.try_s > s),
        "sending": (Notice.state == State.SENDING, Notice.lease_s >= s),
        "stuck": (Notice.state == State.SENDING, Notice.lease_s < s),
        "uncertain": (Notice.state == State.UNCERTAIN,),
        "silent": (Notice.state == State.ACCEPTED, Notice.channel.in_(_with_receipts()), _asked_after()),
        "unknown": (Notice.state == State.UNKNOWN, Notice.finished_at > clock.now() - LATELY),
    }[phase]  # fmt: skip


def _asked_after() -> ColumnElement[bool]:
    """Silent so long that the carrier has been asked, or is about to be."""
    return or_(Notice.asked > 0, Notice.lease_s < db.seconds() - POLL_AFTER_S[0])


def _with_receipts() -> list[str]:
    return [kind for kind, module in dispatch.modules().items() if module.RECEIPTS]


def _counted() -> Any:
    phase = case(*((and_(*_phase_is(name)), name) for name in PHASES), else_="").label("phase")
    untried = (Notice.try_s == 0).label("untried")
    held = case((_held(), 1), else_=0).label("held")
    grouped = (Notice.account, Notice.channel, Notice.lane, Notice.mode, phase, untried, held)
    waiting = (State.PLANNED, State.PENDING, State.SENDING, State.UNCERTAIN, State.ACCEPTED, State.UNKNOWN)
    inner = (
        select(*grouped, Notice.try_s, Notice.lease_s, Notice.created_at, Notice.accepted_at, Notice.finished_at)
        .where(Notice.state.in_(waiting), or_(*(and_(*_phase_is(name)) for name in PHASES)))
        .subquery()
    )
    keys = [inner.c[name] for name in ("account", "channel", "lane", "mode", "phase", "untried", "held")]
    return select(
        *keys, func.count().label("n"), func.min(inner.c.try_s).label("try_s"), func.min(inner.c.lease_s).label("lease_s"),
        func.min(inner.c.created_at).label("created_at"), func.min(inner.c.accepted_at).label("accepted_at"),
        func.min(inner.c.finished_at).label("finished_at"), db.seconds().label("now_s"),
    ).group_by(*keys)  # fmt: skip


def _group(row: Any, outlets: Mapping[tuple[str, str], Outlet], stopped: str, now: datetime) -> Group:
    outlet, age_s = outlets.get((row.channel, row.mode)), _age_s(row, now)
    held = "held" if row.held else ""
    cause = OF_PHASE.get(row.phase) or why_due(held=held, stopped=stopped, outlet=outlet, age_s=age_s)
    in_use = outlet.account if outlet else ""
    return Group(
        account=(in_use if row.phase == "due" else row.account) or row.account or "",
        channel=row.channel,
        lane=LANES[row.lane],
        phase=row.phase,
        cause=cause,
        n=row.n,
        oldest_s=max(0.0, age_s),
        next_in_s=_next_in_s(row, cause, outlet),
    )


def _age_s(row: Any, now: datetime) -> float:
    """Due: since its time came. In hand or in doubt: since it was last taken. Silent, unknown: since that moment."""
    since_made = float((now - row.created_at).total_seconds())
    if row.phase == "due":
        return since_made if row.untried else min(since_made, row.now_s - row.try_s)
    since = {"silent": row.accepted_at, "unknown": row.finished_at}.get(row.phase)
    return float((now - since).total_seconds()) if since else since_made


def _next_in_s(row: Any, cause: str, outlet: Outlet | None) -> float | None:
    if cause in ("adoption", "hold", "no_way", "unexplained", "given_up"):
        return None
    if cause == "quiet":
        return quiet.left_s(clock.now())
    if cause == "breaker" and outlet:
        return outlet.opens_in_s
    at_s = {
        "back_off": row.try_s,
        "uncertain": row.lease_s,
        "sending": row.lease_s,
        "silent": row.lease_s + POLL_AFTER_S[0],
    }
    return max(0.0, float(at_s.get(row.phase, row.now_s) - row.now_s))


def _outlets(session: Session) -> dict[tuple[str, str], Outlet]:
    left = select(Breaker.account, Breaker.open_until_s - db.seconds()).where(Breaker.open_until_s > db.seconds())
    shut = {account: float(left_s) for account, left_s in session.execute(left)}
    in_hand = and_(Notice.state == State.SENDING, Notice.lease_s > db.seconds())
    handed = Notice.accepted_at > clock.now() - timedelta(seconds=FLOWS_S)
    flowing = set(session.execute(select(Notice.channel, Notice.mode).where(or_(in_hand, handed)).distinct()).all())
    return {
        (way.channel, str(mode)): _outlet(way, shut, flows=any((way.channel, one) in flowing for one in way.modes))
        for way in dispatch.ways()
        for mode in way.modes
    }


def _outlet(way: Way, shut: Mapping[str, float], *, flows: bool) -> Outlet:
    account = next((one.name for one in way.accounts if one.name not in shut), "")
    return Outlet(account, flows, min((shut[one.name] for one in way.accounts if one.name in shut), default=0.0))
