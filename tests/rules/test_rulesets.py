"""Editions as values: refused when misspelt, chosen by place and day."""

import copy
import tomllib
from datetime import date, timedelta

import pytest

from coordinator import rulebook
from rules.editions import parse
from rules.levels import Level
from rules.rulesets import in_force
from rules.strict import InvalidRuleSet

TABLE = tomllib.loads((rulebook.SETS / "alerts" / "national" / "2024.toml").read_text())


def mutated(change):
    table = copy.deepcopy(TABLE)
    change(table)
    return table


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda t: t.update(titel="x"), "a.toml: 不认识的键 titel,是否应为 title"),
        (lambda t: t["criterion"][0].update(clauses="x"), r"a.toml criterion\[0\]: 不认识的键 clauses,是否应为 clause"),
        (
            lambda t: t["criterion"][1]["when"][0][0].update(abov=1),
            r"criterion\[1\] when\[0\]\[0\]: 不认识的键 abov.*above",
        ),
        (lambda t: t["criterion"][0]["when"][0][0].update(hours=36), "应为 24 的倍数,实为 36"),
        (lambda t: t["criterion"][0]["when"][0][0].update(above=500), "1—499"),
        (lambda t: t["criterion"][0]["when"][0][0].update(above="200"), "above: 应为整数"),
        (lambda t: t["criterion"][0].update(level="purple"), "purple"),
        (lambda t: t["criterion"][1].update(level="yellow"), "恰有一条"),
        (lambda t: t["criterion"][0].update(when=[[]]), "至少一行"),
        (lambda t: t.update(reading="weeks"), "没有“weeks”,可用:blocks、rolling、days"),
        (lambda t: t.pop("in_force_from"), "缺少键 in_force_from"),
        (lambda t: t.update(in_force_to=date(2020, 1, 1)), "早于施行之日"),
        (lambda t: t["lifecycle"].pop("clear_hours"), "lifecycle: 缺少键 clear_hours"),
        (lambda t: t["lifecycle"].update(present_hours=25), "present_hours: 25"),
        (lambda t: t["criterion"][0].update(confidence="sure"), "confidence: 没有“sure”"),
    ],
)
def test_a_misspelt_rule_is_refused_by_file_and_place(change, complaint):
    with pytest.raises(InvalidRuleSet, match=complaint):
        parse(mutated(change), id="a/1", where="a.toml")


@pytest.mark.parametrize(
    ("place", "day", "id"),
    [
        ("北京", date(2013, 12, 1), "beijing/2013"),
        ("北京", date(2015, 12, 8), "beijing/2015"),
        ("北京", date(2016, 3, 1), "national/2016"),
        ("石家庄", date(2016, 3, 1), "national/2013"),
        ("石家庄", date(2016, 12, 20), "national/2016"),
        ("北京", date(2018, 1, 1), "national/2017"),
        ("北京", date(2023, 10, 24), "beijing/2018"),
        ("北京", date(2023, 10, 25), "beijing/2023"),
        ("保定", date(2024, 3, 6), "national/2024"),
        ("保定", date(2024, 3, 7), "hebei/2024"),
        ("济南", date(2024, 9, 13), "shandong/2023"),
        ("济南", date(2024, 9, 14), "shandong/2024"),
        ("天津", date(2025, 1, 1), "tianjin/2023"),
        ("郑州", date(2025, 1, 1), "national/2024"),
        ("一座没有代码的城市", date(2019, 1, 1), "national/2018"),
    ],
)
def test_the_nearest_place_with_an_edition_in_force_rules(place, day, id):
    assert rulebook.edition_for(place, day).id == id


def test_no_plan_in_force_is_refused_and_no_clean_bill():
    with pytest.raises(LookupError, match="2013-10-22"):
        in_force(rulebook.editions(), ("110000", "000000"), date(2013, 10, 21))


def test_every_day_since_2013_has_exactly_one_edition_in_every_city():
    day = date(2013, 11, 18)
    while day < date(2026, 6, 1):
        for city in ("110000", "120000", "130100", "370100", "410100", "610100"):
            assert rulebook.edition_for(city, day)
        day += timedelta(days=5)


def test_what_is_not_confirmed_is_marked_so():
    unconfirmed = {ruleset.id for ruleset in rulebook.editions() if ruleset.edition.confidence == "unconfirmed"}

    assert unconfirmed == {"tianjin/2023", "beijing/2018", "shandong/2024"}
    assert all(ruleset.hysteresis.note for ruleset in rulebook.editions())


@pytest.mark.parametrize(("id", "red"), [("national/2024", 200), ("national/2018", 200), ("beijing/2013", 300)])
def test_the_threshold_a_level_stays_above_is_that_of_its_long_spell(id, red):
    assert rulebook.edition(id).criterion(Level.RED).stays_above == red


@pytest.mark.parametrize("word", ["orange", "橙", "橙色", "橙色预警", "Ⅱ", "Ⅱ级", "II", "ⅱ级响应"])
def test_a_level_is_known_by_all_its_names(word):
    assert Level.parse(word) is Level.ORANGE


def test_a_level_nobody_knows_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="yellow、orange、red"):
        Level.parse("purple")
