"""Which level, on what evidence: thresholds, gaps, boundaries, and what missing hours may not do."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator import rulebook
from coordinator.cli import casework
from rules.grading import grade, grade_days
from rules.levels import Level, Verdict
from rules.spells import Series
from tests.rules.air import CLEAN, HEAVY, NAN, PLAN, SEVERE, STANDARDS, START, hours

DAY = date(2024, 12, 1)


def of_days(*aqi24, plan=PLAN):
    return grade_days(aqi24, plan, city="130100", first_day=DAY)


def of_hours(series, horizon=None, plan=PLAN):
    return grade(series, plan, STANDARDS, at=series.start, horizon=horizon or len(series))


@pytest.mark.parametrize("ruleset", rulebook.editions(), ids=lambda ruleset: ruleset.id)
def test_every_edition_passes_its_own_cases(ruleset):
    results = list(casework.run(ruleset))

    assert results
    assert [result for result in results if not result["ok"]] == []


@pytest.mark.parametrize(
    ("count", "level"),
    [(23, Level.NONE), (24, Level.YELLOW), (47, Level.YELLOW), (48, Level.ORANGE), (72, Level.ORANGE)],
)
def test_hours_above_two_hundred_make_the_level(count, level):
    barely = 150.01  # AQI 201; an hour less and the mean is AQI 200

    found = of_hours(hours((30, 0.0), (count, barely), (30, 0.0)))

    assert found.level is level


def test_the_episode_may_start_at_any_hour_of_the_day():
    for offset in range(24):
        assert of_hours(hours((offset, 0.0), (48, HEAVY), (30, 0.0))).level is Level.ORANGE


def test_red_needs_its_severe_day_inside():
    inside, outside = hours((48, HEAVY), (24, SEVERE)), hours((72, HEAVY), (30, 0.0), (24, SEVERE))

    assert of_hours(inside).level is Level.RED
    assert of_hours(outside).level is Level.ORANGE


def test_the_window_is_not_looked_beyond():
    series = hours((24, CLEAN), (72, SEVERE))

    assert of_hours(series, horizon=24).level is Level.NONE
    assert of_hours(series, horizon=48).level is Level.YELLOW


def test_hours_past_the_file_are_missing_and_not_clean():
    found = of_hours(hours((30, CLEAN)), horizon=72)

    assert found.verdict is Verdict.UNKNOWN
    assert found.evidence.missing_hours == 42


def test_what_is_certain_is_said_and_what_is_possible_noted():
    found = of_days(210, NAN, 230)

    assert (found.level, found.possible, found.verdict) == (Level.YELLOW, Level.RED, Verdict.LEVEL)
    assert "缺测 24 小时" in found.margin.needs


def test_nothing_certain_but_something_possible_is_unknown():
    said = of_days(100, NAN).as_json()

    assert (said["verdict"], said["level"]) == ("unknown", "unknown")


def test_no_forecast_is_not_clean_air():
    with pytest.raises(ValueError, match="没有预报"):
        of_days()
    with pytest.raises(ValueError, match="时窗"):
        grade(hours((1, 1.0)), PLAN, STANDARDS, at=START, horizon=0)


def test_a_grading_says_its_clause_its_spells_and_the_way_up():
    said = of_days(210, 230).as_json()

    assert said["level"] == "orange" and "200将持续48小时" in said["clause"]
    assert said["evidence"]["spells"] == [
        {"above": 200, "hours": 48, "from": "2024-12-01T00:00:00+08:00", "to": "2024-12-03T00:00:00+08:00"}
    ]
    assert (said["evidence"]["valid_hours"], said["evidence"]["missing_hours"]) == (48, 0)
    assert said["margin"]["next_level"] == "red" and "72 小时(现最长 48 小时)" in said["margin"]["needs"]


def test_the_spell_is_said_to_begin_with_its_first_polluted_hour():
    found = of_hours(hours((50, CLEAN), (72, SEVERE), (40, CLEAN)))

    assert found.starts_at == START + timedelta(hours=50)


def test_the_same_air_is_graded_by_the_index_of_its_own_day():
    old, new = (hours((24, 150.4), start=START.replace(year=year, month=5)) for year in (2025, 2026))

    assert of_hours(old).level is Level.YELLOW  # AQI 201 by HJ 633-2012
    assert of_hours(new).level is Level.NONE  # AQI 200 by HJ 633-2026


def test_it_is_the_index_of_the_mean_and_not_the_mean_of_the_indices():
    series = hours((12, 0.0), (12, 302.0))  # mean 151 → 201; the indices' mean is (0 + 352) / 2 = 176

    assert of_hours(series).level is Level.YELLOW


AIR = st.lists(st.tuples(st.integers(1, 40), st.sampled_from([30.0, 120.0, 160.0, 260.0, NAN])), min_size=1, max_size=8)


@given(AIR, st.data())
@settings(max_examples=80, deadline=None)
def test_worse_air_never_lowers_the_level(stretches, pick):
    series = hours(*stretches)
    hour = pick.draw(st.integers(0, len(series) - 1))
    worse = series.pm25.copy()
    worse[hour:] += pick.draw(st.sampled_from([5.0, 100.0]))

    before, after = of_hours(series), of_hours(Series("x", START, worse))

    assert after.level >= before.level
    assert after.possible >= before.possible


@given(AIR, st.data())
@settings(max_examples=80, deadline=None)
def test_a_missing_hour_never_raises_the_certain_or_lowers_the_possible(stretches, pick):
    series = hours(*stretches)
    less = series.pm25.copy()
    less[pick.draw(st.integers(0, len(series) - 1)) :: 3] = np.nan
    kept = np.isnan(less).sum() == np.isnan(series.pm25).sum()

    before, after = of_hours(series), of_hours(Series("x", START, less))

    assert kept or after.possible >= Level.NONE
    assert after.verdict is not Verdict.LEVEL or after.level > Level.NONE or before.level is Level.NONE


@given(AIR, st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_the_day_of_the_week_does_not_matter(stretches, shift):
    moved = hours(*stretches, start=START + timedelta(hours=shift))

    assert of_hours(moved).level is of_hours(hours(*stretches)).level


def test_the_three_readings_differ_as_written():
    days = rulebook.edition("national/2016")  # 以天计
    blocks = rulebook.edition("national/2017")  # 连续24小时可跨自然日
    series = hours((12, 0.0), (48, HEAVY), (12, 0.0))

    assert of_hours(series, plan=blocks).level is Level.YELLOW
    assert of_hours(series, plan=days).level is Level.BLUE


def test_dust_ends_in_a_health_notice():
    """Beijing 2021-03-15: PM10 6450, PM2.5 462 µg/m³."""
    air = hours((48, 462.0))
    dusty = Series("110000", air.start, air.pm25, {"PM10": np.full(48, 6450.0)})

    found = grade(dusty, PLAN, STANDARDS, at=START, horizon=48, policy=rulebook.cause_policy())

    assert (found.level, found.cause) == (Level.NONE, "dust")
    assert of_hours(air).level is Level.ORANGE


def test_haze_before_the_dust_still_counts():
    air = hours((48, HEAVY), (10, 462.0), (10, CLEAN))
    pm10 = np.concatenate([np.full(48, 260.0), np.full(10, 6450.0), np.full(10, 80.0)])

    found = grade(
        Series("110000", START, air.pm25, {"PM10": pm10}),
        PLAN,
        STANDARDS,
        at=START,
        horizon=68,
        policy=rulebook.cause_policy(),
    )

    assert found.level is Level.ORANGE


def test_a_night_of_fireworks_starts_nothing():
    eve = START.replace(year=2025, month=1, day=27, hour=0)
    air = hours((42, 40.0), (9, 700.0), (30, 40.0), start=eve)  # 28 January 18:00 to 29 January 03:00

    bang = grade(air, PLAN, STANDARDS, at=eve, horizon=81, policy=rulebook.cause_policy())

    assert (bang.level, bang.cause) == (Level.NONE, "fireworks")
    assert of_hours(air).level is Level.YELLOW


def test_ozone_alone_never_calls_for_cuts():
    summer = Series("130100", START.replace(month=7), np.full(72, 30.0), {"O3": np.full(72, 900.0)})

    found = of_hours(summer)

    assert (found.level, found.cause) == (Level.NONE, "ozone")
