"""What would be sent, to whom and at what cost, if this order were signed now?"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any

from contacts.addresses import mask
from coordinator import render
from coordinator.blanks import parts
from coordinator.channels import terms as carriers
from coordinator.channels.terms import Terms
from coordinator.limits import Forecast
from coordinator.orders import OfficerCard, Order, PlannedNotice, PlannedReceiver, Plant
from coordinator.plan import plan
from rules.measure_tables import Table

SAMPLES = 10
SHARED = 20  # one address for more receivers than this is worth a look


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
    """Counts by city, grade, measure, channel and lane; segments of SMS and what they cost; what is wrong.

    ``texts``: SMS to each number. ``forecast``: the limits they'd meet, when somebody has asked the rows.
    """

    receivers: int = 0
    by_city: Counter[str] = field(default_factory=Counter)
    by_grade: Counter[str] = field(default_factory=Counter)
    by_measure: Counter[str] = field(default_factory=Counter)
    by_channel: Counter[str] = field(default_factory=Counter)
    by_lane: Counter[str] = field(default_factory=Counter)
    segments: Counter[int] = field(default_factory=Counter)
    cost: Decimal = Decimal(0)
    cost_by_channel: dict[str, Decimal] = field(default_factory=dict)
    cost_by_country: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    currency: str = ""
    doubts: tuple[str, ...] = ()
    texts: Counter[str] = field(default_factory=Counter)
    forecast: Forecast | None = None
    shortened: int = 0
    unconfirmed: int = 0
    unreachable: int = 0
    complaints: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values: costs as text, segments by number of segments as text, no addresses."""
        plain = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "texts"}
        return plain | {
            "segments": {str(n): count for n, count in sorted(self.segments.items())},
            "cost": str(self.cost),
            "cost_by_channel": {channel: str(cost) for channel, cost in self.cost_by_channel.items()},
            "cost_by_country": {name: str(cost) for name, cost in self.cost_by_country.items()},
            "forecast": self.forecast.as_json() if self.forecast else None,
            "samples": [asdict(sample) for sample in self.samples],
        }


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
    terms: Terms | None = None,
) -> Preview:
    """Everything counted and every SMS measured, with ten samples; nothing is written or sent.

    links  whether an SMS to this address may hold a link; terms  of the carriers, those in force when not given
    Raises Refusal where `plan` does.
    """
    terms = terms or carriers.load()
    made, shown, shared = Preview(currency=terms.currency), set[tuple[object, ...]](), Counter[str]()
    for n, receiver in enumerate(plan(order, plants, table=table, officers=officers), 1):
        _count(made, receiver)
        for notice in receiver.notices:
            shared[notice.address] += 1
            _measure(made, receiver, notice, n=n, links=links, shown=shown, terms=terms)
    _add_up(made, terms)
    made.complaints += [f"{place.name}没有一家接收单位" for place in order.cities if not made.by_city[place.code]]
    made.complaints += [f"{mask(each)}同时是{n}家的联系方式" for each, n in shared.items() if n > SHARED]
    return made


def _add_up(made: Preview, terms: Terms) -> None:
    sms = sum(made.cost_by_country.values(), Decimal(0))
    made.cost_by_channel = {channel: sms if channel == "sms" else Decimal(0) for channel in sorted(made.by_channel)}
    made.cost = sms
    used = {country for address in made.texts if (country := terms.country(address))}
    made.doubts = tuple(sorted(f"{each.name}单价" for each in used if not each.confirmed))


def _charge(made: Preview, receiver: PlannedReceiver, notice: PlannedNotice, *, segments: int, terms: Terms) -> None:
    """One SMS of so many segments; where none may go, the plant is named and nothing is charged."""
    made.texts[notice.address] += 1
    made.segments[segments] += 1
    country = terms.country(notice.address)
    if country is None:
        made.complaints.append(f"{receiver.name}({receiver.key}):{mask(notice.address)} 不在开通短信的国家或地区之列")
        return
    made.cost_by_country[country.name] += segments * country.price


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
    terms: Terms,
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
        _charge(made, receiver, notice, segments=parts(words.text), terms=terms)
        made.shortened += words.shortened
    if wanted:
        shown.add(novel)
        sample = Sample(receiver.name, receiver.city_name, notice.channel, words.subject, words.text, words.html)
        made.samples.append(sample)
