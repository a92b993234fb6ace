"""Who must report to whom, and by when? (信息报告时限)"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from rules.incident_life import Stage
from rules.incidents import Grade, TrackRule

ANY_REGIME = "any"
LEARNED, CHANGED = "learned_at", "changed_at"
REPORT, NOTICE = "bureau_report", "neighbour_notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One statutory clock: ``hours`` after its anchor (0 is "at once"); only on ``track`` or ``grades`` if named."""

    duty: str
    regime: str
    sender: str
    to: tuple[str, ...]
    anchor: str
    hours: float
    clause: str
    confidence: str
    track: str = ""
    grades: tuple[Grade, ...] = ()


@dataclass(frozen=True, slots=True)
class Duty:
    """A clock that runs: due at ``due_at``, or not known until its anchor is; a newer report may replace it."""

    clock: Clock
    anchor: str
    anchor_at: datetime | None
    due_at: datetime | None
    superseded_at: datetime | None = None


def duties(life: tuple[Stage, ...], clocks: tuple[Clock, ...], rule: TrackRule, change_anchor: str) -> tuple[Duty, ...]:
    """Every duty that has arisen, by due time; the newest bureau report last, those not yet anchored before it.

    life           the stages of the incident, oldest first
    change_anchor  "from_learning", "from_change" or "earlier": whence a clock started by an update runs.
                   The text names no new anchor, so the default is the earlier.

    Ⅲ learned at 08:00 (due 12:00), Ⅱ at 09:30: from_learning → 10:00, from_change → 11:30.
    """
    reports = _reports(life, clocks, rule, change_anchor)
    others = [duty for clock in clocks if clock.duty != REPORT for duty in _first(clock, life, change_anchor)]
    older = [_overtaken(old, new, at) for (old, _), (new, at) in pairwise(reports)]
    ordered = sorted([*older, *others], key=lambda duty: (duty.due_at is None, duty.due_at or life[0].at))
    return (*ordered, *(duty for duty, _ in reports[-1:]))


def _reports(
    life: tuple[Stage, ...], clocks: tuple[Clock, ...], rule: TrackRule, change_anchor: str
) -> list[tuple[Duty, datetime]]:
    found = []
    for before, stage in zip((None, *life), life, strict=False):
        owed = [clock for clock in clocks if clock.duty == REPORT and runs(clock, stage)]
        if owed and (before is None or _raised(before, stage, rule)):
            found.append((_start(owed[0], stage, life[0], change_anchor), stage.at))
    return found


def _raised(before: Stage, after: Stage, rule: TrackRule) -> bool:
    """A first grade is a rise from unknown; so is a faster track, whatever the grade."""
    was, now = before.graded(rule.regime), after.graded(rule.regime)
    return (now or 0) > (was or 0) or (after.track != before.track and after.track != rule.slow)


def _overtaken(old: Duty, new: Duty, at: datetime) -> Duty:
    """A newer report stands for the older one, unless it would only be due later: no change buys time."""
    sooner = new.due_at is not None and old.due_at is not None and new.due_at <= old.due_at
    return replace(old, superseded_at=at) if sooner else old


def _first(clock: Clock, life: tuple[Stage, ...], change_anchor: str) -> list[Duty]:
    """The duty from the first stage that calls for it: what has once arisen does not fall away by itself."""
    return [_start(clock, stage, life[0], change_anchor) for stage in life if runs(clock, stage)][:1]


def runs(clock: Clock, stage: Stage) -> bool:
    """Whether this clock runs for an incident that stands so."""
    if clock.duty == NOTICE and not stage.neighbours.due:
        return False
    if clock.regime != ANY_REGIME and all(grading.regime != clock.regime for grading in stage.gradings):
        return False
    if clock.grades and stage.graded(clock.regime) not in clock.grades:
        return False
    return clock.track in ("", stage.track)


def _start(clock: Clock, stage: Stage, first: Stage, change_anchor: str) -> Duty:
    if clock.anchor != LEARNED:
        return Duty(clock, clock.anchor, None, None)
    running = timedelta(hours=clock.hours)
    learned = Duty(clock, LEARNED, stage.learned_at, stage.learned_at + running)
    changed = Duty(clock, CHANGED, stage.at, stage.at + running)
    if stage is first:
        return learned
    if not clock.hours:  # nobody can tell at once what is not yet known
        return changed
    if change_anchor == "earlier":
        return min(learned, changed, key=lambda duty: duty.due_at or stage.at)
    return changed if change_anchor == "from_change" else learned


def working_days(start: date, days: int, holidays: frozenset[date] = frozenset()) -> date:
    """The day ``days`` working days 工作日 after ``start``, which itself doesn't count.

    holidays  days off besides Saturdays and Sundays (法定节假日, 国务院办公厅 each year)

    >>> working_days(date(2026, 3, 6), 1).isoformat()
    '2026-03-09'
    """
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5 and day not in holidays
    return day
