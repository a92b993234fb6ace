"""The cuts add up, and idle plants cut nothing."""

import pytest

from rules.reduction import Balance, Source, balance, met


def test_cuts_are_summed_by_pollutant() -> None:
    kiln, boiler = Source({"NOx": 8.0, "SO2": 1.0}, cut=0.5), Source({"NOx": 2.0, "SO2": 3.0}, cut=0.0)

    shares = {each.pollutant: each.share for each in balance([kiln, boiler], duty=0.2)}

    assert shares == {"NOx": pytest.approx(0.4), "SO2": pytest.approx(0.125)}


def test_a_plant_that_stands_still_already_cuts_nothing() -> None:
    [nox] = balance([Source({"NOx": 8.0}, cut=1.0, idle=True), Source({"NOx": 2.0}, cut=0.5)], duty=0.2)

    assert nox.cut_tonnes == 1.0
    assert nox.missing_tonnes == pytest.approx(1.0)


def test_the_duty_counts_the_whole_society_where_it_is_known() -> None:
    [nox] = balance([Source({"NOx": 10.0}, cut=0.5)], duty=0.2, all_tonnes={"NOx": 50.0})

    assert nox.share == pytest.approx(0.1)
    assert nox.missing_tonnes == pytest.approx(5.0)


def test_exactly_the_duty_is_enough() -> None:
    assert met([Balance("NOx", 10.0, 2.0, 0.2)])
    assert not met([Balance("NOx", 10.0, 1.99, 0.2)])


def test_pollutants_that_may_be_swapped_are_judged_together() -> None:
    rows = [Balance("SO2", 10.0, 1.0, 0.2), Balance("NOx", 10.0, 3.0, 0.2), Balance("PM", 10.0, 2.0, 0.2)]

    assert met(rows, swap=("SO2", "NOx"))
    assert not met(rows)


def test_no_figures_is_not_a_cut_of_nothing() -> None:
    with pytest.raises(ValueError, match="没有任何排放量"):
        balance([Source({}, cut=0.5)], duty=0.2)


@pytest.mark.parametrize("cut", [-0.1, 1.1, 50])
def test_a_share_lies_between_nothing_and_all(cut) -> None:
    with pytest.raises(ValueError, match="0 和 1"):
        balance([Source({"NOx": 1.0}, cut=cut)], duty=0.2)
