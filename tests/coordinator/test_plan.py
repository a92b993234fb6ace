"""Who is told, in which order, by which ways; and that nobody is told by mistake."""

from dataclasses import asdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator import rulebook_measures
from coordinator.errors import Refusal
from coordinator.orders import LANES, OfficerCard, Person, Place
from coordinator.plan import plan, recalled
from coordinator.preview import preview
from rules.levels import Level
from rules.measure_tables import Exemption, PlantLine
from tests.coordinator.samples import LI, WANG, ZHANG, order, planned, plant, receiver

TABLE = rulebook_measures.table()


def test_the_first_in_order_is_told_by_phone_and_mail_at_once() -> None:
    one = receiver()

    assert [(way.channel, way.address) for way in one.notices] == [("sms", WANG.phone), ("email", WANG.email)]
    assert (one.person, one.ladder) == (WANG, (WANG, LI))


def test_who_has_no_address_is_passed_over() -> None:
    silent = Person("0", "赵静", "", "", 0)

    assert receiver(contacts=(silent, LI)).person == LI


def test_a_plant_nobody_can_reach_comes_out_with_a_complaint_that_names_it() -> None:
    one = receiver(contacts=())

    assert one.notices == ()
    assert one.person is None
    assert "石家庄示例水泥有限公司(91130100MA0ABCDE1X):没有可用的手机或邮箱" in one.complaint


def test_plants_of_other_cities_are_left_alone() -> None:
    told = planned(order(), plant(), plant(credit_code="x", city="130200"))

    assert [one.key for one in told] == ["91130100MA0ABCDE1X"]


def test_no_city_is_refused_and_never_means_all() -> None:
    with pytest.raises(Refusal, match="没有选定任何城市"):
        planned(order(cities=()))


def test_no_plant_is_refused_and_never_means_all() -> None:
    with pytest.raises(Refusal, match="石家庄没有一个接收单位"):
        planned(order(), plant(city="130200"))


@pytest.mark.parametrize("mode", ["exercise", "test"])
def test_a_drill_reaches_officers_and_plants_that_take_part_and_nobody_else(mode) -> None:
    told = planned(order(mode=mode), plant(), plant(credit_code="x", in_drill=False), officers=(ZHANG,))

    assert [one.key for one in told] == ["officer:007", "91130100MA0ABCDE1X"]
    assert {way.lane for one in told for way in one.notices} == {"drill"}


def test_a_drill_without_anybody_taking_part_is_refused() -> None:
    with pytest.raises(Refusal, match="参演"):
        planned(order(mode="exercise"), plant(in_drill=False))


def test_officers_are_no_receivers_of_a_real_order() -> None:
    assert [one.key for one in planned(order(), plant(), officers=(ZHANG,))] == ["91130100MA0ABCDE1X"]


def test_an_officer_without_address_is_named() -> None:
    told = planned(order(mode="exercise"), officers=(OfficerCard("9", "孙强", "", ""),))

    assert told[0].complaint == "孙强(工号9):没有可用的手机或邮箱"


def test_one_plant_of_unknown_trade_is_named_and_silences_nobody_else() -> None:
    strange, known = planned(order(), plant(industry="养鱼"), plant(credit_code="x"))

    assert strange.notices == ()
    assert "不认识的行业“养鱼”" in strange.complaint
    assert known.notices


def test_a_name_that_says_drill_is_replaced_by_the_credit_code_in_a_real_order() -> None:
    real, drill = receiver(name="冀安消防演练有限公司"), receiver(order(mode="exercise"), name="冀安消防演练有限公司")

    assert (real.name, bool(real.complaint), bool(real.notices)) == ("91130100MA0ABCDE1X", True, True)
    assert drill.name == "冀安消防演练有限公司"


def test_a_plants_own_plan_that_says_drill_is_not_copied_into_a_real_order() -> None:
    one = receiver(lines=(PlantLine("1号窑", orange="按演练方案停产"),))

    assert "演练" not in one.measures[0].text
    assert one.complaint


@pytest.mark.parametrize(
    ("fields", "lane"),
    [
        ({"level": Level.RED}, "red"),
        ({"level": Level.ORANGE}, "orange"),
        ({"level": Level.YELLOW}, "yellow"),
        ({"level": Level.PRE}, "yellow"),
        ({"change": "lift"}, "lift"),
        ({"change": "retract", "level": Level.YELLOW}, "red"),
        ({"mode": "exercise", "level": Level.RED}, "drill"),
        ({"mode": "exercise", "change": "retract"}, "drill"),
    ],
)
def test_the_lane_follows_how_urgent_it_is(fields, lane) -> None:
    one = receiver(order(**fields))

    assert {way.lane for way in one.notices} == {lane}
    assert lane in LANES


