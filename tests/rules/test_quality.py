"""Which readings may be believed, and why not."""

import numpy as np
import pytest

from coordinator import rulebook
from rules import quality

LIMITS = rulebook.quality_limits()
NEW = rulebook.standard("hj633-2026")


def stations(level=80.0, count=6, hours=48):
    wave = 10 * np.sin(np.arange(hours) / 3)[:, None] + np.arange(count)[None, :]
    return level + wave


def reasons(values, **others):
    checked = quality.check({"PM2.5": values, **others}, LIMITS)
    return checked, {(suspect.station, suspect.reason) for suspect in checked.suspects}


def test_ordinary_air_is_believed():
    assert reasons(stations())[1] == set()


@pytest.mark.parametrize("spike", [999.0, 800.0])
def test_one_station_spiking_alone_is_set_aside(spike):
    values = stations()
    values[20, 2] = spike

    checked, why = reasons(values)

    assert {station for station, _ in why} == {2}
    assert np.isnan(checked.values["PM2.5"][20, 2])


def test_a_unit_error_of_ten_is_set_aside():
    values = stations()
    values[:, 3] *= 10

    assert (3, "neighbours") in reasons(values)[1]


def test_a_station_reading_low_under_heavy_air_is_set_aside():
    values = stations(level=300.0)
    values[:, 1] = 20 + np.arange(48) % 7

    assert (1, "neighbours") in reasons(values)[1]


def test_a_stuck_station_is_set_aside_for_the_whole_run():
    values = stations()
    values[10:16, 4] = 91.0

    checked, why = reasons(values)

    assert (4, "flat") in why
    assert np.isnan(checked.values["PM2.5"][10:16, 4]).all()


def test_five_equal_hours_are_no_stuck_station():
    values = stations()
    values[10:15, 4] = 91.0

    assert reasons(values)[1] == set()


def test_a_rise_all_stations_share_is_weather():
    values = stations()
    values[20:] += 500

    assert reasons(values)[1] == set()


def test_impossible_values_are_set_aside():
    values = stations()
    values[5, 0], values[6, 0] = -5.0, 1e308

    assert (0, "range") in reasons(values)[1]


def test_fine_dust_cannot_outweigh_all_dust():
    values = stations()
    coarse = values + 30
    coarse[12, 2] = 40.0

    assert (2, "ratio") in reasons(values, PM10=coarse)[1]


def test_what_was_handed_in_is_not_changed():
    values = stations()
    values[20, 2] = 999.0
    before = values.copy()

    reasons(values)

    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize(("valid", "known"), [(4, True), (3, True), (2, False), (0, False)])
def test_a_city_needs_three_quarters_of_its_stations(valid, known):
    values = np.where(np.arange(4) < valid, 100.0, np.nan)[None, :]

    assert np.isnan(quality.city_mean(values)[0]) != known


def test_a_level_that_hangs_on_one_station_is_told():
    values = stations(level=140.0, count=4, hours=24)
    values[:, 2] = 260.0

    assert quality.depends_on_one_station(values, NEW, (150, 200, 300)) == 2
    assert quality.depends_on_one_station(stations(level=170.0, hours=24), NEW, (150, 200, 300)) is None
