"""What does a decision at this hour know: the episode that is running or coming, its level, and whether it may end."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from rules.aqi import Standard
from rules.causes import EVERY_HOUR_COUNTS, CausePolicy
from rules.grading import CONTEXT, Grading, best_start
from rules.levels import Level
from rules.outlook import View, polluted, view
from rules.rulesets import RuleSet
from rules.spells import DAY, Flags, Series


def foresee(
    series: Series,
    ruleset: RuleSet,
    standards: Sequence[Standard],
    *,
    at: datetime,
    horizon: int,
    policy: CausePolicy = EVERY_HOUR_COUNTS,
) -> Grading:
    """Grade the first episode that still lasts at ``at`` or begins within ``horizon`` hours; what the watch asks.

    series  observed before ``at``, forecast from ``at`` on (see `rules.spells.joined`), µg/m³; what it lacks is missing

    A spell begun in the observed past counts when it lasts ``reach_hours`` beyond now. Spells closer together than
    ``merge_gap_hours`` are one episode, whose level is the highest any of its spells reaches (从严启动).
    Source: 环大气〔2024〕6号 and air.md §2.1 for merge, reach and clear hours.
    """
    back = max(ruleset.longest_hours + DAY, CONTEXT)
    first = series.index(at)
    seen = view(series.between(first - back, first + horizon), ruleset, standards, policy)
    return foreseen(seen, back, horizon)


def foreseen(seen: View, now: int, horizon: int) -> Grading:
    """The same on a prepared view at entry ``now``; entries at or past ``now + horizon`` aren't looked at."""
    rules = seen.ruleset.hysteresis
    first, beyond = max(now - seen.ruleset.longest_hours - DAY, 0), now + horizon
    reach = min(rules.reach_hours, horizon)
    dirty = polluted(seen, first, beyond)
    episode = _first_episode(dirty, rules.merge_gap_hours, now + reach - first)
    possible = _possible(seen, now + reach, beyond)
    if episode is None:
        return Grading(seen, Level.NONE, possible, now, first, beyond, None, now, None, dirty)
    began, ended = (first + hour for hour in episode)
    for row in seen.rows:
        lowest, highest = max(began - row.starts.span + 1, first), min(ended, beyond - row.starts.span + 1)
        if lowest < highest and row.starts.sure[lowest:highest].any():
            start = best_start(seen, row, lowest, highest + row.starts.span - 1)
            return Grading(seen, row.criterion.level, possible, now, first, beyond, row, start, (began, ended), dirty)
    raise AssertionError("an episode without a clause")


def _first_episode(dirty: Flags, merge_gap: int, reach: int) -> tuple[int, int] | None:
    hours = np.flatnonzero(dirty)
    if not len(hours):
        return None
    breaks = np.flatnonzero(np.diff(hours) > merge_gap)
    begins, ends = np.append(hours[0], hours[breaks + 1]), np.append(hours[breaks], hours[-1]) + 1
    lasting = np.flatnonzero(ends >= reach)
    return (int(begins[lasting[0]]), int(ends[lasting[0]])) if len(lasting) else None


def _possible(seen: View, reach: int, beyond: int) -> Level:
    for row in seen.rows:
        first, last = max(reach - row.starts.span, 0), beyond - row.starts.span
        if first <= last and row.starts.open[first : last + 1].any():
            return row.criterion.level
    return Level.NONE
