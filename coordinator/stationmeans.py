"""What is a city's air by its stations: the mean of those that can be believed; does a level hang on one of them?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from coordinator import rulebook
from rules.aqi import Floats, on
from rules.quality import check, city_mean, depends_on_one_station
from rules.rulesets import RuleSet
from rules.spells import BEIJING

Values = dict[str, Floats]
FEWEST = 3  # stations; a city that has fewer needs them all
CHECKED = ("PM2.5", "PM10")  # what levels and their causes are made of
REASONS = {
    "range": "超出可能范围", "flat": "长时间不变", "neighbours": "与其他站点相差悬殊", "step": "突变",
    "ratio": "PM2.5 与 PM10 之比异常",
}  # fmt: skip


@dataclass
class Observed:
    """One city's observed hours. ``sources`` in order of trust; ``suspects`` are readings a check took out.

    stations  codes of the columns of ``pm25``, shape (hours, stations), believable values only; None for a city value
    """

    values: Values
    sources: list[str] = field(default_factory=list)
    suspects: list[str] = field(default_factory=list)
    stations: tuple[str, ...] = ()
    pm25: Floats | None = None

    def hangs_on(self, edition: RuleSet, at: datetime, first: int, beyond: int) -> str:
        """The station without which hours [first, beyond) would fall on another side of a threshold; "" when none."""
        if self.pm25 is None or not np.isfinite(self.pm25[first:beyond]).any():
            return ""
        thresholds = sorted({spell.above for row in edition.criteria for when in row.when for spell in when})
        standard = on(rulebook.standards(), at.astimezone(BEIJING).date())
        place = depends_on_one_station(self.pm25[first:beyond], standard, thresholds)
        return "" if place is None else self.stations[place]


def observed(names: Sequence[str], table: Values, *, past: int) -> Observed:
    """City means of [hour × station] tables, of which the first ``past`` hours can hold values.

    The mean needs three stations, and three quarters of those heard within the table's reach: one that fell silent
    yesterday is missing, not gone.
    """
    checked = check({name: table[name][:past] for name in CHECKED}, rulebook.quality_limits())
    beyond = len(next(iter(table.values()))) - past
    values = {name: np.pad(_mean(checked.values.get(name, kept[:past])), (0, beyond), constant_values=np.nan)
              for name, kept in table.items()}  # fmt: skip
    suspects = sorted({f"{names[one.station]} {one.pollutant} {REASONS[one.reason]}" for one in checked.suspects})
    return Observed(values, suspects=suspects, stations=tuple(names), pm25=checked.values["PM2.5"])


def _mean(values: Floats) -> Floats:
    valid = (~np.isnan(values)).sum(axis=1)
    return np.where(valid >= min(FEWEST, values.shape[1]), city_mean(values), np.nan)
