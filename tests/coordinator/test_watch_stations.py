"""A city seen by its stations: one that lies, sticks or dies changes no level."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from contacts.models import Station
from coordinator import clock, db, intake, watch
from coordinator.models import Alert, Graded
from rules.levels import Level

CITY = "110000"
STATIONS = [f"10{n:02d}A" for n in range(6)]
Corruption = Callable[[np.ndarray], np.ndarray]


@pytest.fixture
def hour(store: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    now = clock.now().replace(minute=12, second=0, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: now)
    with db.transaction() as session:
        for code in STATIONS:
            session.add(Station(code=code, name=code, city=CITY, lon=116.4, lat=39.9))
    return now.replace(minute=0)


def send(hour: Any, table: np.ndarray, *, coarse: float = 1.4) -> dict[str, Any]:
    """table: [hour back from 72 to 1 × station]."""
    rows = []
    for back, values in zip(range(len(table), 0, -1), table, strict=True):
        for code, value in zip(STATIONS, values, strict=True):
            believable = None if np.isnan(value) else float(value)
            row = {"time": (hour - timedelta(hours=back)).isoformat(), "station": code, "PM2.5": believable}
            rows.append(row | {"PM10": None if believable is None else abs(believable) * coarse, "NO2": 40})
    return intake.accept_readings({"source": "站网", "rows": rows})


def foretell(hour: Any, value: float) -> None:
    rows = [
        {"time": (hour + timedelta(hours=n)).isoformat(), "city": CITY, "PM2.5": value, "PM10": value * 1.4}
        for n in range(120)
    ]
    intake.accept_forecasts({"source": "数值预报", "rows": rows})


def stations_at(level: float, *, seed: int = 1) -> np.ndarray:
    """Six stations, 72 hours, each its own and every hour a little different."""
    rng = np.random.default_rng(seed)
    return np.round(level * rng.uniform(0.85, 1.15, (72, 6)), 1)


def graded() -> Graded:
    with db.reading() as session:
        found = session.scalar(select(Graded).where(Graded.city == CITY).order_by(Graded.id.desc()).limit(1))
        assert found is not None
        return found


def alerts() -> list[Alert]:
    with db.reading() as session:
        return list(session.scalars(select(Alert)))


def spoiled(how: Corruption, level: float) -> np.ndarray:
    table = stations_at(level)
    table[:, 2] = how(table[:, 2])
    return table


CORRUPTIONS: dict[str, Corruption] = {
    "999 from some hour on": lambda column: np.where(np.arange(72) >= 30, 999.0, column),
    "ten times too much": lambda column: column * 10,
    "ten times too little": lambda column: column / 10,
    "one spike": lambda column: np.where(np.arange(72) == 60, 2000.0, column),
    "stuck": lambda column: np.full(72, 700.0),
    "negative": lambda column: -column,
    "dead": lambda column: np.full(72, np.nan),
    "in milligrams": lambda column: column / 1000,
}


@pytest.mark.parametrize("how", CORRUPTIONS.values(), ids=list(CORRUPTIONS))
@pytest.mark.parametrize("level", [40.0, 200.0], ids=["clean", "foul"])
def test_one_corrupt_station_of_six_changes_no_level(hour: Any, how: Corruption, level: float) -> None:
    foretell(hour, level)
    send(hour, spoiled(how, level))
    watch.round()
    assert (graded().verdict, len(alerts())) == ("level", 0 if level == 40 else 1)
    assert graded().level == (Level.NONE if level == 40 else Level.ORANGE)


def test_what_a_check_took_out_is_named(hour: Any) -> None:
    foretell(hour, 200.0)
    send(hour, spoiled(CORRUPTIONS["ten times too little"], 200.0))
    watch.round()
    assert any(one.startswith("1002A PM2.5") for one in graded().evidence["suspects"])


def test_with_fewer_than_three_quarters_of_the_stations_it_is_unknown(hour: Any) -> None:
    foretell(hour, 40.0)
    table = stations_at(40.0)
    table[48:, 1:3] = np.nan
    send(hour, table)
    watch.round()
    assert graded().verdict == "unknown"
    assert alerts() == []


def test_a_level_that_hangs_on_one_station_says_so_and_asks_for_verification(hour: Any) -> None:
    """Five stations just below the threshold, one high above them though not impossible."""
    table = stations_at(140.0)
    table[:, 2] = 420.0 + np.arange(72) % 7
    foretell(hour, 180.0)
    send(hour, table, coarse=1.2)
    watch.round()
    [alert] = alerts()
    assert alert.evidence["needs_verification"] is True
    assert alert.evidence["hangs_on_station"] == "1002A"
    assert "1002A" in alert.reason and "核实" in alert.reason


def test_a_second_source_fills_the_hours_the_first_left_out(hour: Any) -> None:
    foretell(hour, 40.0)
    table = stations_at(40.0)
    table[30:] = np.nan
    send(hour, table)
    rows = [{"time": (hour - timedelta(hours=n)).isoformat(), "city": CITY, "PM2.5": 41.0} for n in range(1, 43)]
    intake.accept_readings({"source": "省网", "rows": rows})
    watch.round()
    assert graded().verdict == "level"
    assert graded().evidence["observed_by"] == ["省网", "站网"]


def test_stations_are_the_same_on_both_databases(any_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now().replace(minute=12, second=0, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: now)
    with db.transaction() as session:
        session.add_all(Station(code=code, name=code, city=CITY, lon=1.0, lat=1.0) for code in STATIONS)
    foretell(now.replace(minute=0), 200.0)
    assert send(now.replace(minute=0), stations_at(200.0))["accepted"] == 432
    watch.round()
    assert (graded().verdict, graded().change) == ("level", "start")
