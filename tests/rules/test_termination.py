"""When an emergency may end and what must be written afterwards."""

from datetime import date, datetime, timedelta

import pytest

from coordinator.rulebook_incidents import reporting
from rules.incidents import Grade
from rules.termination import Sample, aftermath, other_may_end, water_may_end

START = datetime.fromisoformat("2026-03-01T00:00+08:00")


def hourly(*within):
    return [Sample(START + timedelta(hours=n), good) for n, good in enumerate(within)]


@pytest.mark.parametrize(
    ("rounds", "may_end"),
    [
        ([True] * 49, True),
        ([True] * 48, False),  # 47 hours between the first and the last
        ([True] * 48 + [False], False),
        ([True] * 48 + [False] + [True] * 48, False),
        ([False] + [True] * 49, True),
        ([], False),
    ],
)
def test_water_must_be_clean_for_forty_eight_hours_on_end(rounds, may_end):
    assert water_may_end(hourly(*rounds), reporting().end) is may_end


def test_elsewhere_three_clean_results_on_end_are_enough():
    assert other_may_end(hourly(False, True, True, True), reporting().end)
    assert not other_may_end(hourly(True, True, False, True, True), reporting().end)


@pytest.mark.parametrize(("grade", "days"), [(Grade.I, 60), (Grade.II, 60), (Grade.III, 30), (Grade.IV, 30)])
def test_the_investigation_takes_sixty_days_for_grave_incidents_and_thirty_for_others(grade, days):
    papers = aftermath(grade, date(2026, 3, 1), reporting().follow_ups)
    [due_on] = [paper.due_on for paper in papers if paper.follow_up.paper == "investigation_report"]

    assert due_on == date(2026, 3, 1) + timedelta(days=days)


def test_the_loss_is_assessed_within_thirty_working_days():
    papers = aftermath(Grade.III, date(2026, 3, 1), reporting().follow_ups)

    assert [paper.due_on for paper in papers if paper.follow_up.paper == "loss_assessment"] == [date(2026, 4, 10)]
