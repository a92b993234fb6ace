"""What do the forecasts in hand say, hour by hour: the newest issue's concentrations, else a daily AQI's upper bound?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.orm import Session

from coordinator.clock import BEIJING
from coordinator.hours import HOUR, Hours, instant, raw, table
from coordinator.models import Forecast
from rules.aqi import Averaging, Floats, Standard, on
from rules.spells import DAY

FORECAST_DAYS = 11  # today and ten more
TOO_OLD = timedelta(hours=72)  # an issue older than this decides nothing
# Where PM2.5 is not what makes a day bad, its sub-index is taken to stay at what starts no alert anywhere.
NO_START = 100
COLUMNS = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "O3": "o3", "CO": "co", "O3_8h": "o3_8h"}


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

    @property
    def end(self) -> datetime:
        return self.start + self.hours * HOUR


def load(session: Session, frame: Frame, cities: Sequence[str], *, now: datetime) -> dict[str, Outlook]:
    """The outlook of every city; what nobody foretells is missing. Hours said outright go before a day's bound."""
    outlooks = {city: frame.blank() for city in cities}
    grid = Hours(frame.start, frame.hours)
    for span_h in (DAY, 1):
        rows = _newest(session, frame, cities, now=now, span_h=span_h)
        entries, values = grid.entries(row.at for row in rows), table(rows, 6)
        for place, row in enumerate(rows):
            if row.aqi is not None and (span_h == DAY or row.pm25 is None):
                _read_index(values[place], row, frame)
        for city, source, issued_at, places in _by_issue(rows):
            _lay(outlooks[city], entries[places], values[places], span_h=span_h)
            key = (source, span_h)
            outlooks[city].issues[key] = max(issued_at, outlooks[city].issues.get(key, issued_at))
    return outlooks


def _newest(session: Session, frame: Frame, cities: Sequence[str], *, now: datetime, span_h: int) -> Sequence[Row[Any]]:
    """The newest issue for each city and hour (or day) that has a value."""
    says = or_(Forecast.pm25.is_not(None), Forecast.aqi.is_not(None))
    bounds = and_(
        Forecast.city.in_(cities), Forecast.span_h == span_h, Forecast.at > now - timedelta(days=2),
        Forecast.at < frame.end, Forecast.issued_at <= now, Forecast.issued_at >= now - TOO_OLD, says,
    )  # fmt: skip
    air = [getattr(Forecast, name) for name in COLUMNS.values()]
    order = (Forecast.issued_at.desc(), Forecast.id.desc())
    rank = func.row_number().over(partition_by=(Forecast.city, Forecast.at), order_by=order).label("rank")
    said = (Forecast.city, raw(Forecast.at).label("at"), Forecast.source, raw(Forecast.issued_at).label("issued_at"))
    ranked = select(*said, Forecast.aqi, Forecast.primary_pollutant, *air, rank).where(bounds).subquery()
    columns = [column for column in ranked.columns if column.name != "rank"]
    return session.execute(select(*columns).where(ranked.c.rank == 1)).all()


def _by_issue(rows: Sequence[Row[Any]]) -> Iterator[tuple[str, str, datetime, list[int]]]:
    """Rows grouped by who said them and when, in the order in which they were said."""
    groups: dict[tuple[object, str, str], list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault((row.issued_at, row.city, row.source), []).append(place)
    for (stored, city, source), places in sorted(groups.items(), key=lambda group: str(group[0][0])):
        yield city, source, instant(stored), places


def _lay(outlook: Outlook, entries: npt.NDArray[np.int64], values: Floats, *, span_h: int) -> None:
    """Put values where they belong; a day's value stands for each of its hours."""
    hours = len(outlook.values["PM2.5"])
    for shift in range(span_h):
        inside = (entries + shift >= 0) & (entries + shift < hours)
        for column, name in enumerate(COLUMNS):
            known = inside & ~np.isnan(values[:, column])
            outlook.values[name][entries[known] + shift] = values[known, column]


def _read_index(values: Floats, row: Row[Any], frame: Frame) -> None:
    """A day's AQI range counts by its upper bound, before concentrations it may also name; an hour's only without them."""
    day = instant(row.at).astimezone(BEIJING).date()
    for name, value in _of_aqi(row.aqi, row.primary_pollutant, on(frame.standards, day)).items():
        values[list(COLUMNS).index(name)] = value


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
