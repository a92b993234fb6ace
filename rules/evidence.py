"""On what does a grading stand: the spells found, the hours missing, the way to the next level, the way to a lift."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from rules.aqi import POLLUTANTS, Averaging, Floats, iaqi, on
from rules.causes import Cause
from rules.levels import Level
from rules.outlook import Row, View
from rules.rulesets import Metric, Reading, Spell
from rules.spells import DAY, Flags


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch above a threshold: hours, from, to."""

    above: int
    hours: int
    from_at: datetime
    to_at: datetime

    def as_json(self) -> dict[str, Any]:
        """CONTRACT § Output shapes, a spell of the evidence."""
        stretch = {"from": self.from_at.isoformat(), "to": self.to_at.isoformat()}
        return {"above": self.above, "hours": self.hours, **stretch}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an officer needs to check a grading; window [from, to) holds valid_hours + missing_hours hours."""

    window: tuple[datetime, datetime]
    spells: tuple[Found, ...]
    valid_hours: int
    missing_hours: int
    leading_pollutant: str
    highest_aqi24: float

    def as_json(self) -> dict[str, Any]:
        """CONTRACT § Output shapes, evidence."""
        return {
            "window": [moment.isoformat() for moment in self.window],
            "spells": [spell.as_json() for spell in self.spells],
            "valid_hours": self.valid_hours,
            "missing_hours": self.missing_hours,
            "leading_pollutant": self.leading_pollutant,
            "highest_aqi24": None if np.isnan(self.highest_aqi24) else int(self.highest_aqi24),
        }


@dataclass(frozen=True, slots=True)
class Margin:
    """The next level's word, None at the top, and what is still wanting for it."""

    next_level: str | None
    needs: str


def evidence(seen: View, decided_by: Row | None, start: int, *, first: int, beyond: int) -> Evidence:
    """Evidence of a decision on [first, beyond): the deciding row's spells, or the longest found when none decided."""
    if decided_by:
        spells = _deciding(seen, decided_by, start, beyond)
        window = (min(spell.first for spell in spells), max(spell.beyond for spell in spells))
    else:
        spells = [longest(seen, spell, first, beyond) for spell in _thresholds(seen)]
        window = (first, beyond)
    lowest, highest = max(window[0], 0), max(window[1], 0)
    valid = int(seen.valid[lowest:highest].sum())
    return Evidence(
        window=(seen.at(window[0]), seen.at(window[1])),
        spells=tuple(_found(seen, spell) for spell in spells if spell.hours),
        valid_hours=valid,
        missing_hours=window[1] - window[0] - valid,
        leading_pollutant=leading_pollutant(seen, lowest, highest),
        highest_aqi24=highest_aqi24(seen, lowest, highest),
    )


def highest_aqi24(seen: View, first: int, beyond: int) -> float:
    """The highest known AQI24 whose window lies in [first, beyond); nan when none does."""
    values = seen.index24[max(first, 0) : max(beyond - DAY + 1, 0)]
    return float(np.fmax.reduce(values)) if len(values) else float("nan")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours above a threshold, as entries: [first, beyond)."""

    above: int
    hours: int
    first: int
    beyond: int


def _found(seen: View, stretch: Stretch) -> Found:
    return Found(stretch.above, stretch.hours, seen.at(stretch.first), seen.at(stretch.beyond))


def _deciding(seen: View, row: Row, start: int, beyond: int) -> list[Stretch]:
    answer = []
    for spell in row.spells:
        if spell is row.main:
            answer.append(_runs_on(seen, spell, start, start + row.starts.span, beyond=beyond))
        else:
            answer.append(longest(seen, spell, start, start + row.starts.span))
    return answer


def _runs_on(seen: View, spell: Spell, start: int, ends: int, *, beyond: int) -> Stretch:
    hours, step = spell.hours, 1 if seen.reading is Reading.ROLLING else DAY
    while ends + step <= beyond and seen.index24[ends + step - DAY] > spell.above:
        ends, hours = ends + step, hours + step
    return Stretch(spell.above, hours, start, ends)


def longest(seen: View, spell: Spell, first: int, beyond: int) -> Stretch:
    """The longest sure stretch above a spell's threshold within [first, beyond), counted as the reading counts."""
    first = max(first, 0)
    if spell.metric is Metric.HOUR:
        begin, length = _longest_run(seen.hourly[first:beyond] > spell.above)
        return Stretch(spell.above, length, first + begin, first + begin + length)
    above = seen.index24[first : max(beyond - DAY + 1, first)] > spell.above
    if seen.reading is Reading.ROLLING:
        begin, length = _longest_run(above)
        return Stretch(spell.above, length, first + begin, first + begin + (length + DAY - 1 if length else 0))
    if seen.reading is Reading.DAYS:
        above &= seen.series.midnights[first : first + len(above)]
    best, blocks, holds = 0, 0, above
    while holds.any():
        best, blocks = int(np.argmax(holds)), blocks + 1
        later = above[blocks * DAY :]
        holds = holds[: len(later)] & later
    return Stretch(spell.above, blocks * DAY, first + best, first + best + blocks * DAY)


