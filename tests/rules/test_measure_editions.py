"""A file of measures is read strictly, or not at all."""

import tomllib
from datetime import date
from typing import Any

import pytest

from coordinator import rulebook_measures
from rules import measure_editions
from rules.levels import Level
from rules.measures import measures_for

DAY = date(2026, 11, 23)


def table(*editions: dict[str, Any], default: bool = True):
    read = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in rulebook_measures.FOLDER.glob("*.toml")}
    return measure_editions.table(
        trades=read["industries"],
        rated=read["grades"],
        classes=read["classes"],
        editions=[*editions, *([read["default-2020"]] if default else [])],
        blocks=read["society"],
    )


def edition(name: str, *rows: dict[str, Any], place: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {
        "id": name, "title": name, "document": f"{name}号文", "place": list(place),
        "in_force_from": date(2024, 1, 1), "source": "测试", "confidence": "C2", "row": list(rows),
    } | fields  # fmt: skip


def row(text: str, **fields: Any) -> dict[str, Any]:
    return {"industry": "陶瓷", "grade": ["B"], "level": ["orange"], "kind": "limit", "cut": 0.3, "text": text} | fields


def asked(made, city: str = "370300"):
    return measures_for(made, industry="陶瓷", grade="B", level=Level.ORANGE, city=city, on=DAY)


def test_a_city_list_wins_over_its_province_and_that_over_the_country() -> None:
    made = table(
        edition("全国", row("全国措施")),
        edition("省", row("省措施"), place=("370000",)),
        edition("市", row("市措施"), place=("370300",)),
    )

    assert [asked(made, city)[0].text for city in ("370300", "370100", "130100")] == ["市措施", "省措施", "全国措施"]


def test_of_two_equal_rows_the_stricter_binds_and_says_why() -> None:
    made = table(edition("甲", row("限产30%")), edition("乙", row("停产", kind="stop", cut=1.0)))

    [measure] = asked(made)

    assert measure.text == "停产"
    assert "与甲号文（限产30%）不一致，取较严的一条" in measure.why


def test_different_units_are_told_side_by_side() -> None:
    made = table(
        edition("甲", row("窑炉限产30%", unit="窑炉"), row("喷雾干燥停产", unit="喷雾塔", kind="stop", cut=1.0))
    )

    assert [measure.text for measure in asked(made)] == ["窑炉限产30%", "喷雾干燥停产"]


def test_an_unconfirmed_city_row_does_not_push_a_confirmed_national_one_aside() -> None:
    made = table(
        edition("全国", row("全国措施")), edition("市", row("市措施"), place=("370300",), confidence="unconfirmed")
    )

    assert asked(made)[0].text == "全国措施"


def test_an_edition_binds_from_its_first_day_through_its_last() -> None:
    made = table(edition("甲", row("限产"), in_force_from=DAY, in_force_to=DAY))

    days = [date(2026, 11, 22), DAY, date(2026, 11, 24)]

    assert [
        measures_for(made, industry="陶瓷", grade="B", level=Level.ORANGE, city="370300", on=day)[0].confirmed
        for day in days
    ] == [False, True, False]


def test_a_table_with_a_gap_is_no_table() -> None:
    with pytest.raises(ValueError, match="缺口"):
        table(edition("甲", row("限产30%")), default=False)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"grade": ["A"], "kind": "stop"}, "自主减排"),
        ({"grade": ["*"], "kind": "limit"}, "自主减排"),
        ({"industry": "养鱼"}, "养鱼"),
        ({"grade": ["Z"]}, "Z"),
        ({"level": ["purple"]}, "purple"),
        ({"cut": 30}, "0 和 1"),
        ({"kind": "explode"}, "explode"),
        ({"remark": "?"}, "remark"),
    ],
)
def test_a_row_that_can_not_be_meant_is_refused_by_name(wrong, named) -> None:
    with pytest.raises(ValueError, match=named):
        table(edition("甲", row("限产", **wrong)))


def test_one_alias_can_not_mean_two_industries() -> None:
    with pytest.raises(ValueError, match="炼焦"):
        measure_editions.industries([{"name": "焦化", "aliases": ["炼焦"]}, {"name": "钢铁", "aliases": ["炼焦"]}])
