"""How long pollution lasts: 24-hour means with completeness, and spells over a threshold in the three readings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.aqi import Averaging, Floats, Standard, iaqi
from rules.rulesets import Metric, Reading, Spell

Flags = npt.NDArray[np.bool_]

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
DAY = 24
VALID_HOURS = 20  # GB 3095: a daily mean needs at least 20 hourly values
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Series:
    """Hourly values of one place.

    city    code or name; start  aware, a full hour, the label of the first value
    pm25    shape (hours,), µg/m³, nan = missing; others  pollutant → same shape and units of HJ 633
    """

    city: str
    start: datetime
    pm25: Floats
    others: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.start.minute or self.start.second or self.start.microsecond:
            raise ValueError(f"{self.city}: 序列应从带时区的整点开始,实为 {self.start}")
        for name, values in self.others.items():
            if len(values) != len(self.pm25):
                raise ValueError(f"{self.city}: {name} 有 {len(values)} 小时,PM2.5 有 {len(self.pm25)} 小时")

    def __len__(self) -> int:
        return len(self.pm25)

    def at(self, index: int) -> datetime:
        """The label of entry ``index``, 北京时间; also before the first and after the last."""
        return self.start.astimezone(BEIJING) + index * HOUR

    def index(self, at: datetime) -> int:
        """The entry labelled ``at``; may lie outside the series."""
        return (at - self.start) // HOUR

    def between(self, first: int, beyond: int) -> "Series":
        """Entries [first, beyond), padded with missing hours where the series has none."""
        others = {name: _cut(values, first, beyond) for name, values in self.others.items()}
        return Series(self.city, self.at(first), _cut(self.pm25, first, beyond), others)

    @cached_property
    def midnights(self) -> Flags:
        """True where an entry is labelled 00:00 北京时间."""
        first = self.start.astimezone(BEIJING).hour
        return np.asarray((np.arange(len(self)) + first) % DAY == 0)


def _cut(values: Floats, first: int, beyond: int) -> Floats:
    cut = np.full(beyond - first, np.nan)
    inside = values[max(first, 0) : max(beyond, 0)]
    offset = max(-first, 0)
    cut[offset : offset + len(inside)] = inside
    return cut


def joined(observed: Series, forecast: Series, *, at: datetime) -> Series:
    """Observed values before ``at``, forecast values from ``at`` on: what a decision at that hour knows.

    Hours neither has are missing. A value observed for ``at`` or later isn't used.
    """
    start = min(observed.start, forecast.start, at)
    end = max(forecast.at(len(forecast)), at)
    past = observed.between(observed.index(start), observed.index(at))
    ahead = forecast.between(forecast.index(at), forecast.index(end))
    names = {*past.others, *ahead.others}
    others = {name: np.concatenate([_others(past, name), _others(ahead, name)]) for name in names}
    return Series(observed.city, start, np.concatenate([past.pm25, ahead.pm25]), others)


def _others(series: Series, name: str) -> Floats:
    return series.others.get(name, np.full(len(series), np.nan))


def valid_hours(values: Floats) -> npt.NDArray[np.int64]:
    """How many hours of [i, i+24) hold a value, for each i; shape as ``values``, hours past the end are missing."""
    return sums_24h(~np.isnan(values))


def means_24h(values: Floats) -> Floats:
    """Mean over [i, i+24) for each i: the AQI24 window, which may cross calendar days; same unit as ``values``.

    nan = unknown: fewer than 20 valid hours. Source: GB 3095 table 4; CONTRACT § What "持续 H 小时" means.

    >>> means_24h(np.full(24, 150.0))[0]
    np.float64(150.0)
    """
    valid = valid_hours(values)
    sums = sums_24h(np.round(np.nan_to_num(values) * 1e4).astype(np.int64))
    return np.where(valid >= VALID_HOURS, sums / (1e4 * np.maximum(valid, 1)), np.nan)


def sums_24h(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Whole-number sums over [i, i+24) for each i, what lies past the end counting nothing; exact, so no drift."""
    running = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    ends = np.minimum(np.arange(len(values)) + DAY, len(values))
    return np.asarray(running[ends] - running[:-1], dtype=np.int64)


