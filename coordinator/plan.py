"""Who must be told what: alert × enterprises → planned notices. Values in, values out, so it can be previewed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from coordinator.errors import Refusal
from coordinator.orders import OfficerCard, Order, Person, Place, PlannedNotice, PlannedReceiver, Plant, says_drill
from rules.levels import Level
from rules.measure_tables import Block, Measure, Table, measure_from
from rules.measures import measures_for, society

PLAN_UNSAYABLE = "按本单位备案的一厂一策操作方案执行"


def plan(
    order: Order, plants: Iterable[Plant], *, table: Table, officers: Iterable[OfficerCard] = ()
) -> Iterator[PlannedReceiver]:
    """Everybody who must be told, one by one; nobody at all is refused, it never means everybody.

    An actual order goes to every plant of its cities. Anything else goes to the officers given and to plants that
    take part in drills, whatever else is in the list. A plant that can't be told comes out all the same, without
    notices and with a complaint that names it: one bad row never silences the others.
    """
    places = {place.code: place for place in order.cities}
    if not places:
        raise Refusal("没有选定任何城市:不能发布。请至少选一个城市")
    chosen = (plant for plant in plants if plant.city in places and (order.mode == "actual" or plant.in_drill))
    cards = () if order.mode == "actual" else tuple(officers)
    return _told(order, places, chosen, cards=cards, table=table)


def _told(
    order: Order, places: Mapping[str, Place], plants: Iterable[Plant], *, cards: Iterable[OfficerCard], table: Table
) -> Iterator[PlannedReceiver]:
    nobody = True
    for card in cards:
        nobody = False
        yield _officer(card, order)
    duties, around = Duties(order, table), _surroundings(order, table)
    for plant in plants:
        nobody = False
        yield _plant(plant, order, place=places[plant.city], duties=duties, society=around[plant.city])
    if nobody:
        names = "、".join(place.name for place in order.cities)
        raise Refusal(f"{names}没有一个接收单位:不能发布。请先导入减排清单,演练还要标明参演企业或人员")


class Duties:
    """What each plant must do, and what is wrong with its row; plants alike in all that matters share one answer."""

    def __init__(self, order: Order, table: Table) -> None:
        self.order, self.table = order, table
        self.known: dict[tuple[object, ...], tuple[tuple[Measure, ...], str]] = {}

    def of(self, plant: Plant) -> tuple[tuple[Measure, ...], str]:
        alike = (plant.city, plant.industry, plant.grade, plant.exemption, plant.lines)
        if alike not in self.known:
            self.known[alike] = self._found(plant)
        return self.known[alike]

    def _found(self, plant: Plant) -> tuple[tuple[Measure, ...], str]:
        order = self.order
        if order.kind != "air" or order.change in ("lift", "retract"):
            return (), ""
        try:
            found = measures_for(
                self.table,
                industry=plant.industry,
                grade=plant.grade,
                level=order.level,
                city=plant.city,
                on=order.day,
                exemption=plant.exemption,
                lines=plant.lines,
            )
        except ValueError as error:
            return (), f"{error},未派发,须更正清单并人工通知"
        if order.mode != "actual" or not any(says_drill(each.text) for each in found):
            return found, ""
        return tuple(map(_sayable, found)), "一厂一策里有“演练”二字,真实通知没有照抄"


def _sayable(measure: Measure) -> Measure:
    return replace(measure, text=PLAN_UNSAYABLE) if says_drill(measure.text) else measure


def _surroundings(order: Order, table: Table) -> dict[str, tuple[Block, ...]]:
    said = order.kind == "air" and order.change not in ("lift", "retract")
    return {place.code: society(table, level=order.level, city=place.code) if said else () for place in order.cities}


def _plant(plant: Plant, order: Order, *, place: Place, duties: Duties, society: tuple[Block, ...]) -> PlannedReceiver:
    measures, trouble = duties.of(plant)
    people, lane, name = usable(plant.contacts), lane_of(order), plant.name
    if order.mode == "actual" and says_drill(name):
        name, trouble = plant.credit_code, "企业名称里有“演练”二字,真实通知改用统一社会信用代码"
    if not people:
        trouble = "没有可用的手机或邮箱,须电话或上门通知"
    unknown = order.kind == "air" and order.change not in ("lift", "retract") and not measures
    return PlannedReceiver(
        key=plant.credit_code,
        name=name,
        city=place.code,
        city_name=place.name,
        industry=plant.industry,
        grade=plant.grade,
        measures=measures,
        society=society,
        person=people[0] if people else None,
        ladder=people,
        notices=() if unknown or not people else notices_to(people[0], lane),
        lane=lane,
        complaint=f"{plant.name}({plant.credit_code}):{trouble}" if trouble else "",
        order=order,
    )


def _officer(card: OfficerCard, order: Order) -> PlannedReceiver:
    people = usable((Person(card.id, card.name, card.phone, card.email, 1),))
    place, lane = order.cities[0], lane_of(order)
    return PlannedReceiver(
        key=f"officer:{card.id}",
        name=card.name,
        city=place.code,
        city_name=place.name,
        industry="",
        grade="",
        measures=(),
        society=(),
        person=people[0] if people else None,
        ladder=people,
        notices=notices_to(people[0], lane) if people else (),
        lane=lane,
        complaint="" if people else f"{card.name}(工号{card.id}):没有可用的手机或邮箱",
        order=order,
    )


def usable(people: Iterable[Person]) -> tuple[Person, ...]:
    """Those who have an address at all, first to be told first."""
    return tuple(sorted((each for each in people if each.phone or each.email), key=lambda each: each.order))


def notices_to(person: Person, lane: str) -> tuple[PlannedNotice, ...]:
    """One notice for each address: SMS and mail at once."""
    addresses = (("sms", person.phone), ("email", person.email))
    return tuple(PlannedNotice(channel, address, person.key, lane) for channel, address in addresses if address)


def lane_of(order: Order) -> str:
    """How urgent it is: drills last; taking back a false order is as urgent as the gravest one."""
    if order.mode != "actual":
        return "drill"
    if order.change == "retract":
        return "red"
    if order.change == "lift":
        return "lift"
    return order.level.word if order.level in (Level.RED, Level.ORANGE) else "yellow"


def recalled(
    order: Order,
    *,
    key: str,
    name: str,
    city: str,
    industry: str,
    grade: str,
    measures: Iterable[Mapping[str, object]],
    people: Iterable[Mapping[str, object]],
    complaint: str = "",
) -> PlannedReceiver:
    """A receiver as its row remembers it, for words that come later; ``people`` stand in the order of the ladder."""
    ladder = tuple(_person(each, rank) for rank, each in enumerate(people, 1))
    names = {place.code: place.name for place in order.cities}
    return PlannedReceiver(
        key=key,
        name=name,
        city=city,
        city_name=names.get(city, city),
        industry=industry,
        grade=grade,
        measures=tuple(measure_from(each) for each in measures),
        society=(),
        person=ladder[0] if ladder else None,
        ladder=ladder,
        notices=(),
        lane="reminder" if order.mode == "actual" else "drill",
        complaint=complaint,
        order=order,
    )


def _person(kept: Mapping[str, object], rank: int) -> Person:
    key, name, phone, email = (str(kept.get(field) or "") for field in ("key", "name", "phone", "email"))
    return Person(key, name, phone, email, rank)
