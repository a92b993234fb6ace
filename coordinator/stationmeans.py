"""What is a city's air by its stations: the mean of those that can be believed; does it hang on one of them?"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rules.aqi import Floats

Values = dict[str, Floats]
FEWEST, SHARE = 3, 0.75


@dataclass
class Observed:
    """One city's observed hours. ``sources`` in order of trust; ``suspects`` are readings a check took out."""

    values: Values
    sources: list[str] = field(default_factory=list)
    suspects: list[str] = field(default_factory=list)
    stations: Values | None = None  # pollutant → [hour × station], checked; when the city mean was made of stations


def observed(names: Sequence[str], table: Values) -> Observed:
    """City means of [hour × station] tables: three stations at least, and three quarters of those there are."""
    return Observed({name: _mean(values) for name, values in table.items()}, stations=table)


def _mean(values: Floats) -> Floats:
    valid = (~np.isnan(values)).sum(axis=1)
    enough = (valid >= FEWEST) & (valid >= SHARE * values.shape[1])
    return np.where(enough, np.nansum(values, axis=1) / np.maximum(valid, 1), np.nan)
