"""A data file of readings or forecasts, read as it is published: which city had what air, hour by hour?"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from coordinator.errors import Refusal
from coordinator.tabular import columns, mends, shapes, times
from coordinator.tabular.cells import Floats

if TYPE_CHECKING:
    from coordinator.tabular.columns import Raw

STATION_SHARE = 0.75  # HJ 663: a city's hour needs three quarters of its stations


def _as_written(name: str) -> str:
    return name.strip().removesuffix("市") if len(name.strip()) > 2 else name.strip()


@dataclass(frozen=True)
class Table:
    """A file understood: long rows, 北京时间, µg/m³ (CO mg/m³), nan = missing.

    hours   datetime64[h], shape (rows,); values  standard column → shape (rows,)
    cities  names, each once; city_of  shape (rows,), index into ``cities``, -1 = the file doesn't say
    faults  reason → how many cells or rows weren't used; notes  what was mended
    """

    path: str
    hours: times.Hours
    values: Mapping[str, Floats]
    cities: tuple[str, ...]
    city_of: npt.NDArray[np.int64]
    stations: tuple[str, ...]
    station_of: npt.NDArray[np.int64]
    issued: times.Hours | None
    daily: bool
    faults: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
    original: "Raw | None" = None

    @cached_property
    def axis(self) -> times.Hours:
        """Every hour from the first to the last row, gaps included."""
        known = self.hours[~np.isnat(self.hours)]
        if not len(known):
            raise Refusal(f"{self.path}:没有时间列,应有 time(或 date 与 hour),例如 2024-01-30 08:00")
        return np.arange(known.min(), known.max() + 1)

    @cached_property
    def _rows_of(self) -> dict[int, npt.NDArray[np.int64]]:
        usable = np.flatnonzero(~np.isnat(self.hours))
        order = usable[np.argsort(self.city_of[usable], kind="stable")]
        codes, firsts = np.unique(self.city_of[order], return_index=True)
        return {int(code): rows for code, rows in zip(codes, np.split(order, firsts[1:]), strict=True)}

    def named(self, city: str) -> "Table":
        """The same rows, those without a city said to be of ``city``."""
        cities = self.cities if city in self.cities else (*self.cities, city)
        city_of = np.where(self.city_of < 0, cities.index(city), self.city_of)
        return replace(self, cities=cities, city_of=city_of)

    def only(self, rows: npt.NDArray[np.bool_]) -> "Table":
        """The rows chosen, and nothing else."""
        values = {name: column[rows] for name, column in self.values.items()}
        return replace(
            self,
            values=values,
            hours=self.hours[rows],
            city_of=self.city_of[rows],
            station_of=self.station_of[rows],
            issued=None if self.issued is None else self.issued[rows],
            original=None,
        )

    def cities_present(self) -> set[str]:
        """The cities that have a row."""
        return {self.cities[code] for code in np.unique(self.city_of) if code >= 0}

    def hourly(self, city: str, name: str) -> Floats:
        """One city's column on ``axis``: its own rows, or the mean of its stations where three quarters are valid.

        Of several rows for one hour the last that has a value counts; a daily value stands for each hour of its day.
        """
        values = self.values.get(name)
        if values is None or city not in self.cities:
            return np.full(len(self.axis), np.nan)
        rows = self._rows_of.get(self.cities.index(city), np.zeros(0, dtype=np.int64))
        own = self.station_of[rows]
        one = not len(own) or bool((own == own[0]).all())
        stations, where = (own[:1], np.zeros_like(own)) if one else np.unique(own, return_inverse=True)
        said = ~np.isnan(values[rows])
        rows, where = rows[said], where[said]
        places = (self.hours[rows] - self.axis[0]).astype(np.int64)
        if len(stations) <= 1:
            line = np.full(len(self.axis), np.nan)
            line[places] = values[rows]
            return _through_the_day(line) if self.daily else line
        return self._mean(values, rows, places, where)

    def _mean(
        self,
        values: Floats,
        rows: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64],
        where: npt.NDArray[np.int64],
    ) -> Floats:
        count = int(where.max(initial=0)) + 1
        grid = np.full((count, len(self.axis)), np.nan)
        grid[where, places] = values[rows]
        listed = _listed(grid)
        valid = (~np.isnan(grid)).sum(axis=0)
        enough = (valid > 0) & (valid >= STATION_SHARE * listed)
        return np.where(enough, np.nansum(grid, axis=0) / np.maximum(valid, 1), np.nan)


def _listed(grid: Floats) -> npt.NDArray[np.int64]:
    """How many stations count at each hour: those with any value in the 720 hours around (stations come and go)."""
    known = (~np.isnan(grid)).astype(np.int64)
    running = np.concatenate([np.zeros((len(grid), 1), dtype=np.int64), np.cumsum(known, axis=1)], axis=1)
    hours = np.arange(grid.shape[1])
    ends, begins = np.minimum(hours + 360, grid.shape[1]), np.maximum(hours - 360, 0)
    return np.asarray(((running[:, ends] - running[:, begins]) > 0).sum(axis=0))


def _through_the_day(line: Floats) -> Floats:
    days = np.arange(len(line)) // 24 * 24
    return line[days]


def read(
    path: str | Path,
    *,
    naming: Callable[[str], str] = _as_written,
    station_cities: Mapping[str, str] | None = None,
    limits: Mapping[str, float] | None = None,
) -> Table:
    """A csv, csv.gz, parquet, GeoJSON or XML file of air quality, long or wide, or as the national feed publishes it.

    naming          how a city's name in the file is said here, e.g. 石家庄市 → 石家庄
    station_cities  the city of stations that come without one
    limits          pollutant → highest believable value; what is above, negative or infinite is missing, counted

    Refusal names file, column and mend.
    """
    raw = columns.load(path)
    table = shapes.understood(raw, limits or {})
    mends.mend(table)
    cities, city_of = _cities(table, naming, station_cities or {})
    stations = table.stations
    return Table(
        path=str(path),
        hours=table.hours,
        values=table.values,
        cities=cities,
        city_of=city_of,
        stations=stations.words if stations else (),
        station_of=stations.codes if stations else np.zeros(len(table.hours), dtype=np.int64),
        issued=table.issued,
        daily=table.daily,
        faults=table.faults,
        notes=tuple(table.notes),
        original=table.original,
    )


def _cities(
    table: shapes.Long, naming: Callable[[str], str], station_cities: Mapping[str, str]
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    if table.cities:
        said, codes = [naming(word) if word.strip() else "" for word in table.cities.words], table.cities.codes
    elif table.stations:
        known = (station_cities.get(word.strip(), "") for word in table.stations.words)
        said, codes = [naming(city) if city else "" for city in known], table.stations.codes
    else:
        return (), np.full(len(table.hours), -1)
    names = tuple(dict.fromkeys(name for name in said if name))
    index = np.array([names.index(name) if name else -1 for name in said] or [-1])
    used = np.unique(index[codes])
    names_used = tuple(names[place] for place in used if place >= 0)
    remap = np.full(len(names) + 1, -1)
    for place, name in enumerate(names_used):
        remap[names.index(name)] = place
    return names_used, remap[index[codes]]


def need(table: Table, column: str) -> None:
    """Refuse a file without ``column``, or with nothing in it, in words that say what it has and what to do."""
    if column not in table.values:
        found = "、".join(table.values) or "无"
        raise Refusal(f"{table.path}:没有 {column} 列(有:{found});分级只看 {column},请补上该列")
    if np.isnan(table.values[column]).all():
        why = "、".join(f"{reason} {count} 处" for reason, count in table.faults.items()) or "全部缺测"
        raise Refusal(f"{table.path}:{column} 列没有一个可用的值({why}),请检查该列的内容")
