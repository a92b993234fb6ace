"""What would be sent, to whom and at what cost, if this order were signed now?"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from coordinator import render
from coordinator.blanks import parts
from coordinator.orders import OfficerCard, Order, PlannedNotice, PlannedReceiver, Plant
from coordinator.plan import plan
from rules.measure_tables import Table

SAMPLES = 10
SHARED = 20  # one address for more receivers than this is worth a look
PRICE = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Sample:
    """One notice as it would read."""

    name: str
    city_name: str
    channel: str
    subject: str
    text: str
    html: str


@dataclass(slots=True)
class Preview:
    """Counts by city, grade, measure, channel and lane; segments of SMS and what they cost; what is wrong."""

    receivers: int = 0
    by_city: Counter[str] = field(default_factory=Counter)
    by_grade: Counter[str] = field(default_factory=Counter)
    by_measure: Counter[str] = field(default_factory=Counter)
    by_channel: Counter[str] = field(default_factory=Counter)
    by_lane: Counter[str] = field(default_factory=Counter)
    segments: Counter[int] = field(default_factory=Counter)
    cost: Decimal = Decimal(0)
    shortened: int = 0
    unconfirmed: int = 0
    unreachable: int = 0
    complaints: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values: the cost as text, segments by number of segments as text."""
        plain = asdict(self) | {"cost": str(self.cost)}
        return plain | {"segments": {str(n): count for n, count in sorted(self.segments.items())}}


def mainland(address: str) -> bool:
    """Whether this is a number of mainland China, where carriers refuse texts with addresses."""
    return address.startswith("+86")


def preview(
    order: Order,
    plants: Iterable[Plant],
    *,
    table: Table,
    officers: Iterable[OfficerCard] = (),
    links: Callable[[str], bool] = lambda address: not mainland(address),
    price: Decimal = PRICE,
) -> Preview:
    """Everything counted and every SMS measured, with ten samples; nothing is written or sent.

    links  whether an SMS to this address may hold a link; price  of one segment, in the account's currency
    Raises Refusal where `plan` does.
    """
    made, shown, shared = Preview(), set[tuple[object, ...]](), Counter[str]()
    for n, receiver in enumerate(plan(order, plants, table=table, officers=officers), 1):
        _count(made, receiver)
        for notice in receiver.notices:
            shared[notice.address] += 1
            _measure(made, receiver, notice, n=n, links=links, shown=shown)
    made.cost = price * sum(n * count for n, count in made.segments.items())
    made.complaints += [f"{place.name}没有一家接收单位" for place in order.cities if not made.by_city[place.code]]
    made.complaints += [f"{_masked(each)}同时是{n}家的联系方式" for each, n in shared.items() if n > SHARED]
    return made


def _count(made: Preview, receiver: PlannedReceiver) -> None:
    made.receivers += 1
    made.by_city[receiver.city] += 1
    if receiver.grade:
        made.by_grade[receiver.grade] += 1
    for kind in {measure.kind for measure in receiver.measures}:
        made.by_measure[kind.value] += 1
    made.unconfirmed += not all(measure.confirmed for measure in receiver.measures)
    made.unreachable += not receiver.notices
    if receiver.complaint:
        made.complaints.append(receiver.complaint)


def _measure(
    made: Preview,
    receiver: PlannedReceiver,
    notice: PlannedNotice,
    *,
    n: int,
    links: Callable[[str], bool],
    shown: set[tuple[object, ...]],
) -> None:
    made.by_channel[notice.channel] += 1
    made.by_lane[notice.lane] += 1
    novel = (notice.channel, receiver.grade, *(measure.kind for measure in receiver.measures))
    wanted = len(made.samples) < SAMPLES and novel not in shown
    if notice.channel != "sms" and not wanted:
        return
    words = render.words(
        "order",
        notice.channel,
        receiver,
        number=f"{receiver.order.alert}-{receiver.order.rev}-{n:05d}",
        code="0000",
        token="x" * 22,
        marker="A" * 8,
        links=links(notice.address),
    )
    if notice.channel == "sms":
        made.segments[parts(words.text)] += 1
        made.shortened += words.shortened
    if wanted:
        shown.add(novel)
        sample = Sample(receiver.name, receiver.city_name, notice.channel, words.subject, words.text, words.html)
        made.samples.append(sample)


def _masked(address: str) -> str:
    return f"{address[:6]}****{address[-4:]}"
