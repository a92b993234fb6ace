"""What would signing do? Counted, measured and sampled before anybody signs."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coordinator import (
    budgets,
    capacity,
    clock,
    issuing,
    preview,
    register,
    render,
    response,
    rulebook_measures,
    tokens,
)
from coordinator.errors import CoordinatorError
from coordinator.limits import Forecast
from coordinator.models import REACHED, Alert, Issue, Mode, Notice, NoticeKind, Receiver
from coordinator.models import AlertState as S
from coordinator.plan import lane_of
from coordinator.preview import Preview, Sample
from coordinator.web.looks.alerts import AlertLook
from coordinator.web.vocabulary import CHANGES
from coordinator.web.wording import say, thousands

KEEP_S = 60.0
MOST_KEPT = 32
_kept: dict[tuple[Any, ...], tuple[float, "Foreseen"]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """``receivers`` would be told; ``counts`` is None when an end goes to those already reached; ``refused`` says why it can't be.

    ``limits`` is what the carriers' limits would do to its SMS.
    """

    receivers: int = 0
    counts: Preview | None = None
    limits: Forecast | None = None
    samples: tuple[Sample, ...] = ()
    refused: str = ""

    @property
    def nobody(self) -> str:
        """An end that nobody has to hear of, because nobody heard of the beginning."""
        return "" if self.counts or self.receivers else say("还没有单位收到过这份预警的通知：签发后没有人要再通知。")

    @property
    def too_many(self) -> str:
        """What to know when the embedded database is asked for more than it should be."""
        notices = sum(self.counts.by_channel.values()) if self.counts else self.receivers
        if not capacity.too_many(notices):
            return ""
        return say(
            "约 %(n)s 份通知，超过 SQLite 建议的 %(most)s 份：不丢不重，但签收和回执要排队。请系统管理员用 %(command)s 搬到 PostgreSQL。",
            n=thousands(notices), most=thousands(capacity.EMBEDDED_NOTICES), command=capacity.COMMAND,
        )  # fmt: skip


def of(session: Session, look: AlertLook) -> Foreseen | None:
    """None when nothing is about to be sent."""
    change = look.waiting or ("start" if look.alert.state == S.PROPOSED else "")
    if not change or change == "release":
        return None
    key = (look.alert.id, look.alert.rev, look.alert.body_hash, change)
    at, found = _kept.get(key, (-KEEP_S, None))
    if found is None or clock.monotonic() - at > KEEP_S:
        found = _look_ahead(session, look.alert, change)
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[key] = (clock.monotonic(), found)
    return found


def correction(session: Session, alert: Alert) -> Foreseen:
    """The correction that stands ready: whom it would reach and what it would say."""
    return _look_ahead(session, alert, "retract")


def as_json(ahead: Foreseen | None) -> dict[str, Any] | None:
    """For programs: what signing would do; None when nothing is about to be sent."""
    if ahead is None:
        return None
    limits = ahead.limits.as_json() if ahead.limits else None
    counts = ahead.counts.as_json() if ahead.counts else {"samples": [asdict(each) for each in ahead.samples]}
    return {"receivers": ahead.receivers, "refused": ahead.refused, "forecast": limits} | counts


def button(look: AlertLook, ahead: Foreseen | None) -> str:
    """What the button says that would set it off: to how many, and whether for real. Drills use other words."""
    if look.waiting == "release":
        return say("签发：恢复派发")
    count, change = thousands(ahead.receivers if ahead else 0), say(CHANGES.get(look.waiting, look.waiting))
    if look.alert.mode != Mode.ACTUAL:
        return say("【演练】签发：向 %(n)s 个参演单位和人员发送演练通知", n=count)
    if look.waiting in issuing.ENDING and ahead and ahead.nobody:
        return say("签发%(change)s", change=change)
    if look.waiting in issuing.ENDING:
        return say("签发：向 %(n)s 家企业发送真实的%(change)s通知", n=count, change=change)
    return say("签发：向 %(n)s 家企业发送真实指令", n=count)


def _look_ahead(session: Session, alert: Alert, change: str) -> Foreseen:
    try:
        return _ending(session, alert, change) if change in issuing.ENDING else _ordering(session, alert, change)
    except CoordinatorError as refused:
        return Foreseen(refused=str(refused))


def _ordering(session: Session, alert: Alert, change: str) -> Foreseen:
    order, cities = _order(session, alert, change), response.as_asked(alert).cities
    officers = () if alert.mode == Mode.ACTUAL else register.cards(session, cities)
    counts = preview.preview(
        order,
        register.plants(session, cities),
        table=rulebook_measures.table(),
        officers=officers,
        links=issuing.links_to,
    )
    counts.forecast = budgets.foresee(session, counts.texts, kind=NoticeKind.ORDER, lane=lane_of(order))
    return Foreseen(receivers=counts.receivers, counts=counts, limits=counts.forecast, samples=tuple(counts.samples))


def _ending(session: Session, alert: Alert, change: str) -> Foreseen:
    """An end goes to whoever was reached, as they were written down."""
    order = _order(session, alert, change)
    reached = (Receiver.alert_id == alert.id) & Receiver.key.in_(
        select(Notice.receiver).where(Notice.alert_id == alert.id, Notice.state.in_(REACHED))
    )
    count = session.scalar(select(func.count()).select_from(Receiver).where(reached)) or 0
    first = session.scalars(select(Receiver).where(reached).order_by(Receiver.key).limit(2)).all()
    samples = []
    for n, receiver in enumerate(first, 1):
        planned = issuing.remembered(receiver, order)
        number = f"{alert.number}-{order.rev}-{n:05d}"
        for way in planned.notices:
            words = render.words(
                _kind(change).value, way.channel, planned, number=number, code=receiver.code, token="x" * 22,
                marker=tokens.marker("sample", number), links=issuing.links_to(way.address),
            )  # fmt: skip
            samples.append(Sample(receiver.name, planned.city_name, way.channel, words.subject, words.text, words.html))
    numbers = Counter(_phones(session.scalars(select(Receiver.people).where(reached))))
    limits = budgets.foresee(session, numbers, kind=_kind(change), lane=lane_of(order))
    return Foreseen(receivers=count, limits=limits, samples=tuple(samples))


def _kind(change: str) -> NoticeKind:
    return NoticeKind.CORRECTION if change == "retract" else NoticeKind.ORDER


def _phones(ladders: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    """The first on each ladder is told."""
    return (people[0]["phone"] for people in ladders if people and people[0]["phone"])


def _order(session: Session, alert: Alert, change: str) -> Any:
    issue = Issue(alert_id=alert.id, rev=alert.rev, change=change, issued_at=clock.now())
    return issuing.order_of(session, response.as_asked(alert), issue)
