"""Several files as one record: each city's hours over all of them, the later file counting where both speak."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coordinator.cli import tables
from coordinator.errors import Refusal
from coordinator.feeds.files import Table, need
from coordinator.tabular.cells import Floats
from coordinator.tabular.times import Hours, aware
from rules.spells import Series


@dataclass(frozen=True)
class Record:
    """Files read together; ``axis`` runs from the first to the last hour of any of them."""

    files: tuple[Table, ...]

    @cached_property
    def axis(self) -> Hours:
        return np.arange(min(file.axis[0] for file in self.files), max(file.axis[-1] for file in self.files) + 1)

    @property
    def cities(self) -> list[str]:
        return list(dict.fromkeys(city for file in self.files for city in file.cities))

    @property
    def faults(self) -> dict[str, int]:
        return dict(sum((file.faults for file in self.files), Counter[str]()))

    @property
    def notes(self) -> list[str]:
        return list(dict.fromkeys(note for file in self.files for note in file.notes))

    def chosen(self, cities: Sequence[str], region: str | None) -> list[str]:
        """The cities asked for that any file has; Refusal for one that none has."""
        if len(self.files) == 1 or (not cities and not region):
            return tables.chosen(self.files[0], cities, region) if len(self.files) == 1 else self.cities
        found: list[str] = []
        refused: Refusal | None = None
        for file in self.files:
            try:
                found += tables.chosen(file, cities, region)
            except Refusal as error:
                refused = error
        if refused and not found:
            raise refused
        return list(dict.fromkeys(found))

    def hourly(self, city: str, name: str) -> Floats:
        line = np.full(len(self.axis), np.nan)
        for file in self.files:
            first = int((file.axis[0] - self.axis[0]).astype(int))
            part = file.hourly(city, name)
            there = line[first : first + len(part)]
            there[:] = np.where(np.isnan(part), there, part)
        return line

    def series(self, city: str) -> Series:
        names = [name for name in tables.OTHERS if any(name in file.values for file in self.files)]
        others = {name: self.hourly(city, name) for name in names}
        return Series(tables.code_of(city), aware(self.axis[0]), self.hourly(city, "PM2.5"), others)


def record(paths: Sequence[str], cities: Sequence[str]) -> Record:
    """Files read together; each must have PM2.5 and say, or be told, which city its rows are of."""
    files = tuple(tables.placed(tables.load(path), cities) for path in paths)
    for file in files:
        need(file, "PM2.5")
    return Record(files)
