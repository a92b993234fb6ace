"""A spill on its way down: when it arrives, how strong, when it has passed, and that no mass is lost."""

import csv
import itertools
import json
import math
import os

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from coordinator import arrivals
from coordinator.errors import Refusal
from rules.fields import InvalidIncident
from rules.spills import parse
from rules.travel import Reach, Slug, front_line, slug_at

EXAMPLES = 2000 if os.environ.get("LIANDONG_LONG") else 40
HOUR = 3600
REACH = {"length_km": 20, "velocity_m_s": 0.5, "area_m2": 60, "dispersion_m2_s": 30, "decay_per_day": 0, "dead_zone": 0}
FILE = {
    "substance": "petroleum",
    "mass_kg": 1000,
    "released_at": "2026-03-01T00:00+08:00",
    "limit_mg_l": 0.05,
    "reaches": [REACH],
    "sections": [{"name": "断面", "km": 20}],
}


def passing(**changes):
    return arrivals.document({**FILE, **changes})["sections"][0]


def reach(**changes):
    return Reach(**{"name": "", "length": 20e3, "speed": 0.5, "area": 60, "dispersion": 30, "decay": 0, **changes})


def test_the_worked_example_of_the_format():
    section = passing()

    assert section["arrives_h"] == pytest.approx(8.80, abs=0.005)
    assert section["peak_h"] == pytest.approx(11.08, abs=0.005)
    assert section["peak_mg_l"] == pytest.approx(4.295, abs=0.0005)
    assert section["leaves_h"] == pytest.approx(13.95, abs=0.005)
    assert section["mass_kg"] == pytest.approx(1000)
    assert section["front_at"] == section["arrives_at"] == "2026-03-01T08:47:46+08:00"


def test_the_front_moves_as_fast_as_the_water():
    assert arrivals.document(FILE)["front_speed_km_h"] == pytest.approx(1.8)


def test_dead_zones_slow_the_slug():
    slowed = passing(reaches=[{**REACH, "dead_zone": 0.05}])

    assert slowed["peak_h"] == pytest.approx(11.67, abs=0.05)
    assert slowed["mass_kg"] == pytest.approx(1000)


def test_decay_takes_mass_on_the_way():
    section = passing(reaches=[{**REACH, "decay_per_day": 1}])

    assert section["mass_kg"] == pytest.approx(1000 * math.exp(-20e3 / 0.5 / 86400), rel=0.01)
    assert section["peak_h"] < passing()["peak_h"]


def test_below_the_limit_it_never_arrives_but_has_a_peak():
    section = passing(limit_mg_l=5)

    assert section["arrives_at"] is section["leaves_at"] is section["front_at"] is section["arrives_h"] is None
    assert section["peak_mg_l"] == pytest.approx(4.295, abs=0.0005)


def test_nothing_released_never_arrives():
    section = passing(mass_kg=0, series_step_min=60)

    assert section["peak_mg_l"] == section["mass_kg"] == 0
    assert section["arrives_at"] is None
    assert all(strength == 0 for _, strength in section["series"])


def test_the_series_covers_release_to_the_end_of_the_passage():
    section = passing(series_step_min=5)
    hours, strengths = np.array(section["series"]).T

    assert hours[0] == pytest.approx(5 / 60, abs=1e-6)
    assert hours[-1] > section["leaves_h"]
    assert strengths.max() == pytest.approx(section["peak_mg_l"], rel=1e-3)
    assert np.trapezoid(strengths, hours) * HOUR * 0.5 * 60 / 1000 == pytest.approx(1000, rel=0.001)


