"""24-hour means and spells, against a slow plain telling of the same rules."""

import os
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.rulesets import Metric, Reading, Spell
from rules.spells import Series, clause_starts, joined, means_24h, starts
from tests.rules.air import CLEAN, HEAVY, NAN, START, hours

LONG = 20 if os.environ.get("LIANDONG_LONG") else 1
VALUES = st.lists(st.sampled_from([100.0, 149.0, 150.0, 151.0, 210.0, 310.0, NAN]), min_size=24, max_size=130)


def plainly(spell: Spell, index24: list[float], at: int, reading: Reading, midnight: bool) -> bool | None:
    """True, False or None (unknown): does the spell start at ``at``?"""
    if reading is Reading.ROLLING:
        said = [index24[at + turn] for turn in range(spell.hours)]
    else:
        said = [index24[at + turn] for turn in range(0, spell.hours, 24)]
    if reading is Reading.DAYS and not midnight:
        return False
    if any(value <= spell.above for value in said):
        return False
    return None if any(np.isnan(value) for value in said) else True


@given(VALUES, st.sampled_from(list(Reading)), st.sampled_from([24, 48, 72]))
@settings(max_examples=120 * LONG, deadline=None)
def test_the_vectorised_spell_is_the_plain_one(values, reading, length):
    spell, index24 = Spell(150, length), np.array(values)
    midnights = (np.arange(len(values)) + 5) % 24 == 0

    found = starts(spell, index24, index24, reading=reading, midnights=midnights)

    for at in range(len(values) - found.span + 1):
        told = plainly(spell, values, at, reading, bool(midnights[at]))
        assert (bool(found.sure[at]), bool(found.maybe[at])) == (told is True, told is not False)


@given(VALUES, st.sampled_from([Reading.BLOCKS, Reading.ROLLING]))
@settings(max_examples=80 * LONG, deadline=None)
def test_a_shorter_spell_may_lie_anywhere_inside_the_longer(values, reading):
    index24, none = np.array(values), np.zeros(len(values), dtype=bool)
    outer, inner = (starts(spell, index24, index24, reading=reading, midnights=none) for spell in ROW)

    found = clause_starts(ROW, index24, index24, reading=reading, midnights=none)

    for at in range(len(values) - outer.span + 1):
        inside = inner.sure[at : at + outer.span - inner.span + 1].any()
        assert found.sure[at] == (outer.sure[at] and inside)


ROW = (Spell(150, 48), Spell(300, 24))


def test_rolling_needs_more_air_than_blocks():
    index24 = np.where(np.arange(200) < 40, 210.0, 50.0)
    none = np.zeros(200, dtype=bool)

    spans = {reading: starts(Spell(200, 48), index24, index24, reading=reading, midnights=none) for reading in Reading}

    assert spans[Reading.BLOCKS].sure.any()
    assert not spans[Reading.ROLLING].sure.any()
    assert spans[Reading.ROLLING].span == 71


def test_an_hourly_threshold_needs_one_hour():
    hourly = np.array([100.0, 210.0, 100.0])

    found = starts(Spell(200, 1, Metric.HOUR), hourly * 0, hourly, reading=Reading.BLOCKS, midnights=hourly > 999)

    assert found.sure.tolist() == [False, True, False]


@pytest.mark.parametrize(("valid", "known"), [(24, True), (20, True), (19, False), (0, False)])
def test_a_mean_needs_twenty_hours(valid, known):
    values = np.where(np.arange(24) < valid, 100.0, np.nan)

    assert np.isnan(means_24h(values)[0]) != known


def test_a_mean_past_the_end_is_unknown_rather_than_clean():
    assert np.isnan(means_24h(np.full(30, 10.0))[11:]).all()


@given(st.lists(st.one_of(st.floats(0, 1000), st.just(NAN)), min_size=24, max_size=60))
@settings(max_examples=60 * LONG, deadline=None)
def test_means_are_the_plain_means(values):
    values = [round(value, 1) for value in values]

    found = means_24h(np.array(values))

    for at in range(len(values) - 23):
        known = [value for value in values[at : at + 24] if not np.isnan(value)]
        told = sum(known) / len(known) if len(known) >= 20 else NAN
        np.testing.assert_allclose(found[at], told, rtol=1e-9)


def test_joining_takes_the_past_as_observed_and_the_rest_as_forecast():
    observed, forecast = hours((10, CLEAN)), hours((10, HEAVY), start=START + timedelta(hours=3))

    found = joined(observed, forecast, at=START + timedelta(hours=5))

    assert found.pm25[:13].tolist() == [CLEAN] * 5 + [HEAVY] * 8
    assert len(found) == 13


def test_a_gap_between_past_and_forecast_is_missing():
    observed, forecast = hours((2, CLEAN)), hours((2, HEAVY), start=START + timedelta(hours=6))

    found = joined(observed, forecast, at=START + timedelta(hours=4))

    assert np.isnan(found.pm25[2:6]).all()


def test_a_series_starts_at_a_full_hour_with_a_zone():
    for start in (START.replace(tzinfo=None), START.replace(minute=30)):
        with pytest.raises(ValueError, match="整点"):
            Series("x", start, np.zeros(3))


def test_midnights_are_those_of_beijing():
    series = hours((48, CLEAN), start=START - timedelta(hours=3))

    assert np.flatnonzero(series.midnights).tolist() == [3, 27]
