"""The sample registers: taken without complaint, and nobody real in them."""

import doctest
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contacts import addresses, credit_codes, emission_list, lists
from contacts.complaints import Complaints
from coordinator import rulebook, sample
from coordinator.cli.imports import known_city, vocabulary

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def quiet(rows: int) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return sample.write_all(tmp_path_factory.mktemp("sample"), rulebook.cities(), count=200, start=NOW, days=7)


def test_every_sample_book_is_taken_without_complaint(books: dict[str, Path]) -> None:
    listed = emission_list.read(books["enterprises"], vocabulary(), quiet)
    people = lists.contacts(books["contacts"], quiet)
    staff = lists.officers(books["officers"], known_city, quiet)
    turns = lists.shifts(books["shifts"], quiet)

    told: list[Complaints] = [listed.complaints, people.complaints, staff.complaints, turns.complaints]
    assert [(each.rejected, each.told()) for each in told] == [([], [])] * 4
    assert len(listed.plants) == 200 and listed.lines
    assert {key[0] for key in people.drafts} == set(listed.plants)
    assert {key[0] for key in turns.drafts} <= set(staff.drafts)


def test_every_grade_and_trade_of_the_sample_is_seen(books: dict[str, Path]) -> None:
    plants = emission_list.read(books["enterprises"], vocabulary(), quiet).plants.values()

    assert {plant["industry"] for plant in plants} == {trade.industry for trade in sample.TRADES}
    assert {plant["grade"] for plant in plants} >= {"A", "B", "C", "D", "引领性"}
    assert any(plant["in_drill"] for plant in plants) and any(plant["exemption_kind"] for plant in plants)


def test_nobody_real_is_in_the_sample(books: dict[str, Path]) -> None:
    listed = emission_list.read(books["enterprises"], vocabulary(), quiet)
    people = [*lists.contacts(books["contacts"], quiet).drafts.values()]
    people += lists.officers(books["officers"], known_city, quiet).drafts.values()

    assert all("示例" in plant["name"] for plant in listed.plants.values())
    assert all("YANG" in code and credit_codes.agrees(code) for code in listed.plants)
    assert all(person["phone"] is None or not addresses.assigned(person["phone"]) for person in people)
    assert all(person["email"] is None or person["email"].endswith("@example.com") for person in people)


def test_a_province_and_the_region_can_sign_a_red_alert() -> None:
    staff = sample.officers(["110000", "130000"])
    roles = [(officer["城市"], officer["角色"]) for officer in staff]

    for place in ("110000", "130000", "110000;130000"):
        assert roles.count((place, "signer")) == 2 and (place, "leader") in roles and (place, "duty") in roles
    assert len({officer["工号"] for officer in staff}) == len(staff)
    assert len({officer["手机"] for officer in staff}) == len(staff)


def test_the_sample_is_the_same_every_time() -> None:
    cities = rulebook.cities()

    assert sample.enterprises(50, cities) == sample.enterprises(50, cities)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(sample).failed == 0 < doctest.testmod(sample).attempted