SLUGS = some.builds(
    Slug,
    mass=some.floats(1e-3, 1e6),
    x=some.floats(10, 1e6),
    speed=some.floats(0.01, 3),
    dispersion=some.floats(0.05, 500),
    decay=some.floats(0, 1e-4),
    flow=some.floats(0.01, 1e4),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(SLUGS)
def test_the_mass_through_a_section_is_what_was_released_less_what_decayed(slug):
    w = math.sqrt(slug.speed**2 + 4 * slug.dispersion * slug.decay)
    left = slug.speed / w * math.exp(slug.x * (slug.speed - w) / (2 * slug.dispersion))

    assert slug.passed() == pytest.approx(slug.mass * left, rel=1e-4)


@settings(max_examples=EXAMPLES, deadline=None)
@given(SLUGS, some.floats(1e-9, 0.999))
def test_the_limit_is_met_at_both_ends_and_the_peak_lies_between(slug, share):
    assume(slug.peak > 1e-200)
    arrives, leaves = slug.passage(share * slug.peak)

    assert arrives < slug.peak_at < leaves
    assert slug.mg_l(arrives) == pytest.approx(share * slug.peak, rel=1e-6)
    assert slug.mg_l(leaves) == pytest.approx(share * slug.peak, rel=1e-6)
    assert slug.peak >= max(slug.mg_l(slug.peak_at * 0.999), slug.mg_l(slug.peak_at * 1.001))


@settings(max_examples=EXAMPLES, deadline=None)
@given(some.lists(some.floats(100, 20_000), min_size=1, max_size=6), some.floats(50, 20_000))
def test_cutting_a_reach_in_pieces_changes_nothing(lengths, last):
    whole = slug_at(1000, sum(lengths) + last, [reach(length=1e9)])
    pieces = slug_at(1000, sum(lengths) + last, [*(reach(length=length) for length in lengths), reach(length=last)])

    assert pieces.peak_at == pytest.approx(whole.peak_at)
    assert pieces.peak == pytest.approx(whole.peak)
    assert pieces.passage(whole.peak / 100) == pytest.approx(whole.passage(whole.peak / 100))


def test_travel_times_add_up_and_no_mass_is_lost_from_reach_to_reach():
    reaches = [reach(length=10e3, speed=1.0), reach(length=5e3, speed=0.25, area=200, decay=0), reach(length=9e3)]
    slug = slug_at(1000, 20e3, reaches)

    assert slug.x / slug.speed == pytest.approx(10e3 / 1.0 + 5e3 / 0.25 + 5e3 / 0.5)
    assert slug.passed() == pytest.approx(1000)


def exact_series(reaches, mass, times):
    """C by the exact transfer functions, inverted numerically: each reach passes on the flux it receives."""
    omega = np.arange(60_000) * (np.pi / (4 * times[-1]))
    s, flux = 1j * omega, np.ones_like(omega, dtype=complex)
    for n, r in enumerate(reaches):
        root = np.sqrt(r.speed**2 + 4 * r.dispersion * (s + r.decay))
        flux *= np.exp(r.length * (r.speed - root) / (2 * r.dispersion)) * (r.speed / root if n == 0 else 1)
    flux[0] /= 2
    density = [2 / np.pi * np.sum(flux.real * np.cos(omega * t)) * omega[1] for t in times]
    return mass * 1000 / (reaches[-1].speed * reaches[-1].area) * np.array(density)


def test_several_reaches_come_within_a_few_percent_of_the_exact_solution():
    reaches = [reach(length=12e3, speed=0.8, dispersion=40), reach(length=8e3, speed=0.4, area=90, dispersion=15)]
    slug = slug_at(1000, 20e3, reaches)
    times = np.linspace(0.5, 1.6, 400) * slug.peak_at
    exact = exact_series(reaches, 1000, times)

    assert slug.peak == pytest.approx(exact.max(), rel=0.02)
    assert slug.peak_at == pytest.approx(times[exact.argmax()], rel=0.01)
    above = times[exact >= 0.05]
    assert slug.passage(0.05) == pytest.approx((above[0], above[-1]), rel=0.02)


def test_observed_fronts_carry_on_at_their_own_pace(shared_data):
    rows = list(csv.DictReader((shared_data / "07_water/songhua_2005_nitrobenzene_upper.csv").open(encoding="utf-8")))
    fronts = [row for row in rows if row["status"] == "front"]
    seen = [{"km": 510.9 - float(row["km_above_tongjiang"]), "at": row["time"]} for row in fronts]
    found = arrivals.document({"observed_fronts": seen, "reaches": [], "sections": [{"name": "伊汉通", "km": 75.4}]})

    assert found["front_speed_km_h"] == pytest.approx(1.3, abs=0.05)
    assert found["sections"][0]["front_at"][:13] == "2005-12-01T14"  # the official forecast was noon
    assert "peak_mg_l" not in found["sections"][0]


def test_a_real_tracer_arrives_at_the_pace_of_its_reaches(shared_data):
    rows = list(csv.DictReader((shared_data / "07_water/usgs_daisy_creek_1999_tracer.csv").open(encoding="utf-8")))
    feet = 0.3048
    places = [0.0, *(float(row["distance_ft"]) * feet for row in rows)]
    lengths = [below - above for above, below in itertools.pairwise(places)]
    reaches = [
        reach(length=length, speed=float(row["velocity_ft_s"]) * feet, area=0.3, dispersion=0.2)
        for length, row in zip(lengths, rows, strict=True)
    ]

    for row, place in zip(rows, places[1:], strict=True):
        slug = slug_at(10, place, reaches)
        assert slug.x / slug.speed / 60 == pytest.approx(float(row["arrival_min"]), rel=0.05)
        assert slug.passed() == pytest.approx(10)


def test_the_uvas_creek_slug_keeps_its_mass_through_all_reaches(shared_data):
    rows = list(csv.DictReader((shared_data / "07_water/uvas_creek_1972_parameters.csv").open(encoding="utf-8")))
    reaches = [
        reach(
            length=float(row["length_m"]),
            speed=0.0125 / float(row["area_m2"]) / (1 + float(row["storage_area_m2"]) / float(row["area_m2"])),
            area=float(row["area_m2"]),
            dispersion=float(row["dispersion_m2_s"]),
        )
        for row in rows
    ]

    for km in (38, 105, 281, 433, 619):
        assert slug_at(3, km, reaches).passed() == pytest.approx(3, rel=0.005)


def test_fronts_in_any_order_make_one_least_squares_line():
    hours, km = [0, 10, 20, 30], [0, 14, 25, 41]

    assert front_line(km[::-1], hours[::-1]) == pytest.approx(tuple(np.polyfit(hours, km, 1)[::-1]))


def test_fronts_with_a_mass_give_strength_at_the_observed_speed():
    fronts = [{"km": 0, "at": "2026-03-01T00:00+08:00"}, {"km": 9, "at": "2026-03-01T05:00+08:00"}]
    still = {key: value for key, value in REACH.items() if key not in ("velocity_m_s", "dead_zone")}
    section = passing(observed_fronts=fronts, reaches=[still], released_at=None)

    assert section["peak_h"] == pytest.approx(11.08, abs=0.005)
    assert section["front_at"] == "2026-03-01T11:06:40+08:00"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"mass": 3}, "mass_kg"),
        ({"mass_kg": -1}, "mass_kg"),
        ({"released_at": None}, "released_at"),
        ({"limit_mg_l": 0}, "limit_mg_l"),
        ({"reaches": []}, "reaches"),
        ({"reaches": None}, "reaches"),
        ({"reaches": [{**REACH, "velocity": 1}]}, "velocity_m_s"),
        ({"reaches": [{**REACH, "velocity_m_s": None}]}, "velocity_m_s"),
        ({"reaches": [{**REACH, "velocity_m_s": 0}]}, "velocity_m_s"),
        ({"reaches": [{**REACH, "area_m2": None}]}, "area_m2"),
        ({"sections": None}, "sections"),
        ({"sections": [{"name": "x"}]}, "km"),
        ({"sections": [{"name": "x", "km": 0}]}, "km"),
        ({"series_step_min": 0}, "series_step_min"),
        ({"observed_fronts": [{"km": 1, "at": "2026-03-01T00:00+08:00"}]}, "observed_fronts"),
        ({"observed_fronts": [{"km": n, "at": "2026-03-01T00:00+08:00"} for n in (1, 2)]}, "observed_fronts"),
    ],
)
def test_what_can_not_be_carried_is_refused_by_name(changes, names):
    with pytest.raises(InvalidIncident, match=names):
        parse({**FILE, **changes})


