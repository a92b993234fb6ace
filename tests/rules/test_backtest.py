"""Years replayed: real episodes start and end where they did, and a comparison says what an edition was worth."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from coordinator.cli import replaying
from rules import backtest, hindcast
from rules.backtest import Era
from rules.causes import EVERY_HOUR_COUNTS
from rules.hindcast import Issue
from rules.levels import Level
from rules.lifecycle import ChangeKind
from rules.outlook import view
from rules.spells import BEIJING
from tests.rules.air import CLEAN, HEAVY, PLAN, SEVERE, STANDARDS, START, hours

OPTIONS = {
    "city": (),
    "region": None,
    "ruleset": "auto",
    "forecast": None,
    "foresight": None,
    "from_text": None,
    "to_text": None,
}


def told(lines, *kinds):
    return [(line["change"], line["level"], line["at"][:13]) for line in lines if line.get("change") in kinds]


@pytest.fixture(scope="module")
def december(shared_data):
    prsa = shared_data / "01_beijing_prsa" / "prsa_12stations_20130301_20161130.parquet"
    return replaying.lines({**OPTIONS, "files": [str(prsa)], "from_text": "2015-11-20", "to_text": "2016-01-05"})


def test_beijing_has_its_two_red_alerts_of_december_2015(december):
    starts = told(december, "start", "lift")

    assert ("upgrade", "orange", "2015-12-07T00") in told(december, "upgrade")
    assert ("upgrade", "red", "2015-12-20T00") in told(december, "upgrade")
    assert [at[:10] for kind, _, at in starts if kind == "lift"][:2] == ["2015-12-02", "2015-12-10"]


def test_every_line_of_a_replay_has_clause_and_evidence(december):
    for line in december[:-1]:
        assert line["city"] == "110000" and line["clause"] and line["evidence"]["window"]
    assert list(december[-1]) == ["summary"]


def test_the_region_of_january_2019_acts_within_days_of_each_other(shared_data):
    cities = shared_data / "02_region_air" / "cities_hourly_2018-12_2019-06__2020-03_2020-06.parquet"
    options = {
        "files": [str(cities)],
        "city": ("石家庄", "130600", "安阳"),
        "from_text": "2019-01-08",
        "to_text": "2019-01-20",
    }

    lines = replaying.lines({**OPTIONS, **options})

    reds = [line for line in lines[:-1] if line["level"] == "red"]
    assert {line["city"] for line in reds} == {"130100", "130600", "410500"}
    assert all("2019-01-08" <= line["at"][:10] <= "2019-01-14" for line in reds)
    assert {line["city"] for line in lines[:-1] if line["change"] == "lift"} == {"130100", "130600", "410500"}


def test_a_change_of_edition_in_mid_series_is_followed():
    series = hours((24 * 60, CLEAN), start=datetime(2023, 12, 1, tzinfo=BEIJING))

    found = replaying.eras("auto", "石家庄", series)

    assert [(era.first // 24, era.ruleset.id) for era in found] == [(0, "national/2018"), (53, "national/2024")]


def test_hours_before_any_plan_are_not_decided():
    series = hours((24 * 100, HEAVY), start=datetime(2013, 9, 1, tzinfo=BEIJING), city="110000")
    found = replaying.eras("auto", "北京", series)

    changes = list(backtest.replay(series, found, STANDARDS, foresight=72))

    assert found[0].ruleset is None
    assert changes[0].decided_at == datetime(2013, 10, 22, tzinfo=BEIJING)


def scored(series, foresight):
    changes = list(backtest.replay(series, [Era(0, PLAN)], STANDARDS, foresight=foresight))
    seen = view(series, PLAN, STANDARDS, EVERY_HOUR_COUNTS)
    return backtest.score(seen, changes, heavy=200, first=0, beyond=len(series))


def test_foresight_makes_a_hit_and_hindsight_a_late_one():
    series = hours((150, CLEAN), (96, SEVERE), (150, CLEAN))

    early, late = scored(series, 96), scored(series, 0)

    assert (early.hits, early.late, early.misses, early.needless) == (1, 0, 0, 0)
    assert early.lead_hours[0] >= 72
    assert (late.hits, late.late) == (0, 1) and late.lead_hours[0] < 0


def test_an_alert_for_moderate_air_is_needless_by_the_heavy_yardstick():
    found = scored(hours((150, CLEAN), (72, 120.0), (150, CLEAN)), 96)

    assert (found.hits, found.misses, found.needless) == (0, 0, 1)
    assert found.hours[Level.YELLOW] + found.hours[Level.ORANGE] > 0


def test_with_the_forecasts_of_the_day_a_missed_episode_starts_late():
    air = hours((60, CLEAN), (96, SEVERE), (100, CLEAN))
    blind = Issue(None, hours((256, CLEAN)))

    [first, *_] = hindcast.replay(air, [blind], [Era(0, PLAN)], STANDARDS, foresight=72)

    assert first.kind is ChangeKind.UNKNOWN or first.decided_at > air.at(60)


def test_a_forecast_counts_from_the_hour_it_was_issued():
    air = hours((120, CLEAN), (72, SEVERE), (120, CLEAN))
    issues = [Issue(air.at(0), hours((312, CLEAN))), Issue(air.at(100), air)]

    changes = list(hindcast.replay(air, issues, [Era(0, PLAN)], STANDARDS, foresight=72, first=73))

    started = next(change for change in changes if change.kind is ChangeKind.START)
    assert started.decided_at == air.at(100)
    assert started.at == air.at(120)


def test_city_hours_add_up():
    series = hours((150, CLEAN), (96, SEVERE), (150, CLEAN))

    assert sum(scored(series, 96).hours.values()) == len(series)


def test_stretches_a_day_apart_are_two():
    series = hours((50, CLEAN), (48, HEAVY), (60, CLEAN), (48, HEAVY), (50, CLEAN))
    seen = view(series, PLAN, STANDARDS, EVERY_HOUR_COUNTS)

    assert backtest.heavy_stretches(seen, 200, 0, len(series)) == [(50, 98), (158, 206)]


def test_levels_by_hour_follow_the_changes():
    series = hours((150, CLEAN), (96, SEVERE), (150, CLEAN))
    changes = list(backtest.replay(series, [Era(0, PLAN)], STANDARDS, foresight=96))

    level = backtest.levels_by_hour(changes, series, len(series))

    assert not level[:150].any() and (level[150:246] == Level.RED).all() and level[-1] == Level.NONE
    assert START + timedelta(hours=150) == changes[0].at
    assert np.isin(level, list(Level)).all()