def dated_iaqi(concentration: Floats, series: Series, standards: tuple[Standard, ...]) -> Floats:
    """PM2.5 sub-index by the daily nodes of the standard in force on each entry's own day.

    concentration  shape (hours,) aligned with ``series``, µg/m³
    """
    answer = np.full(len(concentration), np.nan)
    for standard in sorted(standards, key=lambda standard: standard.in_force_from):
        began = standard.in_force_from
        first = max(0, series.index(datetime(began.year, began.month, began.day, tzinfo=BEIJING)))
        if first < len(answer):
            answer[first:] = iaqi(concentration[first:], "PM2.5", standard, averaging=Averaging.DAILY)
    return answer


@dataclass(frozen=True)
class Starts:
    """For every hour: does a spell (or clause) starting here hold, surely or possibly? ``span`` hours are looked at.

    sure   holds whatever the missing hours were; maybe  could hold if the missing hours were bad; sure ⇒ maybe
    """

    sure: Flags
    maybe: Flags
    span: int

    @cached_property
    def open(self) -> Flags:
        """Where only missing hours keep it from being decided."""
        return self.maybe & ~self.sure

    def both(self, other: "Starts") -> "Starts":
        return Starts(self.sure & other.sure, self.maybe & other.maybe, max(self.span, other.span))

    def somewhere_inside(self, span: int) -> "Starts":
        """Holds for some start within [i, i+span-own span]: the shorter spell inside the longer."""
        width = span - self.span + 1
        return Starts(_any_ahead(self.sure, width), _any_ahead(self.maybe, width), span)


def starts(spell: Spell, index24: Floats, hourly: Floats, *, reading: Reading, midnights: Flags) -> Starts:
    """Where a spell "AQI>X 持续 H 小时" may start, hour by hour.

    index24    AQI of [i, i+24), nan unknown; hourly  AQI of hour i; midnights  True at 00:00; all shape (hours,)
    reading    BLOCKS: H/24 blocks end to end from any full hour; DAYS: the same from midnights only;
               ROLLING: H windows each beginning an hour later (H+23 hours of air)

    ">" is strict; an unknown block is neither above nor below.
    """
    values = hourly if spell.metric is Metric.HOUR else index24
    sure, maybe = values > spell.above, ~(values <= spell.above)
    if spell.metric is Metric.HOUR:
        return Starts(_all_ahead(sure, spell.hours, 1), _all_ahead(maybe, spell.hours, 1), spell.hours)
    if reading is Reading.ROLLING:
        span = spell.hours + DAY - 1
        return Starts(_all_ahead(sure, spell.hours, 1), _all_ahead(maybe, spell.hours, 1), span)
    sure, maybe = (_all_ahead(flags, spell.hours // DAY, DAY) for flags in (sure, maybe))
    if reading is Reading.DAYS:
        sure, maybe = sure & midnights, maybe & midnights
    return Starts(sure, maybe, spell.hours)


def clause_starts(
    row: tuple[Spell, ...], index24: Floats, hourly: Floats, *, reading: Reading, midnights: Flags
) -> Starts:
    """Where a whole row may start: its longest spell, with every other spell of the row inside it."""
    parts = [starts(spell, index24, hourly, reading=reading, midnights=midnights) for spell in row]
    longest = max(parts, key=lambda part: part.span)
    answer = longest
    for part in parts:
        if part is not longest:
            answer = answer.both(part.somewhere_inside(longest.span))
    return answer


def _all_ahead(flags: Flags, count: int, step: int) -> Flags:
    """AND of flags[i], flags[i+step] … ``count`` of them; past the end the last window's verdict stands for unknown."""
    if step == 1:
        return ~_any_ahead(~flags, count)
    answer = flags.copy()
    for turn in range(1, count):
        shift = turn * step
        answer[: max(len(flags) - shift, 0)] &= flags[shift:]
    return answer


def _any_ahead(flags: Flags, width: int) -> Flags:
    running = np.concatenate([[0], np.cumsum(flags)])
    ends = np.minimum(np.arange(len(flags)) + max(width, 0), len(flags))
    return np.asarray(running[ends] > running[:-1])