@pytest.mark.parametrize("change", ["lift", "retract"])
def test_an_end_asks_for_no_measures(change) -> None:
    assert receiver(order(change=change)).measures == ()


def test_a_spared_plant_is_told_that_it_is_spared() -> None:
    [measure] = receiver(grade="D", exemption=Exemption(kind="保障类")).measures

    assert measure.kind.value == "exempt"


def test_a_receiver_is_recalled_from_what_was_written_down() -> None:
    one = receiver()
    kept = {
        "measures": [measure.as_json() for measure in one.measures],
        "people": [asdict(each) for each in one.ladder],
    }

    again = recalled(
        one.order, key=one.key, name=one.name, city=one.city, industry=one.industry, grade=one.grade, **kept
    )

    assert (again.measures, [each.name for each in again.ladder]) == (one.measures, ["王建国", "李梅"])


@pytest.mark.parametrize(("field", "wrong"), [("mode", "drill"), ("mode", ""), ("change", "stop")])
def test_an_order_of_unknown_mode_or_change_can_not_be_made(field, wrong) -> None:
    with pytest.raises(Refusal, match=field):
        order(**{field: wrong})


def test_the_plan_is_made_one_by_one() -> None:
    def endless():
        while True:
            yield plant()

    assert next(plan(order(), endless(), table=TABLE)).key == "91130100MA0ABCDE1X"


def test_the_preview_counts_what_would_be_sent() -> None:
    cities = (Place("130100", "石家庄"), Place("130200", "唐山"), Place("130300", "秦皇岛"))
    plants = [plant(), plant(credit_code="b", city="130200", grade="A"), plant(credit_code="c", contacts=())]

    seen = preview(order(cities=cities), plants, table=TABLE)

    assert (seen.receivers, seen.unreachable) == (3, 1)
    assert seen.by_city == {"130100": 2, "130200": 1}
    assert seen.by_grade == {"B": 2, "A": 1}
    assert seen.by_measure == {"limit": 2, "manage": 2, "self": 1}
    assert seen.by_channel == {"sms": 2, "email": 2}
    assert sum(seen.segments.values()) == 2
    assert seen.cost == sum(n * count for n, count in seen.segments.items()) * Decimal("0.05")
    assert "秦皇岛没有一家接收单位" in seen.complaints


def test_the_preview_shows_ten_samples_of_different_kinds() -> None:
    plants = [
        plant(credit_code=f"{n}-{grade}", grade=grade)
        for n in range(20)
        for grade in ("A", "B", "B-", "C", "D", "引领性")
    ]

    samples = preview(order(), plants, table=TABLE).samples

    assert len(samples) == 10
    assert {sample.channel for sample in samples} == {"sms", "email"}


def test_the_preview_names_a_number_that_stands_for_many_plants() -> None:
    shared = [plant(credit_code=str(n)) for n in range(21)]

    assert "+86138****0001同时是21家的联系方式" in preview(order(), shared, table=TABLE).complaints


def test_the_preview_can_be_handed_out_as_json() -> None:
    plain = preview(order(), [plant()], table=TABLE).as_json()

    assert plain["cost"] == "0.15"
    assert plain["segments"] == {"3": 1}


@given(
    roster=st.lists(st.tuples(st.booleans(), st.sampled_from(["130100", "130200"]), st.booleans()), max_size=30),
    mode=st.sampled_from(["actual", "exercise", "test"]),
)
def test_no_drill_ever_reaches_who_does_not_take_part(roster, mode) -> None:
    plants = [
        plant(credit_code=str(n), in_drill=drilled, city=city, contacts=(WANG,) if told else ())
        for n, (drilled, city, told) in enumerate(roster)
    ]
    here = {each.credit_code for each in plants if each.city == "130100" and (mode == "actual" or each.in_drill)}

    if not here:
        with pytest.raises(Refusal):
            planned(order(mode=mode), *plants or (plant(city="130200"),))
        return
    told = planned(order(mode=mode), *plants)

    assert {one.key for one in told} == here
    assert len(told) == len(here)
    assert all((way.lane == "drill") == (mode != "actual") for one in told for way in one.notices)
