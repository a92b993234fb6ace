"""What is known at an hour about the air of each city: observed before it, foretold from it on, and by whom?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import foretold, stationmeans
from coordinator.foretold import FORECAST_DAYS, Frame, Outlook
from coordinator.hours import Hours, raw, table
from coordinator.models import Reading
from coordinator.stationmeans import Observed, Values
from rules.aqi import Floats, Standard
from rules.rulesets import RuleSet
from rules.spells import Series

BACK_H = 216  # the longest spell of any edition, twice its merge gap and two days that tell dust from an episode
AHEAD_H = FORECAST_DAYS * 24
LATE = timedelta(hours=1)  # an hour's value comes half an hour after it; two hours without one is a gap
COLUMNS = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "O3": "o3", "CO": "co"}
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Grid:
    """The hours a round looks at: entry ``now`` is the hour of the round, entries before it are past."""

    hour: datetime

    @property
    def start(self) -> datetime:
        return self.hour - BACK_H * HOUR

    def __len__(self) -> int:
        return BACK_H + AHEAD_H

    def index(self, at: datetime) -> int:
        return (at - self.start) // HOUR

    def blank(self) -> Floats:
        return np.full(len(self), np.nan)


@dataclass(frozen=True)
class Air:
    """One city as a decision sees it. ``at`` is the first hour not yet observed; ``ahead_h`` how far forecasts reach."""

    series: Series
    at: datetime
    ahead_h: int
    observed: Observed
    outlook: Outlook

    @property
    def horizon(self) -> int:
        """Hours to look ahead: as far as anything is foretold, three days at least; what is missing there is missing."""
        return max(self.ahead_h, 72)

    def hangs_on(self, edition: RuleSet, window: tuple[datetime, datetime]) -> str:
        """The station on which what was observed of ``window`` depends; "" when on none, or nothing was."""
        first, beyond = self.series.index(window[0]), min(self.series.index(window[1]), self.series.index(self.at))
        return self.observed.hangs_on(edition, self.at, max(first, 0), beyond) if first < beyond else ""

    @property
    def heard(self) -> bool:
        """Was there anything at all, ever within reach?"""
        return bool(self.observed.sources or self.outlook.sources)


def load(session: Session, cities: Sequence[str], *, now: datetime, standards: tuple[Standard, ...]) -> dict[str, Air]:
    """The air of every city as stored up to ``now``: newest revisions, newest issues."""
    grid = Grid(now.replace(minute=0, second=0, microsecond=0))
    observed = _observed(session, grid, cities)
    outlooks = foretold.load(session, Frame(grid.start, len(grid), standards), cities, now=now)
    return {city: _air(city, grid, observed.get(city) or Observed({}), outlooks[city]) for city in cities}


def _air(city: str, grid: Grid, observed: Observed, outlook: Outlook) -> Air:
    at = _first_unknown(grid, observed.values.get("PM2.5"))
    turn = grid.index(at)
    names = {"PM2.5", *observed.values, *outlook.values}
    joined = {
        name: np.concatenate(
            [observed.values.get(name, grid.blank())[:turn], outlook.values.get(name, grid.blank())[turn:]]
        )
        for name in names
    }
    ahead = np.flatnonzero(~np.isnan(joined["PM2.5"][turn:]))
    series = Series(city, grid.start, joined.pop("PM2.5"), joined)
    return Air(series, at, int(ahead[-1]) + 1 if len(ahead) else 0, observed, outlook)


def _first_unknown(grid: Grid, pm25: Floats | None) -> datetime:
    """The hour after the last observed one, but no more than an hour before the round: older gaps stay gaps."""
    known = np.flatnonzero(~np.isnan(pm25 if pm25 is not None else grid.blank()))
    last = grid.start + int(known[-1]) * HOUR if len(known) else grid.start
    return min(max(last + HOUR, grid.hour - LATE), grid.hour + HOUR)


def _observed(session: Session, grid: Grid, cities: Sequence[str]) -> dict[str, Observed]:
    series = _newest(session, grid, cities)
    by_city: dict[str, list[tuple[str, Observed]]] = {}
    for (city, source), stations in series.items():
        whole = stations.pop("", None)
        if whole is not None:
            by_city.setdefault(city, []).append((source, Observed(whole)))
        if stations:
            by_city.setdefault(city, []).append((source, _of_stations(grid, stations)))
    return {city: _in_order_of_trust(grid, candidates) for city, candidates in by_city.items()}


def _newest(session: Session, grid: Grid, cities: Sequence[str]) -> dict[tuple[str, str], dict[str, Values]]:
    """(city, source) → station or "" → pollutant → hours; later revisions overwrite earlier ones."""
    air = [getattr(Reading, name) for name in COLUMNS.values()]
    query = (
        select(Reading.city, Reading.source, Reading.station, raw(Reading.at), *air)
        .where(Reading.city.in_(cities), Reading.at >= grid.start, Reading.at <= grid.hour)
        .order_by(Reading.revision)
    )
    rows = session.execute(query).all()
    places: dict[tuple[str, str, str], int] = {}
    series = [places.setdefault((city, source, station), len(places)) for city, source, station, *_ in rows]
    hours = np.full((len(places), len(COLUMNS), len(grid)), np.nan)
    if rows:
        entries = Hours(grid.start, len(grid)).entries(row[3] for row in rows)
        hours[series, :, entries] = table(rows, 4)
    found: dict[tuple[str, str], dict[str, Values]] = {}
    for (city, source, station), place in places.items():
        found.setdefault((city, source), {})[station] = dict(zip(COLUMNS, hours[place], strict=True))
    return found


def _of_stations(grid: Grid, stations: Mapping[str, Values]) -> Observed:
    """A city as the mean of its believable stations."""
    names = sorted(stations)
    by_name = {name: np.stack([stations[code][name] for code in names], axis=1) for name in COLUMNS}
    return stationmeans.observed(names, by_name, past=BACK_H + 1)


def _in_order_of_trust(grid: Grid, candidates: Iterable[tuple[str, Observed]]) -> Observed:
    """The source with most hours speaks; the others fill the hours it left out."""
    ranked = sorted(candidates, key=lambda one: (-_hours(one[1]), one[0]))
    values: Values = {}
    for _, observed in ranked:
        for name, hours in observed.values.items():
            before = values.get(name, grid.blank())
            values[name] = np.where(np.isnan(before), hours, before)
    first = ranked[0][1]
    return replace(first, values=values, sources=[source for source, _ in ranked])


def _hours(observed: Observed) -> int:
    return int((~np.isnan(observed.values["PM2.5"])).sum())
