"""Orders, plants and the words made from them, for tests that read what people will read."""

from datetime import datetime
from typing import Any

from coordinator import render, rulebook_measures
from coordinator.clock import BEIJING
from coordinator.orders import OfficerCard, Order, Person, Place, PlannedReceiver, Plant
from coordinator.plan import plan
from coordinator.render import IncidentCard, Words
from rules.levels import Level
from rules.measure_tables import Exemption, PlantLine

NUMBER, CODE, TOKEN, MARKER = "石2026-0007-1-00001", "1234", "Q2w3e4r5t6y7u8i9o0pAAA", "ABCDEFG2"
URL = "https://liandong.example/a/Q2w3e4r5t6y7u8i9o0pAAA"
WANG = Person("1", "王建国", "+8613800000001", "wang@example.com", 1)
LI = Person("2", "李梅", "+8613800000002", "", 2)
LEVELS = (Level.PRE, Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
CHANGES = ("start", "upgrade", "downgrade", "extend", "lift", "retract")
TONES = {
    "ordered": {},
    "self": {"grade": "A"},
    "exempt": {"exemption": Exemption(kind="保障类", load_cap="80%")},
    "own-plan": {"lines": (PlantLine("1号窑", *["停产"] * 3), PlantLine("2号窑", *["限产30%"] * 3))},
    "default": {"industry": "家具", "grade": "C"},
}
ZHANG = OfficerCard("007", "张三", "+8613900000003", "zhang@example.com")


def order(**fields: Any) -> Order:
    level = fields.get("level", Level.ORANGE)
    return Order(
        **{
            "alert": "石2026-0007",
            "rev": 1,
            "mode": "actual",
            "level": level,
            "previous": Level(level - 1),
            "cities": (Place("130100", "石家庄"),),
            "effective_from": datetime(2026, 11, 23, tzinfo=BEIJING),
            "effective_to": datetime(2026, 11, 26, 12, tzinfo=BEIJING),
            "reason": "预计AQI日均值>150持续72小时",
            "clause": "冀政办字〔2024〕17号 橙色 第二项",
            "issuer": "石家庄市应急指挥部",
            "desk_phone": "0311-86543210",
            "change": "start",
            "base_url": "https://liandong.example",
            "issued_at": datetime(2026, 11, 22, 18, 30, tzinfo=BEIJING),
        }
        | fields
    )


def plant(**fields: Any) -> Plant:
    return Plant(
        **{
            "credit_code": "91130100MA0ABCDE1X",
            "name": "石家庄示例水泥有限公司",
            "city": "130100",
            "industry": "水泥",
            "grade": "B",
            "contacts": (LI, WANG),
            "in_drill": True,
        }
        | fields
    )


def planned(
    given: Order | None = None, *plants: Plant, officers: tuple[OfficerCard, ...] = ()
) -> list[PlannedReceiver]:
    given = given or order()
    return list(plan(given, plants or (plant(),), table=rulebook_measures.table(), officers=officers))


def receiver(given: Order | None = None, **fields: Any) -> PlannedReceiver:
    return planned(given, plant(**fields))[-1]


def say(kind: str, channel: str, one: PlannedReceiver, *, number: str = NUMBER, links: bool = True) -> Words:
    return render.words(kind, channel, one, number=number, code=CODE, token=TOKEN, marker=MARKER, links=links)


def page(purpose: str, channel: str, given_order: Order) -> Words:
    return render.page(
        purpose, channel, given_order, officer="张三", marker=MARKER, n=12, url="https://liandong.example/alerts/7"
    )


def card(mode: str) -> IncidentCard:
    learned = datetime(2026, 3, 1, 8, tzinfo=BEIJING)
    due = (("bureau_report", learned.replace(hour=10)), ("neighbour_notice", learned))
    return IncidentCard(
        id=3, mode=mode, title="滏阳河苯泄漏<b>", city_name="邯郸", grade="II", track="2h", learned_at=learned, due=due
    )


def told_of_incident(mode: str, channel: str, *, links: bool = True) -> Words:
    officer = OfficerCard("007", "张三", "", "")
    return render.incident(channel, card(mode), officer=officer, marker=MARKER, code=CODE, url=URL, links=links)
