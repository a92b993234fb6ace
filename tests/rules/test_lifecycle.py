"""What becomes of an alert: it starts, rises, merges and ends as the plan says, and missing hours decide nothing."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rules.backtest import Era, replay
from rules.causes import EVERY_HOUR_COUNTS
from rules.episodes import foresee, foreseen
from rules.levels import Level
from rules.lifecycle import ChangeKind, Standing, decide
from rules.outlook import view
from rules.spells import Series
from tests.rules.air import CLEAN, HEAVY, NAN, PLAN, SEVERE, STANDARDS, START, hours

RULES = PLAN.hysteresis
ORANGE = Standing(Level.ORANGE, START, START + timedelta(hours=72), "clause")


def decided(standing, series, now, horizon=96):
    at = series.at(now)
    return decide(standing, foresee(series, PLAN, STANDARDS, at=at, horizon=horizon), RULES, decided_at=at)


def life(series, foresight=96):
    changes = replay(series, [Era(0, PLAN)], STANDARDS, foresight=foresight)
    return [(change.kind.value, change.level.word, series.index(change.at)) for change in changes]


def kinds(series, **options):
    return [kind for kind, _, _ in life(series, **options)]


def test_an_alert_is_called_for_before_the_air_is_bad_and_takes_effect_when_it_is():
    change = decided(None, hours((100, CLEAN), (60, HEAVY), (60, CLEAN)), 40)

    assert (change.kind, change.level) == (ChangeKind.START, Level.YELLOW)
    assert change.at == START + timedelta(hours=100)
    assert "提前 60 小时" in change.reason


def test_a_short_lead_is_said_so():
    assert "应立即发布" in decided(None, hours((60, CLEAN), (72, HEAVY)), 50, horizon=80).reason


def test_levels_may_be_skipped():
    standing = Standing(Level.YELLOW, START, START + timedelta(hours=200), "clause")

    change = decided(standing, hours((60, CLEAN), (96, SEVERE), (80, CLEAN)), 60)

    assert (change.kind, change.previous, change.level) == (ChangeKind.UPGRADE, Level.YELLOW, Level.RED)


def test_a_spell_that_is_over_in_twelve_hours_starts_nothing():
    series = hours((40, CLEAN), (50, HEAVY), (80, CLEAN))

    assert decided(None, series, 40 + 50 - 11, horizon=72).kind is ChangeKind.QUIET
    assert decided(None, series, 40 + 50 - 13, horizon=72).kind is ChangeKind.START


def test_a_whole_life_is_start_upgrade_and_lift():
    found = life(hours((150, CLEAN), (96, SEVERE), (150, CLEAN)))

    assert [kind for kind, _, _ in found] == ["start", "upgrade", "upgrade", "extend", "lift"]
    assert [word for _, word, _ in found] == ["yellow", "orange", "red", "red", "none"]
    assert [at for _, _, at in found][:3] == [150, 150, 150]
    assert found[-1][2] >= 150 + 96


def test_a_lift_has_its_last_day_and_its_next_thirty_six_hours_below():
    series = hours((150, CLEAN), (96, SEVERE), (150, CLEAN))
    lifted = life(series)[-1][2]

    for end in range(lifted, lifted + 37):
        assert np.mean(series.pm25[end - 24 : end]) <= 115  # AQI 150


@pytest.mark.parametrize("gap", [6, 12, 24, 35])
def test_spells_less_than_thirty_six_hours_apart_are_one_episode(gap):
    found = kinds(hours((150, CLEAN), (60, HEAVY), (gap, CLEAN), (60, HEAVY), (150, CLEAN)))

    assert found.count("start") == found.count("lift") == 1


@pytest.mark.parametrize("gap", [72, 96, 200])
def test_spells_days_apart_are_two_episodes(gap):
    found = kinds(hours((150, CLEAN), (60, HEAVY), (gap, CLEAN), (60, HEAVY), (150, CLEAN)))

    assert found.count("start") == found.count("lift") == 2


def test_one_clean_day_does_not_keep_an_episode_from_its_stricter_level():
    """Beijing 2015-11-29: a dip broke the count of 72 hours."""
    found = life(hours((150, CLEAN), (30, HEAVY), (24, CLEAN), (96, SEVERE), (150, CLEAN)))

    assert found[0][2] == 150
    assert max(Level.parse(word) for _, word, _ in found) is Level.RED
    assert [kind for kind, _, _ in found].count("lift") == 1


def test_missing_hours_lift_nothing():
    series = hours((150, CLEAN), (60, HEAVY), (300, NAN))

    assert "lift" not in kinds(series)
    assert kinds(series)[-1] == "unknown"


def test_a_lift_waits_for_the_hours_to_come_back():
    series = hours((150, CLEAN), (60, HEAVY), (100, NAN), (150, CLEAN))
    found = life(series)

    assert found[-1][0] == "lift"
    assert found[-1][2] >= 150 + 60 + 100 + 20


def test_nineteen_valid_hours_of_the_last_day_lift_nothing():
    air = hours((100, HEAVY), (200, CLEAN))
    standing = replace(ORANGE, until=air.at(100))
    assert decided(standing, air, 140).kind is ChangeKind.LIFT

    holed = air.pm25.copy()
    holed[116:121] = np.nan
    assert decided(standing, Series("x", START, holed), 140).kind is ChangeKind.UNKNOWN


def test_a_forecast_shorter_than_thirty_six_hours_lifts_nothing():
    air = hours((100, HEAVY), (200, CLEAN))

    assert decided(replace(ORANGE, until=air.at(100)), air, 140, horizon=35).kind is ChangeKind.UNKNOWN
    assert decided(replace(ORANGE, until=air.at(100)), air, 140, horizon=36).kind is ChangeKind.LIFT


def test_nothing_is_lifted_in_the_last_thirty_six_hours_of_the_data():
    for tail in range(20, 120, 7):
        series = hours((150, CLEAN), (60, HEAVY), (tail, CLEAN))
        for kind, _, at in life(series):
            assert kind != "lift" or at <= len(series) - 1 - 36


def test_air_that_stays_bad_beyond_what_was_foreseen_extends_the_alert():
    found = kinds(hours((150, CLEAN), (300, HEAVY), (150, CLEAN)))

    assert found[:2] == ["start", "upgrade"]
    assert found.count("extend") >= 1 and found[-1] == "lift"


def test_a_red_alert_falls_to_what_remains_when_the_worst_is_over():
    found = life(hours((150, CLEAN), (96, SEVERE), (100, 130.0), (150, CLEAN)))

    assert ("downgrade", "orange") in [(kind, word) for kind, word, _ in found]
    assert found[-1][0] == "lift"


def test_a_withdrawn_forecast_withdraws_the_announced_alert():
    announced = Standing(Level.ORANGE, START + timedelta(hours=90), START + timedelta(hours=140), "clause")

    change = decided(announced, hours((300, CLEAN)), 60)

    assert change.kind is ChangeKind.LIFT


def test_every_change_has_its_clause_reason_and_evidence():
    series = hours((150, CLEAN), (96, SEVERE), (150, CLEAN))

    for change in replay(series, [Era(0, PLAN)], STANDARDS, foresight=96):
        said = change.as_json(city_name="石家庄")
        assert said["clause"] and said["reason"]
        assert said["evidence"]["window"] and said["evidence"]["valid_hours"] > 0


AIR = st.lists(
    st.tuples(st.integers(3, 90), st.sampled_from([30.0, 100.0, 125.0, 160.0, 260.0, 320.0, NAN])),
    min_size=2,
    max_size=9,
)


def plainly(series, foresight):
    """Every hour decided, nothing skipped."""
    standing, blind, told = None, False, []
    last_lift = int(np.flatnonzero(~np.isnan(series.pm25))[-1]) - RULES.clear_hours
    seen = view(series, PLAN, STANDARDS, EVERY_HOUR_COUNTS)
    for now in range(len(series)):
        grading = foreseen(seen, now, min(foresight, len(series) - now))
        change = decide(standing, grading, RULES, decided_at=series.at(now))
        unknown = change.kind is ChangeKind.UNKNOWN
        if change.notable and not (unknown and blind) and not (change.kind is ChangeKind.LIFT and now > last_lift):
            standing = change.standing
            told.append((change.kind.value, change.level.word, now))
        blind = unknown
    return told


@given(AIR, st.sampled_from([24, 48, 96, 120]))
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_skipping_quiet_hours_skips_no_change(stretches, foresight):
    series = hours((30, CLEAN), *stretches)

    changes = replay(series, [Era(0, PLAN)], STANDARDS, foresight=foresight)

    found = [(change.kind.value, change.level.word, series.index(change.decided_at)) for change in changes]
    assert found == plainly(series, foresight)


@given(AIR)
@settings(max_examples=20, deadline=None)
def test_lives_are_well_formed(stretches):
    series = hours((30, CLEAN), *stretches)
    level, last = Level.NONE, 0

    for change in replay(series, [Era(0, PLAN)], STANDARDS, foresight=96):
        assert change.previous is level
        assert series.index(change.at) >= last and change.at >= change.decided_at
        assert change.kind is not ChangeKind.UPGRADE or change.level > level
        assert change.kind is not ChangeKind.DOWNGRADE or Level.NONE < change.level < level
        level, last = change.level, series.index(change.at)


@given(AIR, st.data())
@settings(max_examples=30, deadline=None)
def test_taking_hours_away_never_lifts_earlier(stretches, pick):
    series = hours((100, CLEAN), (60, HEAVY), *stretches, (100, CLEAN))
    now = pick.draw(st.integers(165, len(series) - 60))
    holed = series.pm25.copy()
    holed[now - 24 : now] = np.nan

    change = decided(replace(ORANGE, until=series.at(160)), Series("x", START, holed), now)

    assert change.kind is not ChangeKind.LIFT
