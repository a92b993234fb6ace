"""How would years have gone under this plan: the life of every alert, and what it hit, missed, delayed or did for nothing?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rules.aqi import Floats, Standard
from rules.causes import EVERY_HOUR_COUNTS, CausePolicy
from rules.episodes import foreseen
from rules.levels import Level
from rules.lifecycle import Change, ChangeKind, Standing, decide
from rules.outlook import View, polluted, view
from rules.rulesets import RuleSet
from rules.spells import DAY, Flags, Series

STRIDE = 240  # hours searched at a time for the next hour at which something may change


@dataclass(frozen=True, slots=True)
class Era:
    """From which entry of a series on an edition binds; None = none is in force yet."""

    first: int
    ruleset: RuleSet | None


def replay(
    series: Series,
    eras: Sequence[Era],
    standards: Sequence[Standard],
    *,
    foresight: int,
    first: int = 0,
    beyond: int | None = None,
    policy: CausePolicy = EVERY_HOUR_COUNTS,
) -> Iterator[Change]:
    """The notable changes of one city's alert, deciding at every hour of [first, beyond).

    series     hourly PM2.5, µg/m³; what lies before an hour is observed, the ``foresight`` hours after it are taken
               as a perfect forecast; nothing beyond the series is known or guessed
    eras       the editions by first entry, ascending

    Every hour is decided, but only those at which something may change are looked at closely. Nothing is lifted in
    the last ``clear_hours`` of the data. Yields changes in the order decided; ``at`` never runs backwards.
    """
    end = len(series) if beyond is None else min(beyond, len(series))
    standing: Standing | None = None
    latest: datetime | None = None
    for place, era in enumerate(eras):
        until = min(eras[place + 1].first if place + 1 < len(eras) else end, end)
        if era.ruleset is None or until <= max(first, era.first):
            continue
        course = Course(view(series, era.ruleset, standards, policy), foresight)
        for change in _decided(course, standing, max(first, era.first), until):
            standing = change.standing
            latest = change.at if latest is None else max(latest, change.at)
            yield _not_before(change, latest)


def _not_before(change: Change, latest: datetime) -> Change:
    return change if change.at >= latest else replace(change, at=latest)


def _decided(course: "Course", standing: Standing | None, first: int, beyond: int) -> Iterator[Change]:
    now, blind = first, False
    rules = course.seen.ruleset.hysteresis
    while (now := course.next_hour(standing, now, beyond, blind=blind)) < beyond:
        horizon = min(course.foresight, len(course.seen.series) - now)
        change = decide(standing, foreseen(course.seen, now, horizon), rules, decided_at=course.seen.at(now))
        unknown = change.kind is ChangeKind.UNKNOWN
        too_late = change.kind is ChangeKind.LIFT and now > course.last_lift
        if change.notable and not too_late and not (unknown and blind):
            standing = change.standing
            yield change
        blind, now = unknown, now + 1


@dataclass(frozen=True)
class Course:
    """A view with, for every hour, a cheap answer to "could anything change now?"; never misses one that could."""

    seen: View
    foresight: int

    @cached_property
    def last_lift(self) -> int:
        """The last entry at which a lift has its clear hours of data ahead."""
        known = np.flatnonzero(self.seen.valid)
        return int(known[-1]) - self.seen.ruleset.hysteresis.clear_hours if len(known) else -1

    @cached_property
    def called(self) -> npt.NDArray[np.int8]:
        """The highest level some sure spell calls for that still lasts or is foreseen, per hour."""
        answer = np.zeros(len(self.seen.series), dtype=np.int8)
        for row in self.seen.rows:
            level = row.criterion.level
            answer = np.maximum(answer, np.where(self._foreseen(row.starts.sure, row.starts.span), level, 0))
        return answer.astype(np.int8)

    @cached_property
    def maybe(self) -> Flags:
        """Could some spell hold if the missing hours were bad, per hour?"""
        answer = np.zeros(len(self.seen.series), dtype=np.bool_)
        for row in self.seen.rows:
            answer |= self._foreseen(row.starts.open, row.starts.span)
        return answer

    def _foreseen(self, starts: Flags, span: int) -> Flags:
        length = len(self.seen.series)
        now = np.arange(length)
        horizon = np.minimum(self.foresight, length - now)
        reach = np.minimum(self.seen.ruleset.hysteresis.reach_hours, horizon)
        back = np.maximum(now - self.seen.ruleset.longest_hours - DAY, 0)
        lowest = np.clip(np.maximum(now + reach - span, back), 0, length)
        highest = np.clip(now + horizon - span + 1, lowest, length)
        running = np.concatenate([[0], np.cumsum(starts)])
        return np.asarray(running[highest] > running[lowest])

    @cached_property
    def ahead(self) -> Floats:
        """The highest AQI24 from now to ``clear_hours`` ahead; nan when one of them isn't known."""
        clear = self.seen.ruleset.hysteresis.clear_hours
        length = len(self.seen.series)
        answer = np.full(length, np.nan)
        windows = np.full(length + clear + 1, np.nan)
        windows[: max(length - DAY + 1, 0)] = self.seen.index24[: max(length - DAY + 1, 0)]
        if length > DAY and self.foresight >= clear:
            views = np.lib.stride_tricks.sliding_window_view(windows, clear + 1)[: length - DAY]
            answer[DAY:] = views.max(axis=1)
        return answer

    def next_hour(self, standing: Standing | None, now: int, beyond: int, *, blind: bool) -> int:
        """The next entry from ``now`` on at which a decision could change something; ``beyond`` when there is none."""
        while now < beyond:
            chunk = slice(now, min(now + STRIDE, beyond))
            found = np.flatnonzero(self._may_change(standing, chunk, blind=blind))
            if len(found):
                return now + int(found[0])
            now = chunk.stop
        return beyond

    def _may_change(self, standing: Standing | None, hours: slice, *, blind: bool) -> Flags:
        called, ahead = self.called[hours], self.ahead[hours]
        if standing is None:
            return np.asarray((called > 0) | (self.maybe[hours] != blind))
        lowest = min(criterion.stays_above for criterion in self.seen.ruleset.criteria)
        own = [row.criterion.stays_above for row in self.seen.rows if row.criterion.level == standing.level]
        until = self.seen.series.index(standing.until)
        late = np.arange(hours.start, hours.stop) >= until - self.seen.ruleset.hysteresis.reach_hours
        longer = late & (called > 0) & self._polluted_from(until, hours)
        lower = (ahead <= min(own, default=lowest)) & (called > 0) & (called < standing.level)
        unknown = (np.isnan(ahead) != blind) | (blind & (called > 0))
        return np.asarray((called > standing.level) | longer | lower | (late & (ahead <= lowest)) | unknown)

    @cached_property
    def _dirty(self) -> npt.NDArray[np.int64]:
        length = len(self.seen.series)
        return np.concatenate([[0], np.cumsum(polluted(self.seen, 0, length))])

    def _polluted_from(self, until: int, hours: slice) -> Flags:
        """Is any hour from ``until`` to the end of what is foreseen polluted?"""
        length = len(self.seen.series)
        ends = np.minimum(np.arange(hours.start, hours.stop) + self.foresight, length)
        return np.asarray(self._dirty[ends] > self._dirty[np.minimum(np.clip(until, 0, length), ends)])


