"""Whatever is missing, wherever, no alert is lifted, lowered or started by it. LIANDONG_LONG=1 runs many more cases."""

import os
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from coordinator import clock, db, intake, response, watch
from coordinator.models import Alert, Mode
from coordinator.response import Proposal
from rules.levels import Level

CITY = "110000"
CASES = 400 if os.environ.get("LIANDONG_LONG") == "1" else 8
CLEAN = 25.0


@pytest.fixture
def hour(region: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that each case sets an episode further on, so that cases don't see each other's air."""
    kept = [clock.now().replace(minute=12, second=0, microsecond=0)]
    monkeypatch.setattr(clock, "now", lambda: kept[0])

    def ahead() -> Any:
        kept[0] += timedelta(days=30)
        return kept[0].replace(minute=0)

    return ahead


def put(hour: Any, values: np.ndarray, *, first: int) -> None:
    rows = [
        {"time": (hour + timedelta(hours=first + n)).isoformat(), "city": CITY, "PM2.5": float(value)}
        for n, value in enumerate(values)
        if not np.isnan(value)
    ]
    if first < 0:
        intake.accept_readings({"source": "站网", "rows": rows, "replay": True})
    else:
        intake.accept_forecasts({"source": "数值预报", "rows": rows})


def stand(hour: Any) -> int:
    """An orange alert in force."""
    with db.transaction() as session:
        alert = response.propose(
            session,
            Proposal(mode=Mode.ACTUAL, kind="air", level=Level.ORANGE, cities=(CITY,), effective_from=hour - timedelta(hours=24),
                     effective_to=hour + timedelta(hours=24), reason="预计重污染"),
            proposer="d1",
        )  # fmt: skip
        alert.state, alert.in_force_rev, alert.issued_at = "active", 1, clock.now()
        return alert.id


def close(alert_id: int) -> None:
    with db.transaction() as session:
        alert = session.get_one(Alert, alert_id)
        alert.state, alert.open_key = "closed", None


def decisive_gap(rng: np.random.Generator, observed: np.ndarray, foretold: np.ndarray) -> None:
    """Take away enough that a lift has nothing to stand on: five hours of the last 24, or a stretch of the next 36."""
    if rng.random() < 0.5:
        hours = rng.choice(np.arange(48, 72), size=int(rng.integers(6, 25)), replace=False)
        observed[hours] = np.nan
    else:
        first = int(rng.integers(0, 30))
        foretold[first : first + int(rng.integers(8, 60))] = np.nan


@pytest.mark.parametrize("seed", range(CASES))
def test_clean_air_with_a_decisive_gap_lifts_nothing(hour: Any, seed: int) -> None:
    rng, now = np.random.default_rng(seed), hour()
    observed, foretold = (np.round(CLEAN * rng.uniform(0.5, 1.5, hours), 1) for hours in (72, 120))
    decisive_gap(rng, observed, foretold)
    put(now, observed, first=-72)
    put(now, foretold, first=0)
    alert_id = stand(now)
    assert watch.round().asked == []
    with db.reading() as session:
        assert session.get_one(Alert, alert_id).state == "active"
    close(alert_id)


@pytest.mark.parametrize("seed", range(CASES))
def test_clean_air_with_any_gaps_starts_nothing(hour: Any, seed: int) -> None:
    rng, now = np.random.default_rng(seed), hour()
    observed, foretold = (np.round(CLEAN * rng.uniform(0.5, 1.5, hours), 1) for hours in (72, 120))
    for values in (observed, foretold):
        values[rng.random(len(values)) < rng.random()] = np.nan
    put(now, observed, first=-72)
    put(now, foretold, first=0)
    assert watch.round().proposed == []


@pytest.mark.parametrize("seed", range(CASES))
def test_a_true_episode_with_a_tenth_of_its_hours_missing_is_found(hour: Any, seed: int) -> None:
    """At most three hours of each day: every 24-hour block keeps its twenty."""
    rng, now = np.random.default_rng(seed), hour()
    foretold = np.round(220 * rng.uniform(0.9, 1.1, 120), 1)
    for day in range(5):
        foretold[day * 24 + rng.choice(24, size=2, replace=False)] = np.nan
    put(now, np.full(72, CLEAN), first=-72)
    put(now, foretold, first=0)
    [proposed] = watch.round().proposed
    with db.reading() as session:
        alert = session.scalar(select(Alert).where(Alert.id == proposed))
        assert alert is not None and alert.level >= Level.ORANGE