def test_a_section_beyond_the_reaches_is_refused():
    with pytest.raises(Refusal, match="20 km"):
        passing(sections=[{"name": "下游", "km": 25}])


def test_what_was_assumed_is_said():
    unsaid = {key: value for key, value in REACH.items() if key not in ("decay_per_day", "dead_zone")}
    notes = arrivals.document({**FILE, "reaches": [unsaid]})["notes"]

    assert len(notes) == 2


def test_figures_beyond_reckoning_are_refused_not_crashed():
    for changes in ({"velocity_m_s": 1e-300}, {"dispersion_m2_s": 1e300}, {"area_m2": 1e-300}, {"length_km": 1e300}):
        sections = [{"name": "", "km": 1e299 if "length_km" in changes else 20}]
        with pytest.raises(Refusal):
            passing(reaches=[{**REACH, **changes}], sections=sections)


def test_without_a_mass_only_fronts_are_told_and_little_need_be_known():
    bare = {"length_km": 20, "velocity_m_s": 0.5, "dead_zone": 0}
    section = passing(mass_kg=None, reaches=[bare])

    assert section == {"name": "断面", "km": 20, "front_at": "2026-03-01T11:06:40+08:00"}


NUMBERS = some.none() | some.booleans() | some.floats() | some.integers() | some.sampled_from([1e-300, 1e300, "x", []])
ROUGH = some.fixed_dictionaries(
    {
        "mass_kg": NUMBERS,
        "limit_mg_l": NUMBERS,
        "series_step_min": some.sampled_from([None, 1e-9, 30, 1e9]),
        "reaches": some.lists(some.dictionaries(some.sampled_from([*REACH, "name"]), NUMBERS), max_size=2)
        | some.just([REACH]),
        "sections": some.lists(some.fixed_dictionaries({"km": NUMBERS}), max_size=2),
    }
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(ROUGH)
def test_any_travel_file_is_reckoned_or_refused_and_never_crashes(changes):
    try:
        found = arrivals.document({**FILE, **changes})
    except Refusal as refused:
        assert str(refused)
    else:
        json.dumps(found, allow_nan=False)
        arrivals.readable(found)
