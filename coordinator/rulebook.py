"""Where the rules are kept: editions, standards and policies by what people call them."""

import re
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.errors import Misconfigured, Refusal
from coordinator.gazetteer import (
    City,
    Region,
    cities,
    city,
    find_city,
    find_region,
    gazetteer,
    places,
    region,
    regions,
    station_cities,
)
from coordinator.rulefiles import SETS, read
from rules import editions as edition_files
from rules import rulesets, strict
from rules.levels import Level
from rules.rulesets import RuleSet

if TYPE_CHECKING:
    from rules.aqi import Standard
    from rules.causes import CausePolicy
    from rules.joint import Policy
    from rules.quality import Limits as QualityLimits

__all__ = [
    "SETS",
    "City",
    "Region",
    "cities",
    "city",
    "find_city",
    "find_region",
    "gazetteer",
    "places",
    "read",
    "region",
    "regions",
    "station_cities",
]


@cache
def editions() -> tuple[RuleSet, ...]:
    """Every alert edition, by place and date."""
    files = [path for path in sorted((SETS / "alerts").glob("*/*.toml")) if not path.name.endswith(".cases.toml")]
    found = [_edition(path) for path in files]
    return tuple(sorted(found, key=lambda ruleset: (ruleset.edition.place_code, ruleset.edition.in_force_from)))


def _edition(path: Path) -> RuleSet:
    name = path.relative_to(SETS).as_posix()
    try:
        return edition_files.parse(read(path), id=f"{path.parent.name}/{path.stem}", where=f"rules/sets/{name}")
    except strict.InvalidRuleSet as error:
        raise Misconfigured(f"规则文件有误:{error}") from error


def edition(text: str) -> RuleSet:
    """An edition by id, alias or document number; Refusal names near matches."""
    wanted = _folded(text)
    words: dict[str, RuleSet] = {}
    for ruleset in editions():
        for word in (ruleset.id, *ruleset.edition.aliases, ruleset.edition.document):
            words[_folded(word)] = ruleset
    if wanted in words:
        return words[wanted]
    near = [words[word].id for word in get_close_matches(wanted, list(words), n=3, cutoff=0.5)]
    hint = "、".join(dict.fromkeys(near)) or "、".join(ruleset.id for ruleset in editions())
    raise Refusal(f"没有“{text}”这个预案版本,可用:{hint}(liandong rules list 列出全部)")


def _folded(text: str) -> str:
    return re.sub(r"[\s/_-]", "-", text.strip().lower()).translate(str.maketrans("[]()()", "〔〕〔〕〔〕"))


def edition_for(city: str, day: date) -> RuleSet:
    """The edition that binds in a city on a day; Refusal when none was in force yet."""
    try:
        return rulesets.in_force(editions(), places(city, day), day)
    except LookupError as error:
        raise Refusal(f"{error.args[0]};请用 --ruleset 指明版本") from error


def cases(ruleset: RuleSet) -> list[dict[str, Any]]:
    """The edition's own cases, as written beside it."""
    path = SETS / "alerts" / f"{ruleset.id}.cases.toml"
    return list(read(path)["case"]) if path.exists() else []


@cache
def standards() -> tuple["Standard", ...]:
    """The AQI standards, by date."""
    from rules import aqi  # numpy is loaded only by those who compute

    found = [aqi.parse(read(path), id=path.stem, where=f"aqi/{path.name}") for path in (SETS / "aqi").glob("hj*.toml")]
    return tuple(sorted(found, key=lambda standard: standard.in_force_from))


def standard(text: str) -> "Standard":
    """An AQI standard by id, e.g. ``hj633-2026``; Refusal lists the known ones."""
    wanted = re.sub(r"[\s_]", "", text.strip().lower()).replace("hj633", "hj633").replace("hj-633", "hj633")
    for found in standards():
        if wanted == found.id:
            return found
    raise Refusal(f"没有“{text}”这个 AQI 标准,可用:{'、'.join(found.id for found in standards())}")


def aqi_standard(day: date) -> "Standard":
    """The AQI standard of a reading's own day."""
    from rules import aqi

    return aqi.on(standards(), day)


@cache
def cause_policy() -> "CausePolicy":
    """Which hours are dust or fireworks."""
    from rules import causes

    return causes.parse(read(SETS / "alerts" / "causes.toml"), where="alerts/causes.toml")


@cache
def joint_policy() -> "Policy":
    """When a region acts together."""
    from rules import joint

    return joint.parse(read(SETS / "regions" / "joint.toml"), where="regions/joint.toml")


def level(text: str) -> Level:
    """A level a person typed; Refusal lists the known words."""
    try:
        return Level.parse(text)
    except ValueError as error:
        raise Refusal(str(error)) from error


@cache
def limits() -> dict[str, float]:
    """Pollutant → highest believable concentration, µg/m³ (CO mg/m³)."""
    table = read(SETS / "aqi" / "quality.toml")
    return {name: float(value) for name, value in table["highest"].items()}


@cache
def quality_limits() -> "QualityLimits":
    """The numbers of the station checks."""
    from rules import quality

    return quality.parse(read(SETS / "aqi" / "quality.toml"), where="aqi/quality.toml")
