"""Every plant gets its measure, with its reason; nobody falls through."""

import csv
import tomllib
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from coordinator import rulebook_measures
from rules.levels import Level
from rules.measure_tables import Exemption, Measure, MeasureKind, PlantLine, measure_from
from rules.measures import measures_for, society, strictness

TABLE = rulebook_measures.table()
CASES = tomllib.loads((Path(__file__).parents[1] / "cases" / "measures.toml").read_text(encoding="utf-8"))["case"]
ORDERED = (Level.YELLOW, Level.ORANGE, Level.RED)
DAYS = (date(2019, 10, 20), date(2026, 11, 23))
CITIES = ("130200", "141100", "440100")


def told(**case) -> tuple[Measure, ...]:
    return measures_for(
        TABLE,
        industry=case["industry"],
        grade=case["grade"],
        level=Level.parse(case["level"]),
        city=case.get("city", "130100"),
        on=case.get("on", date(2026, 11, 23)),
        exemption=exempted(case.get("exemption")),
        lines=tuple(PlantLine(**line) for line in case.get("lines", [])),
    )


def exempted(fields) -> Exemption | None:
    if fields is None:
        return None
    return Exemption(**fields | ({"covers": Level.parse(fields["covers"])} if "covers" in fields else {}))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_plant_is_told_what_the_case_says(case) -> None:
    found = told(**case)

    assert [each.kind.value for each in found] == case["kinds"]
    assert found[0].cut == pytest.approx(case["cut"])
    assert case.get("says", "") in ";".join(each.text for each in found)
    assert case.get("why", "") in ";".join(each.why for each in found)
    assert all(each.confirmed for each in found) == case["confirmed"]


def test_the_table_is_total_in_every_place_on_every_day() -> None:
    for industry, grade in product(TABLE.industries.names, TABLE.grades.names):
        for level, city, on in product((Level.PRE, Level.BLUE, *ORDERED), CITIES, DAYS):
            found = measures_for(TABLE, industry=industry, grade=grade, level=level, city=city, on=on)
            assert found, (industry, grade, level, city, on)
            assert all(each.text and each.why and each.source for each in found)


def test_who_chooses_for_himself_is_never_ordered_to_stop() -> None:
    for industry, grade, level, city, on in product(
        TABLE.industries.names, ("A+", "A", "引领性"), ORDERED, CITIES, DAYS
    ):
        found = measures_for(TABLE, industry=industry, grade=grade, level=level, city=city, on=on)
        assert {each.kind for each in found} == {MeasureKind.SELF}, (industry, grade, level, city)


def test_a_graver_level_never_asks_for_less() -> None:
    for industry, grade, city, on in product(TABLE.industries.names, TABLE.grades.names, CITIES, DAYS):
        asked = [
            strictness(measures_for(TABLE, industry=industry, grade=grade, level=level, city=city, on=on))
            for level in ORDERED
        ]
        assert asked == sorted(asked), (industry, grade, city, on)


def test_a_worse_grade_is_never_asked_for_less_where_nothing_is_confirmed() -> None:
    on, city = date(2026, 11, 23), "440100"
    for industry, level in product(TABLE.industries.names, ORDERED):
        asked = [
            strictness(measures_for(TABLE, industry=industry, grade=grade, level=level, city=city, on=on))
            for grade in ("A", "B", "B-", "C", "D")
        ]
        assert asked == sorted(asked), (industry, level)


@pytest.mark.parametrize(
    ("typed", "near"), [("钢厂铁", "钢铁"), ("水尼", "水泥"), ("", "没有填写"), ("火星基地", "应为")]
)
def test_an_unknown_industry_is_refused_by_name(typed, near) -> None:
    with pytest.raises(ValueError, match=near):
        told(industry=typed, grade="B", level="orange")


@pytest.mark.parametrize("typed", ["E", "优", "", "AA", "1"])
def test_an_unknown_grade_is_refused_by_name(typed) -> None:
    with pytest.raises(ValueError, match="绩效等级"):
        told(industry="水泥", grade=typed, level="orange")


@pytest.mark.parametrize(
    ("typed", "meant"), [(" a 级", "A"), ("b-", "B-"), ("B－级", "B-"), ("绩效引领性企业", "引领性"), ("Ａ＋", "A+")]
)
def test_a_grade_is_understood_however_it_is_typed(typed, meant) -> None:
    assert TABLE.grade(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("水泥行业", "水泥"),
        ("独立焦化企业", "焦化"),
        ("砖瓦 窑", "砖瓦窑"),
        ("铅、锌冶炼", "铅锌冶炼"),
        ("家具制造业", "家具"),
        ("岩(矿)棉", "岩矿棉"),
        ("其它", "其他"),
    ],
)
def test_an_industry_is_understood_however_it_is_typed(typed, meant) -> None:
    assert TABLE.industry(typed).name == meant


def test_there_are_thirty_nine_key_industries_and_the_rest() -> None:
    own = [name for name in TABLE.industries.names if not TABLE.industry(name).part_of]

    assert len(own) == 40
    assert own[-1] == "其他"


def test_no_alert_asks_for_no_measure() -> None:
    with pytest.raises(ValueError, match="none"):
        told(industry="水泥", grade="B", level="none")


def test_the_city_itself_speaks_before_everywhere() -> None:
    beijing = {block.topic for block in society(TABLE, level=Level.RED, city="110000")}
    tianjin = {block.topic for block in society(TABLE, level=Level.RED, city="120000")}

    assert beijing - tianjin == {"机动车"}


def test_more_is_asked_of_sites_the_graver_the_level() -> None:
    said = {
        level: next(block.text for block in society(TABLE, level=level, city="130100") if block.topic == "施工工地")
        for level in ORDERED
    }

    assert "室外喷涂" in said[Level.YELLOW]
    assert "土石方" in said[Level.ORANGE]
    assert "一切室外作业" in said[Level.RED]


def test_a_measure_survives_being_written_down() -> None:
    for measure in told(industry="水泥", grade="B", level="orange"):
        assert measure_from(measure.as_json()) == measure


@pytest.mark.parametrize(("level", "share"), [(Level.YELLOW, 0.1), (Level.ORANGE, 0.2), (Level.RED, 0.3)])
def test_the_duty_is_ten_twenty_and_thirty_percent(level, share) -> None:
    assert rulebook_measures.duty(level, "130100") == share


def test_the_oldest_episode_and_the_day_between_two_guides_have_measures_too() -> None:
    for on in (date(2013, 12, 1), date(2020, 6, 28), date(2020, 6, 29)):
        assert measures_for(TABLE, industry="铸造", grade="B", level=Level.ORANGE, city="130200", on=on)


def test_published_steel_works_are_all_understood(shared_data: Path) -> None:
    with (shared_data / "08_enterprises" / "graded_enterprises_public.csv").open(encoding="utf-8-sig") as opened:
        works = list(csv.DictReader(opened))

    asked = [told(industry=each["industry"], grade=each["grade"], level="red") for each in works]

    assert len(works) == 14
    assert {measure.kind for measures in asked for measure in measures} == {MeasureKind.SELF}
    assert TABLE.grade(works[12]["grade_before"]) == "B-"
