"""What do the forecasts in hand say, hour by hour: the newest issue's concentrations, else a daily AQI's upper bound?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.orm import Session

from coordinator.clock import BEIJING
from coordinator.models import Forecast
from rules.aqi import Averaging, Floats, Standard, on
from rules.spells import DAY

FORECAST_DAYS = 11  # today and ten more
TOO_OLD = timedelta(hours=72)  # an issue older than this decides nothing
# Where PM2.5 is not what makes a day bad, its sub-index is taken to stay at what starts no alert anywhere.
NO_START = 100
COLUMNS = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "O3": "o3", "CO": "co", "O3_8h": "o3_8h"}
HOUR = timedelta(hours=1)


@dataclass
class Outlook:
    """One city's foretold hours, µg/m³ (CO mg/m³). ``sources``: "open-meteo 逐时 01-12 08:00", newest issue of each."""

    values: dict[str, Floats]
    issues: dict[tuple[str, int], datetime] = field(default_factory=dict)

    @property
    def sources(self) -> list[str]:
        return [
            f"{source} {'日' if span_h == DAY else '逐时'} {issued_at.astimezone(BEIJING):%m-%d %H:%M}"
            for (source, span_h), issued_at in sorted(self.issues.items())
        ]


@dataclass(frozen=True)
class Frame:
    """Hours on which forecasts are laid out, and the standards that turn an AQI back into a concentration."""

    start: datetime
    hours: int
    standards: tuple[Standard, ...]

    def blank(self) -> Outlook:
        return Outlook({name: np.full(self.hours, np.nan) for name in COLUMNS})

    def slice(self, at: datetime, span_h: int) -> slice:
        first = (at - self.start) // HOUR
        return slice(max(first, 0), max(first + span_h, 0))


def load(session: Session, frame: Frame, cities: Sequence[str], *, now: datetime) -> dict[str, Outlook]:
    """The outlook of every city; what nobody foretells is missing. Hours said outright go before a day's bound."""
    outlooks = {city: frame.blank() for city in cities}
    for row in _newest(session, frame, cities, now):
        outlook, place = outlooks[row.city], frame.slice(row.at, row.span_h)
        for name, value in _concentrations(row, frame.standards).items():
            outlook.values[name][place] = value
        key = (row.source, row.span_h)
        outlook.issues[key] = max(row.issued_at, outlook.issues.get(key, row.issued_at))
    return outlooks


def _newest(session: Session, frame: Frame, cities: Sequence[str], now: datetime) -> Iterable[Row[Any]]:
    """The newest issue for each city and hour (or day) that has a value, days first so that hours overwrite them."""
    says = or_(Forecast.pm25.is_not(None), Forecast.aqi.is_not(None))
    end = frame.start + frame.hours * HOUR
    key = (Forecast.city, Forecast.at, Forecast.span_h)
    newest = (
        select(*key, func.max(Forecast.issued_at).label("issued_at"))
        .where(Forecast.city.in_(cities), Forecast.at > now - timedelta(days=2), Forecast.at < end)
        .where(Forecast.issued_at <= now, Forecast.issued_at >= now - TOO_OLD, says)
        .group_by(*key)
        .subquery()
    )
    same = and_(
        Forecast.city == newest.c.city, Forecast.at == newest.c.at, Forecast.span_h == newest.c.span_h,
        Forecast.issued_at == newest.c.issued_at,
    )  # fmt: skip
    table = Forecast.__table__
    query = select(*table.columns).join(newest, same).where(says).order_by(Forecast.span_h.desc(), Forecast.id)
    return session.execute(query).all()


def _concentrations(row: Row[Any], standards: tuple[Standard, ...]) -> dict[str, float]:
    """What a row says, as concentrations: for a day its AQI's upper bound first, for an hour what it names."""
    named = {title: getattr(row, name) for title, name in COLUMNS.items() if getattr(row, name) is not None}
    if row.aqi is None or (row.span_h == 1 and "PM2.5" in named):
        return named
    return named | _of_aqi(row.aqi, row.primary_pollutant, on(standards, row.at.astimezone(BEIJING).date()))


def _of_aqi(aqi: float, primary: str, standard: Standard) -> dict[str, float]:
    """The concentrations an AQI stands for: of its primary pollutant, PM2.5 when it names none."""
    leading = primary.split(";") if primary else ["PM2.5"]
    if "PM2.5" in leading:
        return {"PM2.5": inverse(aqi, "PM2.5", standard)}
    found = {"PM2.5": inverse(min(aqi, NO_START), "PM2.5", standard)}
    return found | {name: inverse(aqi, name, standard) for name in leading if (name, Averaging.DAILY) in standard.nodes}


def inverse(aqi: float, pollutant: str, standard: Standard) -> float:
    """The 24-hour mean whose sub-index is ``aqi``: the AQI formula read backwards.

    With 2012, 180 is 136 µg/m³ PM2.5 and 200 is 150.
    """
    nodes = standard.nodes[pollutant, Averaging.DAILY]
    return float(np.interp(aqi, standard.iaqi[: len(nodes)], nodes))
