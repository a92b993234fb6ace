"""The region: who acts together, who lags, who differs."""

from datetime import timedelta

import pytest

from coordinator import rulebook
from rules import joint
from rules.episodes import foresee
from rules.joint import Policy
from rules.levels import Level
from rules.lifecycle import Standing
from tests.rules.air import CLEAN, HEAVY, NAN, PLAN, STANDARDS, START, hours

NEAR = {city.code: city.neighbours for city in rulebook.cities()}
POLICY = Policy(min_cities=3, level=Level.ORANGE, contiguous=True, incoherent_gap=2)
BEIJING, TIANJIN, LANGFANG, RIZHAO, SANMENXIA = "110000", "120000", "131000", "371100", "411200"


def graded(polluted, clean=(), blind=(), begins=0):
    air = dict.fromkeys(polluted, ((begins, CLEAN), (72, HEAVY), (60, CLEAN)))
    air |= dict.fromkeys(clean, ((150, CLEAN),)) | dict.fromkeys(blind, ((150, NAN),))
    return {
        code: foresee(hours(*stretches, city=code), PLAN, STANDARDS, at=START + timedelta(hours=40), horizon=90)
        for code, stretches in air.items()
    }


def test_three_neighbours_at_orange_are_a_regional_episode():
    found = joint.episode(graded([BEIJING, TIANJIN, LANGFANG]), {}, NEAR, POLICY)

    assert found is not None
    assert found.joint_level is Level.ORANGE
    assert found.since == START


@pytest.mark.parametrize("cities", [[BEIJING, TIANJIN], [BEIJING, RIZHAO, SANMENXIA]])
def test_two_neighbours_or_three_strangers_are_not(cities):
    assert joint.episode(graded(cities), {}, NEAR, POLICY) is None


def test_strangers_count_where_the_policy_does_not_ask_for_neighbours():
    loose = Policy(min_cities=3, level=Level.ORANGE, contiguous=False, incoherent_gap=2)

    assert joint.episode(graded([BEIJING, RIZHAO, SANMENXIA]), {}, NEAR, loose) is not None


def test_cities_that_stand_lower_than_called_for_lag():
    standings = {BEIJING: Standing(Level.ORANGE, START, START, ""), TIANJIN: Standing(Level.YELLOW, START, START, "")}

    found = joint.episode(graded([BEIJING, TIANJIN, LANGFANG]), standings, NEAR, POLICY)

    assert found is not None and found.laggards == (TIANJIN, LANGFANG)


def test_neighbours_under_the_same_air_at_far_levels_are_shown():
    found = joint.episode(graded([BEIJING, TIANJIN, LANGFANG], clean=["130600"]), {}, NEAR, POLICY)

    assert found is not None
    assert {(pair.city, pair.neighbour) for pair in found.incoherent} == {(BEIJING, "130600"), ("130600", LANGFANG)}


def test_a_blind_city_beside_the_episode_is_named():
    found = joint.episode(graded([BEIJING, TIANJIN, LANGFANG], blind=["130200"]), {}, NEAR, POLICY)

    assert found is not None and found.unknown == ("130200",)


def test_the_policy_is_a_file():
    assert rulebook.joint_policy().min_cities >= 2
