"""May the emergency monitoring end, and what must still be written afterwards? (应急终止与事后)"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rules.deadlines import working_days
from rules.incidents import Grade


@dataclass(frozen=True, slots=True)
class Sample:
    """All points of one sampling round: within the standard (or back to background) or not."""

    at: datetime
    within: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRule:
    """When the end of monitoring may be proposed: water by hours on end, anything else by results on end."""

    water_hours: float
    results: int
    clause: str
    confidence: str


def water_may_end(samples: Sequence[Sample], rule: EndRule) -> bool:
    """Whether every point of the water has been within the standard for the whole of the last hours.

    samples  oldest first; one round above the standard starts the hours anew; no rounds, no proposal
    Source: HJ 589-2021 §10, 48 h on end. 47 h and then one above: no proposal.
    """
    clean = _clean_tail(samples)
    return bool(clean) and clean[-1].at - clean[0].at >= timedelta(hours=rule.water_hours)


def other_may_end(samples: Sequence[Sample], rule: EndRule) -> bool:
    """Whether enough results on end lie within the standard, where it isn't water (HJ 589-2021 §10, three)."""
    return len(_clean_tail(samples)) >= rule.results


def _clean_tail(samples: Sequence[Sample]) -> Sequence[Sample]:
    start = max((n for n, sample in enumerate(samples, start=1) if not sample.within), default=0)
    return samples[start:]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A paper due after the emergency, counted in calendar or in working days, for some grades."""

    paper: str
    title: str
    by: str
    grades: tuple[Grade, ...]
    anchor: str
    clause: str
    confidence: str
    days: int = 0
    working_days: int = 0


@dataclass(frozen=True, slots=True)
class DuePaper:
    """A follow-up of this incident and the last day for it."""

    follow_up: FollowUp
    due_on: date


def aftermath(
    grade: Grade, ended_on: date, follow_ups: Sequence[FollowUp], holidays: frozenset[date] = frozenset()
) -> tuple[DuePaper, ...]:
    """What must be written once an emergency of this grade has ended, soonest first.

    ended_on  the day handling ended, Beijing time
    holidays  days off besides weekends, for what is counted in working days
    Source: 环境保护部令第32号 (investigation: 60 days for Ⅰ and Ⅱ, 30 for Ⅲ and Ⅳ).
    """
    due = [DuePaper(paper, _due_on(paper, ended_on, holidays)) for paper in follow_ups if grade in paper.grades]
    return tuple(sorted(due, key=lambda paper: paper.due_on))


def _due_on(paper: FollowUp, ended_on: date, holidays: frozenset[date]) -> date:
    if paper.working_days:
        return working_days(ended_on, paper.working_days, holidays)
    return ended_on + timedelta(days=paper.days)
