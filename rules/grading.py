"""Which level does this air call for, by which clause, on what evidence, and how far is the next level?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np

from rules.aqi import Standard
from rules.causes import EVERY_HOUR_COUNTS, CausePolicy
from rules.clearance import Clearance, clearance
from rules.evidence import Evidence, Margin, cause_of, evidence, margin
from rules.levels import Level, Verdict
from rules.outlook import Row, View, polluted, view, view_of_days
from rules.rulesets import RuleSet
from rules.spells import BEIJING, DAY, Flags, Series

CONTEXT = 2 * DAY  # hours before the window that tell dust and fireworks from an episode


@dataclass(frozen=True)
class Grading:
    """研判结果: a level and the clause that calls for it, so that an officer can check the program.

    level     the highest level that surely holds; with ``verdict`` UNKNOWN nothing surely holds, but something may
    possible  the highest level missing hours could still make true
    first, beyond  the hours looked at; decided_by, start  the row that decided and the hour its spell starts at
    episode   first and last+1 polluted hour of the process the level belongs to
    dirty     which hours of [first, beyond) are polluted hours of some spell
    """

    view: View
    level: Level
    possible: Level
    now: int
    first: int
    beyond: int
    decided_by: Row | None
    start: int
    episode: tuple[int, int] | None
    dirty: Flags

    @property
    def city(self) -> str:
        """The series' city, a code or a name."""
        return self.view.city

    @property
    def ruleset(self) -> str:
        """The id of the edition that was asked."""
        return self.view.ruleset.id

    @property
    def verdict(self) -> Verdict:
        """UNKNOWN when nothing surely holds but something may."""
        unknown = self.level is Level.NONE and self.possible is not Level.NONE
        return Verdict.UNKNOWN if unknown else Verdict.LEVEL

    @property
    def clause(self) -> str:
        """The clause that holds; without one, the one that was tried first and doesn't."""
        if self.decided_by:
            return self.decided_by.criterion.clause
        lowest = self.view.ruleset.criteria[-1]
        tried = "缺测,能否达到尚不能判定" if self.verdict is Verdict.UNKNOWN else "未达到"
        return f"{tried}:{lowest.clause}"

    @property
    def starts_at(self) -> datetime | None:
        """First polluted hour of the episode, None without one."""
        return self.view.at(self.episode[0]) if self.episode else None

    @property
    def ends_at(self) -> datetime | None:
        """The hour after the episode's last polluted one, as far as is known."""
        return self.view.at(self.episode[1]) if self.episode else None

    @cached_property
    def evidence(self) -> Evidence:
        """The spells found and the hours they stand on."""
        return evidence(self.view, self.decided_by, self.start, first=self.first, beyond=self.beyond)

    @cached_property
    def margin(self) -> Margin:
        """The way to the next level."""
        return margin(self.view, self.level, self.possible, first=self.first, beyond=self.beyond)

    @cached_property
    def cause(self) -> str:
        """Why bad air ends in a health notice only: dust, fireworks, ozone, PM10; "" when it doesn't."""
        return cause_of(self.view, first=self.first, beyond=self.beyond) if self.level is Level.NONE else ""

    @cached_property
    def clearance(self) -> Clearance:
        """What a lift or downgrade at ``now`` could stand on."""
        ahead = np.flatnonzero(self.dirty[self.now - self.first :])
        polluted_in = int(ahead[0]) if len(ahead) else None
        return clearance(self.view, self.now, self.beyond, polluted_in=polluted_in)

    def as_json(self) -> dict[str, Any]:
        """CONTRACT § Output shapes, grading."""
        return {
            "city": self.city,
            "level": self.level.word if self.verdict is Verdict.LEVEL else "unknown",
            "ruleset": self.ruleset,
            "clause": self.clause,
            "verdict": self.verdict.value,
            "possible": max(self.level, self.possible).word,
            "cause": self.cause,
            "evidence": self.evidence.as_json(),
            "margin": {"next_level": self.margin.next_level, "needs": self.margin.needs},
        }


def grade(
    series: Series,
    ruleset: RuleSet,
    standards: Sequence[Standard],
    *,
    at: datetime,
    horizon: int,
    policy: CausePolicy = EVERY_HOUR_COUNTS,
) -> Grading:
    """The most severe level whose criterion holds somewhere within [at, at+horizon), and nowhere else.

    series    hourly PM2.5, µg/m³; hours of the window that it doesn't hold are missing, never clean
    horizon   hours; policy  dust and fireworks hours, told with the two days before the window

    Raises ValueError when the window is empty: no forecast is not clean air.
    Source: CONTRACT § What "持续 H 小时" means; editions under rules/sets/alerts.

    >>> grade(series, edition, standards, at=series.start, horizon=72).level  # doctest: +SKIP
    <Level.ORANGE: 4>
    """
    if horizon <= 0:
        raise ValueError(f"{series.city}: 研判时窗为 {horizon} 小时,应至少 1 小时")
    first = series.index(at)
    seen = view(series.between(first - CONTEXT, first + horizon), ruleset, standards, policy)
    return _within(seen, CONTEXT, CONTEXT + horizon)


def grade_days(aqi24: Sequence[float], ruleset: RuleSet, *, city: str, first_day: date) -> Grading:
    """The same for AQI24 values, one a day, nan = unknown; blocks are the days.

    >>> grade_days([210, 230], edition, city="110000", first_day=date(2024, 1, 30)).level  # doctest: +SKIP
    <Level.ORANGE: 4>
    """
    if not len(aqi24):
        raise ValueError("没有日 AQI:没有预报不等于空气清洁")
    seen = view_of_days(aqi24, ruleset, city=city, first_day=first_day)
    return _within(seen, 0, len(aqi24) * DAY)


def _within(seen: View, first: int, beyond: int) -> Grading:
    level, possible, decided_by, start = Level.NONE, Level.NONE, None, first
    for row in seen.rows:
        window = slice(first, max(beyond - row.starts.span + 1, first))
        if possible is Level.NONE and row.starts.maybe[window].any():
            possible = row.criterion.level
        if row.starts.sure[window].any():
            level, decided_by = row.criterion.level, row
            start = best_start(seen, row, first, beyond)
            break
    episode = (start, start + decided_by.starts.span) if decided_by else None
    dirty = polluted(seen, first, beyond)
    return Grading(seen, level, possible, first, first, beyond, decided_by, start, episode, dirty)


def best_start(seen: View, row: Row, first: int, beyond: int) -> int:
    """Where to say the spell begins: its first polluted hour if a spell holds from there, else the nearest before.

    Blocks may start at any full hour, so the earliest that holds begins with clean hours the later ones outweigh.
    """
    holds = first + np.flatnonzero(row.starts.sure[first : beyond - row.starts.span + 1])
    earliest = int(holds[0])
    dirty = np.flatnonzero(seen.hourly[earliest : earliest + row.starts.span] > row.main.above)
    onset = earliest + int(dirty[0]) if len(dirty) else earliest
    return int(holds[np.searchsorted(holds, onset, side="right") - 1])


def now_at(day: date) -> datetime:
    """Midnight 北京时间 at the beginning of ``day``."""
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING)
