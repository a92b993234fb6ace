"""Grades of emergencies, as the plans' own examples and as properties of any incident."""

import json
import os
import tomllib
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from coordinator import findings
from coordinator.errors import Refusal
from coordinator.rulebook_incidents import assess, grade_tables
from rules.fields import InvalidIncident
from rules.incident_facts import FIELDS, GROUPS, parse
from rules.incidents import Condition, Criterion, Grade, Row

EXAMPLES = 2000 if os.environ.get("LIANDONG_LONG") else 40
LEARNED = "2026-03-01T08:00+08:00"
CASES = tomllib.loads((Path(__file__).parent.parent / "cases" / "incidents.toml").read_text())["case"]


def found(**facts):
    return findings.document(assess({"learned_at": LEARNED, **facts}))


def graded(**facts):
    return assess({"learned_at": LEARNED, **facts}).now.leading


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_plans_own_examples(case):
    result = found(**case["given"])

    assert {line["regime"]: line["grade"] or line["verdict"] for line in result["grades"]} == case["grade"]
    assert result["reporting_track"] == case["track"]
    assert result["neighbours"]["due"] is case.get("neighbours_due", False)
    assert result["neighbours"]["search_both_banks"] is case.get("search_both_banks", False)
    assert result.get("command", {}).get("body") == case.get("command")


def test_a_number_of_any_length_is_a_number():
    assert graded(deaths=10**400) is Grade.I
    assert graded(direct_loss_yuan=1e8) is Grade.I


def test_null_is_not_known_and_zero_is_known_to_be_none():
    assert graded(deaths=None) is None
    assert graded() is None
    assert graded(deaths=0) is Grade.IV


COUNTS = some.none() | some.integers(0, 200_000)
FACTS = some.fixed_dictionaries(
    {
        "deaths": COUNTS,
        "poisoned_or_injured": COUNTS,
        "evacuated": COUNTS,
        "direct_loss_yuan": some.none() | some.floats(0, 3e8),
        "ecology": some.sampled_from([None, "none", "species_damaged", "mass_death", "function_lost"]),
        "water_intake_stopped": some.sampled_from([None, "none", "township", "county", "prefecture"]),
        "cross_boundary": some.sampled_from([None, "none", "county", "prefecture", "province", "national"]),
        "grade_table": some.sampled_from([None, "plan2014", "annex2011"]),
    }
)
WORSE = {
    "ecology": ["none", "species_damaged", "mass_death", "function_lost"],
    "water_intake_stopped": ["none", "township", "county", "prefecture"],
    "cross_boundary": ["none", "county", "prefecture", "province", "national"],
}


def worse(name, value):
    if name not in WORSE:
        return (value or 0) * 2 + 1
    return WORSE[name][min(WORSE[name].index(value or "none") + 1, len(WORSE[name]) - 1)]


@settings(max_examples=EXAMPLES, deadline=None)
@given(FACTS, some.sampled_from(["deaths", "evacuated", "direct_loss_yuan", *WORSE]))
def test_a_worse_fact_never_lowers_the_grade(facts, name):
    before = graded(**facts)

    assert graded(**{**facts, name: worse(name, facts[name])}) >= (before or Grade.IV)


@settings(max_examples=EXAMPLES, deadline=None)
@given(FACTS, some.data())
def test_learning_one_more_fact_never_lowers_the_grade(facts, data):
    name = data.draw(some.sampled_from(["deaths", "poisoned_or_injured", "evacuated", *WORSE]))
    without = graded(**{**facts, name: None})

    assert without is None or (graded(**facts) or Grade.IV) >= without


@settings(max_examples=EXAMPLES, deadline=None)
@given(some.lists(FACTS, max_size=4))
def test_updates_end_where_their_last_words_stand(changes):
    start = datetime.fromisoformat(LEARNED)
    updates = [
        {"at": (start + timedelta(hours=n)).isoformat(), "facts": facts} for n, facts in enumerate(changes, start=1)
    ]
    result = found(updates=updates)

    assert result["grades"] == found(**(changes[-1] if changes else {}))["grades"]
    assert len(result["history"]) == 1 + len(updates)


