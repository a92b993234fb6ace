"""Years replayed from files: every alert's life, and what two editions would each have been worth."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from coordinator import rulebook
from coordinator.cli.merged import Record, record
from coordinator.cli.typed import moment
from coordinator.errors import Refusal
from coordinator.tabular.times import BEIJING, aware, stamp
from rules import backtest, hindcast
from rules.backtest import Era
from rules.hindcast import Issue
from rules.levels import Level
from rules.lifecycle import Change, ChangeKind
from rules.outlook import view
from rules.rulesets import RuleSet
from rules.spells import Series

HEAVY = 200  # AQI of heavy pollution 重度污染, the yardstick of a comparison


def eras(text: str, city: str, series: Series) -> list[Era]:
    """The edition named for the whole series, or with ``auto`` each that was in force, by its first hour."""
    if text != "auto":
        return [Era(0, rulebook.edition(text))]
    first, last = series.at(0).date(), series.at(len(series)).date()
    days = sorted({first, *(day for day in _turning_days() if first < day <= last)})
    found: list[Era] = []
    for day in days:
        ruleset = _bound(city, day)
        if not found or found[-1].ruleset is not ruleset:
            found.append(Era(max(series.index(datetime(day.year, day.month, day.day, tzinfo=BEIJING)), 0), ruleset))
    if all(era.ruleset is None for era in found):
        raise Refusal(f"{first} 至 {last} 没有在 {city} 施行的预案;请用 --ruleset 指明版本")
    return found


def _bound(city: str, day: date) -> RuleSet | None:
    try:
        return rulebook.edition_for(city, day)
    except Refusal:
        return None


def _turning_days() -> set[date]:
    starts = {scope.since for ruleset in rulebook.editions() for scope in ruleset.scope}
    ends = {ruleset.edition.in_force_to for ruleset in rulebook.editions() if ruleset.edition.in_force_to}
    regions = {region.in_force_from for region in rulebook.regions()}
    return starts | regions | {day + timedelta(days=1) for day in ends}


def period(record: Record, options: Mapping[str, Any]) -> tuple[int, int]:
    """Entries [first, beyond) to decide at: all, or from --from to --to, a day alone meaning all of it."""
    first, beyond = 0, len(record.axis)
    if options["from_text"]:
        first = max(_entry(record, moment(options["from_text"], "--from")), 0)
    if options["to_text"]:
        at = moment(options["to_text"], "--to")
        whole_day = len(options["to_text"].strip()) <= len("2024-01-30")
        beyond = min(_entry(record, at) + (24 if whole_day else 1), beyond)
    if first >= beyond:
        span = f"{record.axis[0]} 至 {record.axis[-1]}"
        raise Refusal(f"--from/--to 之间没有数据,文件中的时间为 {span}")
    return first, beyond


def _entry(record: Record, at: datetime) -> int:
    return int((stamp(at) - record.axis[0]).astype(int))


def foresight_of(hours: int | None, chosen: Sequence[Era]) -> int:
    """--foresight, else the longest spell of the editions with their lead time."""
    if hours is not None:
        return hours
    known = [era.ruleset for era in chosen if era.ruleset]
    return max(ruleset.longest_hours + ruleset.hysteresis.lead_hours for ruleset in known)


def lines(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every change of every city in the order decided, and the summary last."""
    archive = record(options["files"], options["city"])
    cities = archive.chosen(options["city"], options["region"])
    ahead = record([options["forecast"]], options["city"]) if options["forecast"] else None
    first, beyond = period(archive, options)
    found: list[tuple[Change, str]] = []
    tally = Tally(first, beyond)
    for city in cities:
        series = archive.series(city)
        chosen = eras(options["ruleset"], city, series)
        foresight = foresight_of(options["foresight"], chosen)
        shared = {"foresight": foresight, "first": first, "beyond": beyond, "policy": rulebook.cause_policy()}
        issues = forecasts(ahead, city) if ahead else None
        changes = _changes(series, issues, chosen, shared)
        tally.add(city, series, changes, foresight=foresight, eras=chosen)
        found += [(change, city) for change in changes]
    found.sort(key=lambda pair: (pair[0].decided_at, pair[0].at))
    rows = [change.as_json(city_name=city) for change, city in found]
    return [*rows, {"summary": tally.summary(archive)}]


def _changes(series: Series, issues: list[Issue] | None, chosen: list[Era], shared: dict[str, Any]) -> list[Change]:
    if issues is None:
        return list(backtest.replay(series, chosen, rulebook.standards(), **shared))
    return list(hindcast.replay(series, issues, chosen, rulebook.standards(), **shared))


def forecasts(ahead: Record, city: str) -> list[Issue]:
    """The forecasts of a city by the hour they were issued; a file that doesn't say is taken as always known."""
    file = ahead.files[0]
    if city not in file.cities:
        raise Refusal(f"{file.path}:预报文件中没有城市“{city}”,有:{'、'.join(file.cities[:8])}")
    if file.issued is None:
        return [Issue(None, ahead.series(city))]
    return [
        Issue(aware(issued), Record((file.only(file.issued == issued),)).series(city))
        for issued in np.unique(file.issued[~np.isnat(file.issued)])
        if city in file.only(file.issued == issued).cities_present()
    ]


