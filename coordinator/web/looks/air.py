"""How is the air: each city now, its last days as observed and its next days as forecast."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coordinator import rulebook
from coordinator.clock import BEIJING
from coordinator.models import Forecast, Reading
from rules import aqi
from rules.aqi import Averaging

PAST_DAYS, NEXT_DAYS = 5, 7
COLUMNS = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "O3": "o3", "CO": "co"}
LEAST_HOURS = 20  # of a day, for its mean to stand
FRESH = timedelta(hours=3)
TOPS = (50, 100, 150, 200, 300)


def dress(value: float | None) -> str:
    """The class of an AQI in the stylesheet, a1 优 … a6 严重； a0 when unknown."""
    return "a0" if value is None else f"a{1 + sum(value > top for top in TOPS)}"


@dataclass(frozen=True, slots=True)
class Day:
    """One city's day: AQI, and whether it is a forecast."""

    on: date
    aqi: int | None = None
    ahead: bool = False

    @property
    def dress(self) -> str:
        return dress(self.aqi)


@dataclass(slots=True)
class CityAir:
    """One city: AQI of the newest hour, when that was, its days."""

    code: str
    name: str
    aqi: int | None = None
    primary: str = ""
    at: datetime | None = None
    days: list[Day] = field(default_factory=list)

    @property
    def dress(self) -> str:
        return dress(self.aqi)

    def stale(self, now: datetime) -> bool:
        return self.at is None or now - self.at > FRESH


def look(session: Session, codes: Iterable[str], now: datetime) -> dict[str, CityAir]:
    """The air of these cities, by code."""
    wanted = list(codes)
    today = now.astimezone(BEIJING).date()
    hours = _hours(session, wanted, since=_midnight(today - timedelta(days=PAST_DAYS)), until=now)
    days = _observed_days(hours, today) | _forecast_days(session, wanted, today)
    found = {}
    for code in wanted:
        city = CityAir(code, rulebook.city(code).name)
        _newest_hour(city, hours.get(code, {}))
        span = (today + timedelta(days=n) for n in range(-PAST_DAYS, NEXT_DAYS + 1))
        city.days = [days.get((code, on), Day(on, None, on > today)) for on in span]
        found[code] = city
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), BEIJING)


def _hours(session: Session, codes: list[str], *, since: datetime, until: datetime) -> dict[str, dict[datetime, Any]]:
    """City means by city and hour; the highest revision stands, and the last source to speak.

    A city that only its stations report has their plain mean: enough to look at, the watch round weighs them properly.
    """
    columns = [getattr(Reading, column) for column in (*COLUMNS.values(), "aqi")]
    span = (Reading.at >= since, Reading.at <= until)
    means = (
        select(Reading.city, Reading.at, *columns)
        .where(Reading.station == "", Reading.city.in_(codes), *span)
        .order_by(Reading.city, Reading.at, Reading.revision, Reading.id)
    )
    found: defaultdict[str, dict[datetime, Any]] = defaultdict(dict)
    for row in session.execute(means):
        found[row.city][row.at] = row
    silent = [code for code in codes if code not in found]
    stations = (
        select(Reading.city, Reading.at, *(func.avg(column).label(column.key) for column in columns))
        .where(Reading.station != "", Reading.city.in_(silent), *span)
        .group_by(Reading.city, Reading.at)
    )
    for row in session.execute(stations) if silent else ():
        found[row.city][row.at] = row
    return found


def _newest_hour(city: CityAir, hours: dict[datetime, Any]) -> None:
    if not hours:
        return
    city.at = max(hours)
    values = {name: getattr(hours[city.at], column) for name, column in COLUMNS.items()}
    computed, primary = _index(values, Averaging.HOURLY, city.at.astimezone(BEIJING).date())
    city.aqi = computed if computed is not None else _whole(hours[city.at].aqi)
    city.primary = primary


def _index(values: dict[str, float | None], averaging: Averaging, day: date) -> tuple[int | None, str]:
    """AQI and primary pollutant of one row of concentrations."""
    columns = {name: np.array([value], dtype=np.float64) for name, value in values.items() if value is not None}
    standard = rulebook.aqi_standard(day)
    if not any(name in columns for name in standard.reported[averaging]):
        return None, ""
    index = aqi.index(columns, standard, averaging=averaging)
    return _whole(float(index.aqi[0])), "、".join(index.primary[0])


def _whole(value: float | None) -> int | None:
    return None if value is None or np.isnan(value) else round(value)


def _observed_days(hours: dict[str, dict[datetime, Any]], today: date) -> dict[tuple[str, date], Day]:
    """AQI of each day from its means; a day with too few hours stays unknown. Today counts as far as it goes."""
    found: dict[tuple[str, date], Day] = {}
    for code, rows in hours.items():
        by_day: defaultdict[date, list[Any]] = defaultdict(list)
        for at, row in rows.items():
            by_day[at.astimezone(BEIJING).date()].append(row)
        for on, day_rows in by_day.items():
            found[code, on] = Day(on, _of_day(day_rows, on, least=1 if on == today else LEAST_HOURS))
    return found


def _of_day(rows: list[Any], on: date, *, least: int) -> int | None:
    means: dict[str, float | None] = {}
    for name, column in COLUMNS.items():
        values = [value for row in rows if (value := getattr(row, column)) is not None]
        if len(values) >= least:
            means[name] = max(values) if name == "O3" else sum(values) / len(values)
    return _index(means, Averaging.DAILY, on)[0]


def _forecast_days(session: Session, codes: list[str], today: date) -> dict[tuple[str, date], Day]:
    """The newest forecast of each day: its upper bound; hours of PM2.5 are averaged."""
    begin, end = _midnight(today), _midnight(today + timedelta(days=NEXT_DAYS + 1))
    query = (
        select(Forecast.city, Forecast.at, Forecast.span_h, Forecast.aqi, Forecast.pm25)
        .where(Forecast.city.in_(codes), Forecast.at >= begin, Forecast.at < end)
        .order_by(Forecast.issued_at, Forecast.id)
    )
    found: dict[tuple[str, date], Day] = {}
    hourly: defaultdict[tuple[str, date], dict[datetime, float]] = defaultdict(dict)
    for city, at, span_h, whole, pm25 in session.execute(query):
        on = at.astimezone(BEIJING).date()
        if on == today:
            continue
        if span_h == 24 and (whole is not None or pm25 is not None):
            value = _whole(whole) if whole is not None else _index({"PM2.5": pm25}, Averaging.DAILY, on)[0]
            found[city, on] = Day(on, value, ahead=True)
        elif pm25 is not None:
            hourly[city, on][at] = pm25
    for (city, on), hours in hourly.items():
        if (city, on) not in found and len(hours) >= LEAST_HOURS:
            mean = sum(hours.values()) / len(hours)
            found[city, on] = Day(on, _index({"PM2.5": mean}, Averaging.DAILY, on)[0], ahead=True)
    return found