def test_a_fact_can_be_taken_back():
    assert graded(deaths=30, updates=[{"at": "2026-03-01T09:00+08:00", "facts": {"deaths": None}}]) is None


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ({}, "learned_at"),
        ({"learned_at": None}, "learned_at"),
        ({"learned_at": "yesterday"}, "learned_at"),
        ({"learned_at": "2026-03-01"}, "learned_at"),
        ({"learned_at": "9999-12-31T23:00+08:00"}, "learned_at"),
        ({"learned_at": LEARNED, "direct_loss_yuan": float("inf")}, "direct_loss_yuan"),
        ({"learned_at": LEARNED, "death": 3}, "deaths"),
        ({"learned_at": LEARNED, "ship": {"spill_tons": 3}}, "spill_tonnes"),
        ({"learned_at": LEARNED, "river": {"name": ""}}, "river.name"),
        ({"learned_at": LEARNED, "deaths": -1}, "deaths"),
        ({"learned_at": LEARNED, "deaths": True}, "deaths"),
        ({"learned_at": LEARNED, "deaths": "3"}, "deaths"),
        ({"learned_at": LEARNED, "deaths": 2.5}, "deaths"),
        ({"learned_at": LEARNED, "direct_loss_yuan": float("nan")}, "direct_loss_yuan"),
        ({"learned_at": LEARNED, "ecology": "functionlost"}, "function_lost"),
        ({"learned_at": LEARNED, "sensitive": "school"}, "sensitive"),
        ({"learned_at": LEARNED, "sensitive": ["schol"]}, "school"),
        ({"learned_at": LEARNED, "regimes": []}, "regimes"),
        ({"learned_at": LEARNED, "regimes": ["naval"]}, "regimes"),
        ({"learned_at": LEARNED, "radiation": {"source_category": 0}}, "source_category"),
        ({"learned_at": LEARNED, "radiation": {"source_category": 6}}, "source_category"),
        ({"learned_at": LEARNED, "radiation": {"over_annual_limit": 1}}, "over_annual_limit"),
        ({"learned_at": LEARNED, "change_anchor": "latest"}, "change_anchor"),
        ({"learned_at": LEARNED, "updates": [{"at": LEARNED, "facts": {"updates": []}}]}, "updates"),
        ({"learned_at": LEARNED, "updates": [{"at": LEARNED}]}, "updates[0].facts"),
        ({"learned_at": LEARNED, "updates": [{"at": LEARNED, "facts": {"learned_at": None}}]}, "learned_at"),
        ({"learned_at": LEARNED, "updates": [{"at": "2026-03-01T07:59+08:00", "facts": {}}]}, "updates[0].at"),
        ({"learned_at": LEARNED, "updates": {}}, "updates"),
        ([], "事件文件"),
    ],
)
def test_what_can_not_be_read_is_refused_by_name(document, names):
    with pytest.raises(InvalidIncident, match=names.replace("[", r"\[")):
        parse(document)


def test_a_time_without_an_offset_is_beijing_time():
    assert found(deaths=1)["history"][0]["at"] == "2026-03-01T08:00:00+08:00"
    assert parse({"learned_at": "2026-03-01T08:00"}).changes[0].at.isoformat() == "2026-03-01T08:00:00+08:00"
    assert parse({"learned_at": "2026-03-01T00:00Z"}).changes[0].at.isoformat() == "2026-03-01T08:00:00+08:00"


def test_facts_no_regime_reads_are_pointed_out():
    [note] = found(ship={"spill_tonnes": 5000})["notes"]

    assert "ship" in note


def test_the_criteria_that_decide_come_first_with_their_clause():
    [grading] = found(deaths=3, evacuated=10_000)["grades"]

    assert [line["fact"] for line in grading["criteria"]] == ["evacuated", "deaths"]
    assert all(line["clause"] for line in grading["criteria"])


def test_a_row_with_an_unknown_condition_is_neither_true_nor_false():
    row = Row(grade=Grade.I, when={"a": Condition(among=(1,)), "b": Condition(at_least=2)}, clause="")

    assert row.holds({"a": 1}) is None
    assert row.holds({"a": 2}) is False
    assert row.holds({"a": 1, "b": 2}) is True


def test_every_table_says_where_it_comes_from_and_its_rows_go_from_grave_to_light():
    for table in grade_tables().values():
        assert table.document
        assert table.source
        assert table.confidence
        assert all(is_ordered(criterion) for criterion in table.criteria)


def is_ordered(criterion: Criterion) -> bool:
    grades = [row.grade for row in criterion.rows]
    return grades == sorted(grades, reverse=True)


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(some.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS_OR_NOT = some.sampled_from([*FIELDS, *GROUPS, "updates", "change_anchor", "no_such"])


@settings(max_examples=EXAMPLES, deadline=None)
@given(some.dictionaries(FIELDS_OR_NOT, JSON | some.sampled_from(["province", ["ship"], {"spill_tonnes": 1}])))
def test_any_file_is_graded_or_refused_and_never_crashes(fields):
    try:
        result = found(**{key: value for key, value in fields.items() if key != "learned_at"})
    except Refusal as refused:
        assert str(refused)
    else:
        assert json.loads(json.dumps(result, allow_nan=False))["history"]
