"""Where the rules are kept: the only module that knows rules/sets holds air, city and region files."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.errors import Misconfigured, Refusal
from rules import rulesets, strict
from rules.levels import Level
from rules.rulesets import NATION, RuleSet

if TYPE_CHECKING:
    from rules.aqi import Standard
    from rules.causes import CausePolicy
    from rules.joint import Policy
    from rules.quality import Limits as QualityLimits

SETS = Path(rulesets.__file__).parent / "sets"
_SUFFIXES = ("市", "地区", "盟", "省")


@dataclass(frozen=True, slots=True)
class City:
    """A city as GB/T 2260 codes it; ``tile`` is its (column, row) on the schematic map, None outside the region."""

    code: str
    name: str
    province: str
    lon: float
    lat: float
    tile: tuple[int, int] | None
    neighbours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A joint-prevention region 联防联控区域 and the days its list of cities held."""

    id: str
    title: str
    aliases: tuple[str, ...]
    document: str
    in_force_from: date
    in_force_to: date | None
    cities: tuple[str, ...]
    attached: tuple[str, ...]
    confidence: str


def read(path: Path) -> dict[str, Any]:
    """A TOML file under rules/sets; what can't be read is a fault of the installation."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Misconfigured(f"规则文件 {path.relative_to(SETS)} 不在安装包中,请重新安装") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"规则文件 {path.relative_to(SETS)} 不是合法的 TOML:{error}") from error


@cache
def gazetteer() -> tuple[City, ...]:
    """Every city known by code and name."""
    path = SETS / "regions" / "cities.toml"
    return tuple(_city(row, f"regions/cities.toml city[{place}]") for place, row in enumerate(read(path)["city"]))


def _city(row: Mapping[str, Any], where: str) -> City:
    kinds: dict[str, type] = {"code": str, "name": str, "province": str, "lon": float, "lat": float}
    strict.check(row, where, required=kinds, optional={"tile": list, "neighbours": list})
    tile = (int(row["tile"][0]), int(row["tile"][1])) if "tile" in row else None
    return City(**{key: row[key] for key in kinds}, tile=tile, neighbours=tuple(row.get("neighbours", ())))


@cache
def cities() -> tuple[City, ...]:
    """The cities on the schematic map: the regions and what is attached to them."""
    return tuple(city for city in gazetteer() if city.tile is not None)


@cache
def _by_word() -> dict[str, City]:
    words = {city.code: city for city in gazetteer()}
    words |= {city.name: city for city in gazetteer()}
    words |= {_plain(city.name): city for city in gazetteer()}
    return words | {"110100": words["110000"], "120100": words["120000"]}


def _plain(name: str) -> str:
    word = name.strip().removesuffix("新区")
    for suffix in _SUFFIXES:
        if len(word) > len(suffix) + 1:
            word = word.removesuffix(suffix)
    return word


def find_city(text: str) -> City | None:
    """The city of a six-digit code, short name or name with 市; None when it isn't one we know."""
    word = text.strip()
    return _by_word().get(word) or _by_word().get(_plain(word))


def city(text: str) -> City:
    """The city a person means; Refusal names near matches."""
    found = find_city(text)
    if found:
        return found
    near = get_close_matches(text.strip(), list(_by_word()), n=3, cutoff=0.4)
    hint = f",是否应为 {'、'.join(near)}" if near else ""
    raise Refusal(f"没有“{text}”这个城市{hint}(可用六位代码如 130100,或中文名如 石家庄)")


@cache
def regions() -> tuple[Region, ...]:
    """The regions, newest first."""
    files = [path for path in sorted((SETS / "regions").glob("*.toml")) if "id" in read(path)]
    found = [_region(read(path), f"regions/{path.name}") for path in files]
    return tuple(sorted(found, key=lambda region: region.in_force_from, reverse=True))


def _region(table: Mapping[str, Any], where: str) -> Region:
    words: dict[str, type] = {"id": str, "title": str, "document": str, "in_force_from": date, "confidence": str}
    lists: dict[str, type] = {"aliases": list, "cities": list, "attached": list}
    strict.check(table, where, required={**words, **lists, "source": str}, optional={"in_force_to": date, "note": str})
    plain = {key: table[key] for key in words} | {key: tuple(table[key]) for key in lists}
    return Region(**plain, in_force_to=table.get("in_force_to"))


def find_region(text: str) -> Region:
    """A region by id or alias; Refusal lists the known ones."""
    for region in regions():
        if text.strip().lower() in (region.id, region.title, *region.aliases):
            return region
    raise Refusal(f"没有“{text}”这个区域,可用:{'、'.join(region.id for region in regions())}")


def region(text: str) -> tuple[str, ...]:
    """The codes of a region's cities, those attached included."""
    found = find_region(text)
    return found.cities + found.attached


def places(text: str, day: date) -> tuple[str, ...]:
    """Who may rule here, nearest first: city, province, regions of that day, nation. An unknown city has the nation."""
    found = find_city(text)
    if found is None:
        return (text, NATION)
    province = found.code[:2] + "0000"
    around = [
        region.id
        for region in regions()
        if found.code in region.cities + region.attached
        and region.in_force_from <= day
        and (region.in_force_to is None or day <= region.in_force_to)
    ]
    return tuple(dict.fromkeys((found.code, province, *around, NATION)))


@cache
def editions() -> tuple[RuleSet, ...]:
    """Every alert edition, by place and date."""
    files = [path for path in sorted((SETS / "alerts").glob("*/*.toml")) if not path.name.endswith(".cases.toml")]
    found = [_edition(path) for path in files]
    return tuple(sorted(found, key=lambda ruleset: (ruleset.edition.place_code, ruleset.edition.in_force_from)))


def _edition(path: Path) -> RuleSet:
    name = path.relative_to(SETS).as_posix()
    try:
        return rulesets.parse(read(path), id=f"{path.parent.name}/{path.stem}", where=f"rules/sets/{name}")
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


@cache
def station_cities() -> dict[str, str]:
    """City codes of station names that come without one."""
    groups = read(SETS / "regions" / "stations.toml")["group"]
    return {name: group["city"] for group in groups for name in group["names"]}


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
