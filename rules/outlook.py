"""A series seen through one rule set: every clause's possible starts, computed once and looked at from many hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from rules.aqi import Floats, Standard
from rules.causes import Cause, CausePolicy, attributable_means, causes
from rules.rulesets import Criterion, Metric, Reading, RuleSet, Spell
from rules.spells import BEIJING, DAY, Flags, Series, Starts, clause_starts, dated_iaqi


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one criterion with the hours it may start at."""

    criterion: Criterion
    spells: tuple[Spell, ...]
    starts: Starts

    @property
    def main(self) -> Spell:
        """The longest spell of the row, in which the others lie."""
        return max(self.spells, key=lambda spell: (spell.metric is Metric.MEAN_24H, spell.hours))


@dataclass(frozen=True)
class View:
    """A series as a rule set sees it; shape (hours,) throughout.

    reading  the rule set's, but DAYS for blocks when the series came as one AQI a day
    index24  AQI of the PM2.5 mean over [i, i+24), nan unknown; hourly  AQI of hour i; valid  hour i has a value
    rows     most severe level first; excluded  the Cause of every hour
    """

    city: str
    series: Series
    ruleset: RuleSet
    reading: Reading
    standards: tuple[Standard, ...]
    index24: Floats
    hourly: Floats
    valid: Flags
    excluded: npt.NDArray[np.int8]
    rows: tuple[Row, ...]

    def at(self, index: int) -> datetime:
        """The hour of an entry, 北京时间."""
        return self.series.at(index)


def view(series: Series, ruleset: RuleSet, standards: Sequence[Standard], policy: CausePolicy) -> View:
    """Prepare hourly PM2.5 concentrations for grading.

    standards  dated AQI standards; each hour is judged by that of its own day
    policy     which hours are dust or fireworks; EVERY_HOUR_COUNTS for none
    """
    dated = tuple(standards)
    excluded = causes(series, policy)
    means = attributable_means(series, excluded, policy)
    index24, hourly = (dated_iaqi(values, series, dated) for values in (means, series.pm25))
    hourly = np.where(excluded != Cause.NONE, np.nan, hourly)
    rows = _rows(ruleset, ruleset.reading, series, index24=index24, hourly=hourly)
    reading, valid = ruleset.reading, ~np.isnan(series.pm25)
    return View(series.city, series, ruleset, reading, dated, index24, hourly, valid, excluded, rows)


def view_of_days(aqi24: Sequence[float], ruleset: RuleSet, *, city: str, first_day: date) -> View:
    """Prepare AQI24 values, one a day; nan = unknown. Blocks are then the days themselves.

    Between two days the 24-hour value is taken to change evenly, which only the rolling reading looks at; whether
    a single hour was above an hourly threshold is certain only where the whole day was.
    """
    days = np.asarray(aqi24, dtype=np.float64)
    start = datetime(first_day.year, first_day.month, first_day.day, tzinfo=BEIJING)
    hours = np.arange(len(days) * DAY)
    blank = Series(city, start, np.full(len(hours), np.nan))
    following = np.append(days[1:], np.nan)[hours // DAY]
    index24 = np.where(
        hours % DAY == 0,
        days[hours // DAY],
        days[hours // DAY] + (following - days[hours // DAY]) * (hours % DAY) / DAY,
    )
    hourly = days[hours // DAY]
    reading = Reading.DAYS if ruleset.reading is Reading.BLOCKS else ruleset.reading
    surely = np.where(hourly > _hourly_threshold(ruleset), hourly, np.nan)
    rows = _rows(ruleset, reading, blank, index24=index24, hourly=surely)
    excluded = np.zeros(len(hours), dtype=np.int8)
    return View(city, blank, ruleset, reading, (), index24, hourly, ~np.isnan(hourly), excluded, rows)


def _hourly_threshold(ruleset: RuleSet) -> int:
    spells = (spell for criterion in ruleset.criteria for row in criterion.when for spell in row)
    return min((spell.above for spell in spells if spell.metric is Metric.HOUR), default=0)


def _rows(ruleset: RuleSet, reading: Reading, series: Series, *, index24: Floats, hourly: Floats) -> tuple[Row, ...]:
    midnights = series.midnights
    return tuple(
        Row(criterion, spells, clause_starts(spells, index24, hourly, reading=reading, midnights=midnights))
        for criterion in ruleset.criteria
        for spells in criterion.when
    )


def polluted(seen: View, first: int, beyond: int) -> Flags:
    """Hours of [first, beyond) that lie in some surely holding spell and are themselves above its threshold."""
    answer = np.zeros(beyond - first, dtype=np.bool_)
    for row in seen.rows:
        span = row.starts.span
        holds = np.flatnonzero(row.starts.sure[first : max(beyond - span + 1, first)])
        if len(holds):
            edges = np.bincount(holds, minlength=len(answer) + 1) - np.bincount(holds + span, minlength=len(answer) + 1)
            answer |= (np.cumsum(edges)[:-1] > 0) & (seen.hourly[first:beyond] > row.main.above)
    return answer
