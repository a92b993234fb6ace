"""What does each row of a hand-over say: which city, which hour, which values; and what of it can't be believed?"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from coordinator.clock import BEIJING
from coordinator.feeds import Handed
from coordinator.feeds.bulletin import aqi_range, pollutants
from coordinator.screening import (
    TOP_INDEX,
    Dated,
    Places,
    Rejected,
    Unbelievable,
    column,
    full_hour,
    measured,
    moment,
    rejected,
    weighed,
)
from coordinator.storing import Foretold, Measured, Values

FARTHEST = timedelta(days=16)
STALE_FORECAST = timedelta(hours=48)
DAY_H = 24
Look = Callable[[int, Values], list[Rejected]]
_DATE = re.compile(r"\d{4}[-/]?\d{1,2}[-/]?\d{1,2}")
_PRIMARY = ("primary", "primary_pollutant", "首要污染物")


@dataclass(slots=True)
class Screen:
    """Takes the rows of one hand-over one by one; ``complaints`` gathers what was set aside."""

    places: Places
    dated: Dated
    highest: Mapping[str, float]
    complaints: list[Rejected] = field(default_factory=list)

    def readings(self, handed: Handed) -> Iterator[Measured]:
        """The believable rows of observations."""
        for place, row in self._rows(handed):
            found = self._where_and_when(place, row)
            values = self._values(place, row, look=weighed) if found else None
            if found and values:
                city, station, at = found
                yield Measured(city, station, at, values)

    def forecasts(self, handed: Handed, issued_at: datetime) -> Iterator[Foretold]:
        """The believable rows of a forecast; a row of a day is dated by its midnight, Beijing time."""
        rows = list(self._rows(handed))
        daily = _daily_cities(rows)
        for place, row in rows:
            try:
                city, at, span_h = self._ahead(row, issued_at, daily)
            except _Misplaced as fault:
                self._reject(place, fault.column, row.get(fault.column), str(fault))
                continue
            if foretold := self._foretold(place, row, (city, at, span_h)):
                yield foretold

    def _rows(self, handed: Handed) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for place, row in handed.rows:
            if isinstance(row, Mapping):
                yield place, row
            else:
                self._reject(place, "", row, "不是 JSON 对象")

    def _where_and_when(self, place: int, row: Mapping[str, Any]) -> tuple[str, str, datetime] | None:
        written = "station" if row.get("station") else "city"
        try:
            city, station = self.places.of(row)
            written = "time"
            return city, station, self.dated.observed(row.get("time"))
        except Unbelievable as fault:
            self._reject(place, written, row.get(written), str(fault))
        return None

    def _ahead(self, row: Mapping[str, Any], issued_at: datetime, daily: set[object]) -> tuple[str, datetime, int]:
        try:
            city, station = self.places.of(row)
        except Unbelievable as fault:
            raise _Misplaced("city" if row.get("city") else "station", str(fault)) from None
        try:
            at = moment(row.get("time"))
            span_h = _span(row, daily)
            at = _midnight(at) if span_h == DAY_H else full_hour(at)
        except Unbelievable as fault:
            raise _Misplaced("time", str(fault)) from None
        if station:
            raise _Misplaced("station", "预报按城市提供;请改写 city")
        if at > issued_at + FARTHEST:
            raise _Misplaced("time", f"比发布时间晚 {FARTHEST.days} 天以上,不是预报")
        if at < issued_at - STALE_FORECAST:
            raise _Misplaced("time", "早于发布时间 48 小时以上,不是预报")
        return city, at, span_h

    def _foretold(self, place: int, row: Mapping[str, Any], where: tuple[str, datetime, int]) -> Foretold | None:
        low, plain = self._range(place, row)
        values = self._values(place, plain)
        primary = next((pollutants(str(row[title])) for title in _PRIMARY if row.get(title)), "")
        return Foretold(*where, values, low if values.get("aqi") is not None else None, primary) if values else None

    def _range(self, place: int, row: Mapping[str, Any]) -> tuple[float | None, dict[str, Any]]:
        """The lower bound of a stated AQI range, and the row with the upper bound in its place."""
        plain = {title: value for title, value in row.items() if column(title)}
        for title, value in list(plain.items()):
            if column(title) != "aqi" or not isinstance(value, str | list):
                continue
            try:
                low, high = aqi_range(value if isinstance(value, str) else "-".join(map(str, value)))
            except ValueError:
                continue  # read as a plain number, and judged as one
            plain[title] = high
            return (low if high <= TOP_INDEX else None), plain
        return None, plain

    def _values(self, place: int, row: Mapping[str, Any], look: Look = lambda place, values: []) -> Values:
        """The values of a row; none at all is named too. ``look`` takes out what only measuring makes impossible."""
        values, faults = measured(place, row, self.highest)
        faults += look(place, values)
        self.complaints += faults
        if not any(value is not None for value in values.values()):
            if not faults:
                self._reject(place, next((t for t in row if column(t)), ""), None, "没有一个可用的数值")
            return {}
        return values

    def _reject(self, place: int, title: str, value: object, reason: str) -> None:
        self.complaints.append(rejected(place, title, value, reason))


class _Misplaced(ValueError):
    """A forecast row whose place or time can't be used; ``column`` says which."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


def _span(row: Mapping[str, Any], daily: set[object]) -> int:
    written = row.get("span_h")
    if written in (1, DAY_H) and not isinstance(written, bool):
        return int(written)
    if written is not None:
        raise Unbelievable("span_h 只能是 1(小时)或 24(日)")
    time = row.get("time")
    bare = isinstance(time, str) and _DATE.fullmatch(time.strip())
    return DAY_H if bare or row.get("city") in daily else 1


def _daily_cities(rows: list[tuple[int, Mapping[str, Any]]]) -> set[object]:
    """Cities whose rows are days though written as midnights: more than one row, or an AQI, and no other hour."""
    seen: dict[object, list[bool]] = {}
    for _, row in rows:
        try:
            local = moment(row.get("time")).astimezone(BEIJING)
        except Unbelievable:
            continue
        city = row.get("city")
        midnight = local.hour == 0 and local.minute == 0
        if isinstance(city, str | int):
            speaks = seen.setdefault(city, [True, False, False])
            speaks[0] &= midnight
            speaks[2] |= speaks[1] or any(column(title) == "aqi" for title in row)
            speaks[1] = True
    return {city for city, (midnights, _, many) in seen.items() if midnights and many}


def _midnight(at: datetime) -> datetime:
    local = at.astimezone(BEIJING)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
