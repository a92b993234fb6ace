"""Which cities and regions are there, where do they lie, who borders whom, and how do people spell them?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache
from math import nan
from typing import Any

from coordinator.errors import Refusal
from coordinator.rulefiles import SETS, read
from rules import strict
from rules.rulesets import NATION

MUNICIPALITIES = ("110000", "120000", "310000", "500000")
_SUFFIXES = ("市", "地区", "盟", "省")


@dataclass(frozen=True, slots=True)
class City:
    """A city as GB/T 2260 codes it; ``tile`` is its (column, row) on the schematic map, None outside the region.

    Far from the region ``lon`` and ``lat`` are nan: such a city is known by code and Chinese name alone, and ``name_en``
    is that name.
    """

    code: str
    name: str
    name_en: str
    province: str
    province_en: str
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


@cache
def gazetteer() -> tuple[City, ...]:
    """The cities of the region and round it, known with place and neighbours; `find_city` knows the nation's others."""
    table, where = read(SETS / "regions" / "cities.toml"), "regions/cities.toml city[{}]"
    return tuple(_city(row, table["province_en"], where.format(place)) for place, row in enumerate(table["city"]))


def _city(row: Mapping[str, Any], provinces: Mapping[str, str], where: str) -> City:
    kinds: dict[str, type] = {
        "code": str, "name": str, "name_en": str, "province": str, "lon": float, "lat": float,
    }  # fmt: skip
    strict.check(row, where, required=kinds, optional={"tile": list, "neighbours": list})
    tile = (int(row["tile"][0]), int(row["tile"][1])) if "tile" in row else None
    plain = {key: row[key] for key in kinds} | {"province_en": provinces[row["province"]]}
    return City(**plain, tile=tile, neighbours=tuple(row.get("neighbours", ())))


@cache
def cities() -> tuple[City, ...]:
    """The cities on the schematic map: the regions and what is attached to them."""
    return tuple(city for city in gazetteer() if city.tile is not None)


@cache
def _elsewhere() -> dict[str, City]:
    """The other cities of the nation by code, short name and full name."""
    lines = read(SETS / "regions" / "elsewhere.toml")["places"].split("\n")
    words: dict[str, City] = {}
    for code, name, written, province in (line.split() for line in lines if line):
        place = City(code, name, name, province, province, lon=nan, lat=nan, tile=None, neighbours=())
        words |= dict.fromkeys((code, name, written, _plain(written)), place)
        words |= {f"{name}州": place} if written.endswith("自治州") else {}  # as the national publication writes it
    return words


@cache
def _by_word() -> dict[str, City]:
    words = {city.code: city for city in gazetteer()}
    words |= {city.name: city for city in gazetteer()}
    words |= {_plain(city.name): city for city in gazetteer()}
    words |= {word: place for word, place in _elsewhere().items() if word not in words}
    return words | {f"{code[:2]}0100": words[code] for code in MUNICIPALITIES}


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
def station_cities() -> dict[str, str]:
    """City codes of station names that come without one."""
    groups = read(SETS / "regions" / "stations.toml")["group"]
    return {name: group["city"] for group in groups for name in group["names"]}
