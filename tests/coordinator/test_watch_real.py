"""A real winter week through the store: January 2019, 2+26 cities, what came later serving as the forecast."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from coordinator import clock, db, intake, rulebook, watch
from coordinator.feeds import files
from coordinator.models import Alert, Episode, Graded
from rules.levels import Level

NOW = datetime(2019, 1, 11, 8, 40, tzinfo=clock.BEIJING)


@pytest.fixture(scope="module")
def winter(shared_data: Path) -> files.Table:
    path = shared_data / "02_region_air" / "cities_hourly_2018-12_2019-06__2020-03_2020-06.parquet"
    return files.read(path, naming=lambda name: city.code if (city := rulebook.find_city(name)) else name)


def rows_of(table: files.Table, start: datetime, hours: int) -> list[dict[str, Any]]:
    first = int((np.datetime64(start.replace(tzinfo=None), "h") - table.axis[0]).astype(int))
    rows = []
    for code in rulebook.region("2+26"):
        columns = {name: table.hourly(code, name)[first : first + hours] for name in ("PM2.5", "PM10", "NO2", "O3")}
        for n in range(hours):
            known = {name: float(values[n]) for name, values in columns.items() if not np.isnan(values[n])}
            if known:
                rows.append({"time": (start + timedelta(hours=n)).isoformat(), "city": code, **known})
    return rows


def test_the_january_2019_episode_is_put_before_people_in_time(
    store: Path, winter: files.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    hour = NOW.replace(minute=0)
    past = rows_of(winter, hour - timedelta(hours=216), 217)
    assert intake.accept_readings({"source": "站网", "replay": True, "rows": past})["rejected"] == []
    ahead = rows_of(winter, hour + timedelta(hours=1), 144)
    assert intake.accept_forecasts({"source": "完美预报", "rows": ahead})["rejected"] == []
    made = watch.round()
    with db.reading() as session:
        alerts = session.scalars(select(Alert)).all()
        episodes = session.scalars(select(Episode)).all()
        graded = session.scalars(select(Graded)).all()
    assert 12 <= len(made.proposed) <= 28
    assert all(alert.state == "proposed" and len(alert.cities) == 1 for alert in alerts)
    assert sum(alert.level >= Level.ORANGE for alert in alerts) >= 5
    assert len(episodes) == 1 and len(episodes[0].cities) >= 5
    assert {row.ruleset.split("/")[1] for row in graded} <= {"2013", "2015", "2016", "2017", "2018"}