class Tally:
    """The summary of a replay, city by city."""

    def __init__(self, first: int, beyond: int) -> None:
        self.first, self.beyond = first, beyond
        self.changes: Counter[str] = Counter()
        self.hours: Counter[str] = Counter()
        self.started: Counter[str] = Counter()
        self.rulesets: dict[str, None] = {}
        self.open: dict[str, str] = {}
        self.missing = 0
        self.cities: list[str] = []
        self.foresight = 0

    def add(self, city: str, series: Series, changes: Sequence[Change], *, foresight: int, eras: Sequence[Era]) -> None:
        self.cities.append(city)
        self.foresight = max(self.foresight, foresight)
        self.changes.update(change.kind.value for change in changes)
        self.started.update(change.level.word for change in changes if change.kind is ChangeKind.START)
        self.rulesets |= dict.fromkeys(change.grading.ruleset for change in changes)
        self.rulesets |= dict.fromkeys(era.ruleset.id for era in eras if era.ruleset and era.first < self.beyond)
        level = backtest.levels_by_hour(changes, series, self.beyond)[self.first : self.beyond]
        self.hours.update({one.word: int((level == one).sum()) for one in Level if one is not Level.PRE})
        self.missing += int(np.isnan(series.pm25[self.first : self.beyond]).sum())
        if changes and changes[-1].level > Level.NONE:
            self.open[city] = changes[-1].level.word

    def summary(self, archive: Record) -> dict[str, Any]:
        axis = archive.axis
        return {
            "cities": len(self.cities),
            "from": aware(axis[self.first]).isoformat(),
            "to": aware(axis[self.beyond - 1]).isoformat(),
            "foresight": self.foresight,
            "rulesets": list(self.rulesets),
            "changes": {kind.value: self.changes[kind.value] for kind in ChangeKind if kind.value in _TOLD},
            "started": dict(self.started),
            "city_hours": dict(self.hours),
            "missing_hours": self.missing,
            "still_open": self.open,
            "faults": archive.faults,
            "notes": archive.notes,
        }


_TOLD = ("start", "upgrade", "downgrade", "extend", "lift", "merge", "unknown")


def comparison(options: Mapping[str, Any]) -> dict[str, Any]:
    """Two (or more) editions over the same air: hits, misses, late, needless, lead times, city-hours by level."""
    archive = record(options["files"], options["city"])
    cities = archive.chosen(options["city"], options["region"])
    first, beyond = period(archive, options)
    rulesets = [rulebook.edition(text) for text in options["ruleset"]]
    foresight = foresight_of(options["foresight"], [Era(0, ruleset) for ruleset in rulesets])
    shared: dict[str, Any] = {
        "foresight": foresight,
        "first": first,
        "beyond": beyond,
        "policy": rulebook.cause_policy(),
    }
    scores: dict[str, list[backtest.Score]] = {ruleset.id: [] for ruleset in rulesets}
    differing = 0
    for city in cities:
        series = archive.series(city)
        courses = []
        for ruleset in rulesets:
            changes = list(backtest.replay(series, [Era(0, ruleset)], rulebook.standards(), **shared))
            scores[ruleset.id].append(_scored(series, ruleset, changes, (first, beyond)))
            courses.append(backtest.levels_by_hour(changes, series, beyond)[first:beyond])
        differing += int(np.any(np.stack(courses) != courses[0], axis=0).sum())
    return {
        "yardstick": f"AQI24>{HEAVY} 的连续重污染时段",
        "foresight": foresight,
        "cities": len(cities),
        "from": aware(archive.axis[first]).isoformat(),
        "to": aware(archive.axis[beyond - 1]).isoformat(),
        "rulesets": [_worth(ruleset, scores[ruleset.id]) for ruleset in rulesets],
        "city_hours_differing": differing,
    }


def _scored(series: Series, ruleset: RuleSet, changes: list[Change], period: tuple[int, int]) -> backtest.Score:
    seen = view(series, ruleset, rulebook.standards(), rulebook.cause_policy())
    return backtest.score(seen, changes, heavy=HEAVY, first=period[0], beyond=period[1])


def _worth(ruleset: RuleSet, scores: Sequence[backtest.Score]) -> dict[str, Any]:
    leads = [lead for score in scores for lead in score.lead_hours]
    quartiles = [float(value) for value in np.percentile(leads, [0, 25, 50, 75, 100])] if leads else []
    hours = {level.word: sum(score.hours[level] for score in scores) for level in Level if level is not Level.PRE}
    return {
        "ruleset": ruleset.id,
        "document": ruleset.edition.document,
        "hits": sum(score.hits for score in scores),
        "misses": sum(score.misses for score in scores),
        "late": sum(score.late for score in scores),
        "needless": sum(score.needless for score in scores),
        "lead_hours": {"count": len(leads), "quartiles": quartiles},
        "city_hours": hours,
    }