def levels_by_hour(changes: Sequence[Change], series: Series, beyond: int) -> npt.NDArray[np.int8]:
    """The level in force at every hour of a series under these changes, shape (hours,)."""
    answer = np.zeros(len(series), dtype=np.int8)
    for change in changes:
        answer[max(series.index(change.at), 0) : beyond] = change.level
    return answer


@dataclass(frozen=True, slots=True)
class Score:
    """One city's backtest against heavy-pollution stretches (AQI24 above ``heavy`` for a day or more).

    hits      an alert was in force when the stretch began; late  it came after; misses  none came at all
    needless  alerts that met no stretch; lead_hours  from decision to onset, one per hit or late (negative: after)
    hours     city-hours by level in force
    """

    hits: int
    late: int
    misses: int
    needless: int
    lead_hours: tuple[int, ...]
    hours: dict[Level, int]


def score(seen: View, changes: Sequence[Change], *, heavy: int, first: int, beyond: int) -> Score:
    """What the alerts of a replay were worth.

    seen   any view of the series (its index24 and hourly AQI are the yardstick); heavy  AQI, e.g. 200
    """
    level = levels_by_hour(changes, seen.series, beyond)
    stretches = heavy_stretches(seen, heavy, first, beyond)
    hits = late = misses = 0
    leads: list[int] = []
    for begins, ends in stretches:
        if not level[begins:ends].any():
            misses += 1
            continue
        onset = begins if level[begins] else begins + int(np.argmax(level[begins:ends] > 0))
        hits, late = hits + (onset == begins), late + (onset > begins)
        leads.append(begins - _decided_by(changes, seen.series, onset))
    hours: dict[Level, int] = {one: int((level[first:beyond] == one).sum()) for one in Level}
    return Score(hits, late, misses, _needless(level, stretches), tuple(leads), hours)


def _decided_by(changes: Sequence[Change], series: Series, onset: int) -> int:
    started = [change for change in changes if change.kind is ChangeKind.START and series.index(change.at) <= onset]
    return series.index(started[-1].decided_at) if started else onset


def heavy_stretches(seen: View, heavy: int, first: int, beyond: int) -> list[tuple[int, int]]:
    """Stretches [begin, end) of hours above ``heavy`` inside 24-hour windows above it, those under a day apart joined."""
    above = np.flatnonzero(seen.index24[first : max(beyond - DAY + 1, first)] > heavy)
    inside = np.zeros(beyond - first + 1, dtype=np.int64)
    np.add.at(inside, above, 1)
    np.add.at(inside, above + DAY, -1)
    hours = first + np.flatnonzero((np.cumsum(inside)[:-1] > 0) & (seen.hourly[first:beyond] > heavy))
    if not len(hours):
        return []
    breaks = np.flatnonzero(np.diff(hours) > DAY)
    begins, ends = np.append(hours[0], hours[breaks + 1]), np.append(hours[breaks], hours[-1]) + 1
    return [(int(begin), int(end)) for begin, end in zip(begins, ends, strict=True)]


def _needless(level: npt.NDArray[np.int8], stretches: list[tuple[int, int]]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (level > 0).astype(np.int8), [0]])))
    alerts = list(zip(edges[::2], edges[1::2], strict=True))
    return sum(not any(begin < stop and start < end for begin, end in stretches) for start, stop in alerts)
