"""Who must report to whom by when, from the first word to the last update."""

from datetime import date

import pytest

from coordinator import findings
from coordinator.rulebook_incidents import assess
from rules.deadlines import working_days

LEARNED = "2026-03-01T08:00+08:00"
WORSE = {"at": "2026-03-01T09:30+08:00", "facts": {"deaths": 10}}


def duties(**facts):
    return findings.document(assess({"learned_at": LEARNED, **facts}))["duties"]


def named(name, **facts):
    return [duty for duty in duties(**facts) if duty["duty"] == name]


def clock(moment):
    return moment and moment[11:16]


def test_a_large_incident_is_reported_within_four_hours_to_government_and_next_bureau():
    [report] = duties(deaths=3)

    assert report["duty"] == "bureau_report"
    assert report["to"] == ["own_government", "next_higher_bureau"]
    assert clock(report["due_at"]) == "12:00"


def test_a_major_incident_goes_to_province_and_ministry_at_once_within_two_hours():
    *_, report = duties(deaths=10)

    assert report["to"] == ["own_government", "province", "ministry"]
    assert clock(report["due_at"]) == "10:00"


def test_the_province_has_an_hour_from_a_moment_not_yet_known():
    [onward] = named("province_to_ministry", deaths=10)

    assert onward["anchor"] == "received_by_province"
    assert onward["anchor_at"] is None
    assert onward["due_at"] is None


@pytest.mark.parametrize(
    ("anchor", "due"), [("from_learning", "10:00"), ("from_change", "11:30"), ("earlier", "10:00"), (None, "10:00")]
)
def test_a_raised_grade_starts_a_new_report_from_the_chosen_anchor(anchor, due):
    first, _, newest = duties(deaths=3, updates=[WORSE], change_anchor=anchor)

    assert clock(first["due_at"]) == "12:00"
    assert clock(first["superseded_at"]) == "09:30"
    assert newest["duty"] == "bureau_report"
    assert clock(newest["due_at"]) == due


def test_the_history_shows_each_stand_with_its_track():
    history = findings.document(assess({"learned_at": LEARNED, "deaths": 3, "updates": [WORSE]}))["history"]

    assert [(stage["grade"], stage["reporting_track"]) for stage in history] == [("III", "4h"), ("II", "2h")]


def test_a_raise_that_stays_on_the_slow_track_is_reported_within_four_hours():
    update = {"at": "2026-03-01T09:30+08:00", "facts": {"deaths": 3}}
    reports = named("bureau_report", deaths=1, updates=[update], change_anchor="from_change")

    assert [clock(report["due_at"]) for report in reports] == ["12:00", "13:30"]


def test_a_raise_from_major_to_extreme_is_reported_anew_within_two_hours():
    update = {"at": "2026-03-01T09:30+08:00", "facts": {"deaths": 30}}
    reports = named("bureau_report", deaths=10, updates=[update], change_anchor="from_change")

    assert [clock(report["due_at"]) for report in reports] == ["10:00", "11:30"]


def test_learning_that_a_school_is_near_moves_an_unknown_grade_to_the_fast_track():
    update = {"at": "2026-03-01T08:30+08:00", "facts": {"sensitive": ["school"]}}
    reports = named("bureau_report", updates=[update])

    assert [clock(report["due_at"]) for report in reports] == ["12:00", "10:00"]


def test_a_first_grade_is_reported_anew_but_buys_no_time():
    update = {"at": "2026-03-01T10:30+08:00", "facts": {"deaths": 1}}
    first, newest = named("bureau_report", updates=[update], change_anchor="from_change")

    assert [clock(first["due_at"]), clock(newest["due_at"])] == ["12:00", "14:30"]
    assert first["superseded_at"] is None


def test_a_lowered_grade_starts_no_clock_and_frees_from_none():
    update = {"at": "2026-03-01T08:30+08:00", "facts": {"deaths": 1}}

    assert [duty["duty"] for duty in duties(deaths=10, updates=[update])] == ["province_to_ministry", "bureau_report"]


def test_neighbours_are_told_at_once():
    [notice] = named("neighbour_notice", possible_cross_boundary="prefecture")

    assert notice["due_at"] == notice["anchor_at"]
    assert clock(notice["due_at"]) == "08:00"
    assert "neighbour_bureau" in notice["to"]


def test_neighbours_are_told_at_once_when_an_update_shows_they_are_touched():
    update = {"at": "2026-03-01T09:30+08:00", "facts": {"cross_boundary": "prefecture"}}
    [notice] = named("neighbour_notice", updates=[update])

    assert notice["due_at"] == notice["anchor_at"]
    assert clock(notice["due_at"]) == "09:30"


def test_a_lost_source_is_told_at_once_and_written_down_within_two_hours_and_has_no_bureau_clock():
    found = duties(regimes=["radiation"], radiation={"source_category": 3, "source_event": "lost"})

    due = {duty["duty"]: clock(duty["due_at"]) for duty in found}
    assert due == {"radiation_immediate": "08:00", "radiation_relay": "08:00", "radiation_form": "10:00"}


@pytest.mark.parametrize("deaths", [2, 3])
def test_a_major_radiation_accident_reaches_the_state_council_within_four_hours(deaths):
    [onward] = named("radiation_state_council", regimes=["radiation"], radiation={"acute_deaths": deaths})

    assert onward["to"] == ["state_council"]
    assert clock(onward["due_at"]) == "12:00"


def test_a_ship_reports_at_once_to_the_maritime_authority():
    [report] = duties(regimes=["ship"], ship={"spill_tonnes": 5})

    assert report["duty"] == "ship_immediate"
    assert clock(report["due_at"]) == "08:00"
    assert "msa" in report["to"]


def test_each_regime_brings_its_own_duties():
    names = {duty["duty"] for duty in duties(regimes=["environmental", "ship", "radiation"])}

    assert {"bureau_report", "ship_immediate", "radiation_immediate", "radiation_form"} <= names


def test_the_newest_report_stands_last():
    found = duties(regimes=["environmental", "ship"], deaths=3, possible_cross_boundary="province", updates=[WORSE])

    assert found[-1]["duty"] == "bureau_report"
    assert found[-1]["to"][-1] == "ministry"


def test_working_days_skip_weekends_and_holidays():
    assert working_days(date(2026, 9, 30), 5, frozenset(date(2026, 10, n) for n in range(1, 9))) == date(2026, 10, 15)
