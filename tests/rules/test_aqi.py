"""IAQI, AQI, primary pollutant and category by both standards."""

import tomllib
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator import rulebook
from rules import aqi
from rules.aqi import Averaging

CASES = tomllib.loads((Path(__file__).parent.parent / "cases" / "aqi.toml").read_text())["case"]
OLD, NEW = rulebook.standard("hj633-2012"), rulebook.standard("hj633-2026")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['pollutant']} {case['averaging']}")
@pytest.mark.parametrize("standard", [OLD, NEW], ids=lambda standard: standard.id)
def test_the_standards_own_numbers_come_out(case, standard):
    found = aqi.iaqi(case["concentration"], case["pollutant"], standard, averaging=Averaging(case["averaging"]))

    np.testing.assert_array_equal(found, case[standard.id])


def by_decimals(value: Decimal, pollutant: str, standard: aqi.Standard) -> int:
    if standard.rounds_half_even:
        value = value.quantize(Decimal("0.1" if pollutant == "CO" else "1"), ROUND_HALF_EVEN)
    nodes = [Decimal(str(node)) for node in standard.nodes[pollutant, Averaging.DAILY]]
    if value >= nodes[-1]:
        return 500
    place = next(i for i, node in enumerate(nodes[1:]) if value <= node)
    low, high = standard.iaqi[place], standard.iaqi[place + 1]
    index = low + (high - low) * (value - nodes[place]) / (nodes[place + 1] - nodes[place])
    return max(int(index.to_integral_value(ROUND_CEILING)), standard.lowest)


@given(st.integers(0, 7000), st.sampled_from(["PM2.5", "PM10", "CO"]), st.sampled_from([OLD, NEW]))
@settings(max_examples=200, deadline=None)
def test_floats_never_move_an_index_off_its_decimal_value(tenths, pollutant, standard):
    value = Decimal(tenths) / 10

    found = aqi.iaqi(float(value), pollutant, standard, averaging=Averaging.DAILY)

    assert int(found) == by_decimals(value, pollutant, standard)


@given(st.lists(st.floats(0, 900), min_size=2, max_size=30), st.sampled_from([OLD, NEW]))
def test_worse_air_never_has_a_lower_index(values, standard):
    found = aqi.iaqi(sorted(values), "PM2.5", standard, averaging=Averaging.DAILY)

    assert (np.diff(found) >= 0).all()


def test_a_tie_has_two_primary_pollutants():
    found = aqi.index({"PM2.5": [60.0], "PM10": [120.0]}, NEW, averaging=Averaging.DAILY)

    assert found.primary == [("PM2.5", "PM10")]
    assert found.category == ["良"]


def test_clean_air_has_no_primary_pollutant():
    assert aqi.index({"PM2.5": [35.0]}, OLD, averaging=Averaging.DAILY).primary == [()]


def test_a_missing_pollutant_is_marked_in_2012_and_silences_clean_air_in_2026():
    columns = {"PM2.5": [30.0, 200.0, np.nan], "PM10": [np.nan, np.nan, np.nan]}

    old, new = (aqi.index(columns, standard, averaging=Averaging.DAILY).aqi for standard in (OLD, NEW))

    np.testing.assert_array_equal(old, [43, 250, np.nan])
    np.testing.assert_array_equal(new, [np.nan, 250, np.nan])


def test_a_pollutant_without_a_column_is_not_monitored_and_not_missing():
    assert aqi.index({"PM2.5": [30.0]}, NEW, averaging=Averaging.DAILY).aqi[0] == 43


def test_sulphur_dioxide_beyond_its_hour_table_goes_by_the_day_in_2012():
    found = aqi.index({"SO2": [801.0, 500.0], "SO2_24h": [475.0, 475.0]}, OLD, averaging=Averaging.HOURLY)

    np.testing.assert_array_equal(found.iaqi["SO2"], [150, 100])


def test_the_new_standard_reports_only_the_eight_hour_ozone_of_a_day():
    columns = {"O3": [300.0], "O3_8h": [100.0]}

    assert aqi.index(columns, OLD, averaging=Averaging.DAILY).aqi[0] == 150
    assert aqi.index(columns, NEW, averaging=Averaging.DAILY).aqi[0] == 50


@pytest.mark.parametrize(("day", "id"), [(date(2026, 2, 28), "hj633-2012"), (date(2026, 3, 1), "hj633-2026")])
def test_a_reading_is_judged_by_the_standard_of_its_own_day(day, id):
    assert rulebook.aqi_standard(day).id == id


def test_no_standard_is_not_a_standard():
    with pytest.raises(LookupError, match="2011"):
        rulebook.aqi_standard(date(2011, 1, 1))


def test_a_file_without_pollutants_is_refused_by_what_it_should_have():
    with pytest.raises(ValueError, match=r"PM2\.5"):
        aqi.index({"temperature": [1.0]}, OLD, averaging=Averaging.DAILY)