def _longest_run(flags: Flags) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    longest_one = int(np.argmax(lengths))
    return int(edges[::2][longest_one]), int(lengths[longest_one])


def _thresholds(seen: View) -> list[Spell]:
    spells = {spell.above: spell for row in seen.rows for spell in row.spells if spell.metric is Metric.MEAN_24H}
    return [spells[above] for above in sorted(spells)]


def margin(seen: View, level: Level, possible: Level, *, first: int, beyond: int) -> Margin:
    """What [first, beyond) lacks for the next level of this edition, in words an officer can check."""
    higher = [row for row in seen.rows if row.criterion.level > level]
    if not higher:
        return Margin(None, "已是本预案最高等级")
    following = min(row.criterion.level for row in higher)
    ways = [_wanting(seen, row, first, beyond) for row in higher if row.criterion.level is following]
    needs = ";或 ".join(ways)
    if possible >= following:
        missing = beyond - first - int(seen.valid[max(first, 0) : max(beyond, 0)].sum())
        needs += f"。时窗内缺测 {missing} 小时,补齐后可能达到{possible.chinese}预警"
    return Margin(following.word, needs)


def _wanting(seen: View, row: Row, first: int, beyond: int) -> str:
    parts = []
    for spell in row.spells:
        found = longest(seen, spell, first, beyond)
        parts.append(f"{spell}(现最长 {found.hours} 小时)")
    top = highest_aqi24(seen, first, beyond)
    known = "无有效 24 小时均值" if np.isnan(top) else f"AQI24 最高 {int(top)}"
    return " 且其间 ".join(parts) + f",{known}"


def leading_pollutant(seen: View, first: int, beyond: int) -> str:
    """首要污染物 of the window by the sub-index of its mean (O3: highest hour); PM2.5 when nothing else is known."""
    best, leader = _window_iaqi(seen, "PM2.5", seen.series.pm25[first:beyond]), "PM2.5"
    for name in POLLUTANTS[1:]:
        values = seen.series.others.get(name)
        index = _window_iaqi(seen, name, values[first:beyond]) if values is not None else 0.0
        if index > best:
            best, leader = index, name
    return leader


def _window_iaqi(seen: View, name: str, values: Floats) -> float:
    known = values[~np.isnan(values)]
    if not len(known) or not seen.standards:
        return 0.0
    standard = on(seen.standards, seen.at(0).date())
    averaging = Averaging.HOURLY if name == "O3" else Averaging.DAILY
    if (name, averaging) not in standard.nodes:
        return 0.0
    value = float(known.max() if name.startswith("O3") else known.mean())
    return float(np.nan_to_num(iaqi(value, name, standard, averaging=averaging)))


def cause_of(seen: View, *, first: int, beyond: int) -> str:
    """Bad air that is no PM2.5 episode: dust, fireworks, ozone, pm10 — a health notice, no cuts; "" otherwise."""
    excluded = seen.excluded[max(first, 0) : max(beyond, 0)]
    for cause in (Cause.DUST, Cause.FIREWORKS):
        if (excluded == cause).any():
            return cause.name.lower()
    leader = leading_pollutant(seen, max(first, 0), max(beyond, 0))
    lowest = min(row.main.above for row in seen.rows)
    values = seen.series.others.get(leader)
    if values is None or _window_iaqi(seen, leader, values[max(first, 0) : max(beyond, 0)]) <= lowest:
        return ""
    return "ozone" if leader.startswith("O3") else leader.lower()
