"""Data files as the commands see them: cities by their known names, series by city, refusals that name the file."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from coordinator import rulebook
from coordinator.errors import Refusal
from coordinator.feeds.files import Table, need, read
from coordinator.tabular.times import aware, stamp
from rules.spells import Series

OTHERS = ("PM10", "SO2", "NO2", "O3", "O3_8h", "CO")


def load(path: str) -> Table:
    """A file of readings with the project's names of cities, stations and limits."""
    return read(path, naming=naming, station_cities=_station_names(), limits=rulebook.limits())


def naming(word: str) -> str:
    """The short Chinese name of a city we know; any other name as it is."""
    found = rulebook.find_city(word)
    return found.name if found else word.strip()


def _station_names() -> dict[str, str]:
    return {station: rulebook.city(code).name for station, code in rulebook.station_cities().items()}


def code_of(name: str) -> str:
    """The six-digit code of a city, or its name when we know no code."""
    found = rulebook.find_city(name)
    return found.code if found else name


def placed(table: Table, cities: Sequence[str]) -> Table:
    """Rows without a city belong to the one city asked for; Refusal when that can't be told."""
    if not (table.city_of < 0).any():
        return table
    if len(cities) == 1 and (not table.cities or naming(cities[0]) in table.cities):
        return table.named(naming(cities[0]))
    if not table.cities:
        what = "站点" if len(table.stations) else "行"
        raise Refusal(f"{table.path}:没有城市列,不知道{what}属于哪个城市;请加 --city,或在文件中补上 city 列")
    return table


def chosen(table: Table, cities: Sequence[str], region: str | None) -> list[str]:
    """The cities asked for that the file has; all of the file without --city and --region."""
    if not cities and not region:
        return list(table.cities)
    wanted = [naming(word) for word in cities]
    for name, word in zip(wanted, cities, strict=True):
        if name not in table.cities:
            rulebook.city(word) if not rulebook.find_city(word) and word not in table.cities else None
            few = "、".join(table.cities[:8]) + ("…" if len(table.cities) > 8 else "")
            raise Refusal(f"{table.path}:文件中没有城市“{word}”,有:{few}")
    if region:
        names = [naming(code) for code in rulebook.region(region)]
        wanted += [name for name in names if name in table.cities]
        if not wanted:
            raise Refusal(f"{table.path}:文件中没有区域 {region} 的任何城市")
    return list(dict.fromkeys(wanted))


def series(table: Table, city: str) -> Series:
    """One city's hourly series over the whole file; Refusal without PM2.5."""
    need(table, "PM2.5")
    others = {name: table.hourly(city, name) for name in OTHERS if name in table.values}
    return Series(code_of(city), aware(table.axis[0]), table.hourly(city, "PM2.5"), others)


def entry(series: Series, at: datetime) -> int:
    """The entry of an hour in a series."""
    return int((stamp(at) - stamp(series.start)).astype(int))


def last_valid(series: Series) -> int:
    """The last entry with a PM2.5 value, -1 without one."""
    known = np.flatnonzero(~np.isnan(series.pm25))
    return int(known[-1]) if len(known) else -1
