"""How would it have gone with the forecasts of the day instead of perfect ones?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from rules.aqi import Standard
from rules.backtest import Era
from rules.causes import EVERY_HOUR_COUNTS, CausePolicy
from rules.episodes import foresee
from rules.lifecycle import Change, ChangeKind, Standing, decide
from rules.rulesets import RuleSet
from rules.spells import DAY, Series, joined


@dataclass(frozen=True, slots=True)
class Issue:
    """One forecast: hourly PM2.5, µg/m³, known from ``issued_at`` on; None = known all along."""

    issued_at: datetime | None
    series: Series


def replay(
    observed: Series,
    issues: Sequence[Issue],
    eras: Sequence[Era],
    standards: Sequence[Standard],
    *,
    foresight: int,
    first: int = 0,
    beyond: int | None = None,
    policy: CausePolicy = EVERY_HOUR_COUNTS,
) -> Iterator[Change]:
    """The notable changes of one city's alert when every hour knows the past and the latest forecast issued by then.

    observed  hourly PM2.5, µg/m³; issues  forecasts in any order; foresight  hours of them that are looked at
    Hours no forecast covers are missing, so that nothing starts or ends on them.
    """
    ordered = sorted(issues, key=lambda issue: issue.issued_at or datetime.min.replace(tzinfo=observed.start.tzinfo))
    standing: Standing | None = None
    latest: datetime | None = None
    blind = False
    for now in range(first, len(observed) if beyond is None else min(beyond, len(observed))):
        ruleset = _bound(eras, now)
        if ruleset is None:
            continue
        air = _air(observed, ordered, now, back=ruleset.longest_hours + 2 * DAY, foresight=foresight)
        change = None
        if standing is not None or not _harmless(air, ruleset):
            grading = foresee(air, ruleset, standards, at=observed.at(now), horizon=foresight, policy=policy)
            change = decide(standing, grading, ruleset.hysteresis, decided_at=observed.at(now))
        if change is None or not change.notable or (blind and change.kind is ChangeKind.UNKNOWN):
            blind = blind and change is not None and change.kind is ChangeKind.UNKNOWN
            continue
        blind, standing = change.kind is ChangeKind.UNKNOWN, change.standing
        latest = change.at if latest is None else max(latest, change.at)
        yield replace(change, at=latest)


def _bound(eras: Sequence[Era], now: int) -> RuleSet | None:
    return next((era.ruleset for era in reversed(eras) if era.first <= now), None)


def _air(observed: Series, issues: Sequence[Issue], now: int, *, back: int, foresight: int) -> Series:
    """What entry ``now`` knows: ``back`` observed hours and ``foresight`` hours of the latest forecast issued by then."""
    at = observed.at(now)
    known = [issue for issue in issues if issue.issued_at is None or issue.issued_at <= at]
    ahead = known[-1].series if known else Series(observed.city, at, np.zeros(0))
    ahead = ahead.between(ahead.index(at), ahead.index(at) + foresight)
    return joined(observed.between(now - back, now), ahead, at=at)


def _harmless(air: Series, ruleset: RuleSet) -> bool:
    """Complete air whose worst hour is cleaner than any threshold: nothing can start (AQI < 2 × µg/m³ of PM2.5)."""
    lowest = min(spell.above for criterion in ruleset.criteria for row in criterion.when for spell in row)
    return not np.isnan(air.pm25).any() and float(air.pm25.max(initial=0)) < lowest / 2
