"""Builders: series of made-up air."""

from datetime import datetime

import numpy as np

from coordinator import rulebook
from rules.spells import BEIJING, Series

START = datetime(2024, 12, 1, tzinfo=BEIJING)
CLEAN, HEAVY, SEVERE = 30.0, 200.0, 300.0  # µg/m³: AQI 43, 250, 350
PLAN = rulebook.edition("national/2024")
STANDARDS = rulebook.standards()
NAN = float("nan")


def hours(*stretches: tuple[int, float], start: datetime = START, city: str = "130100") -> Series:
    """(count, µg/m³) stretches end to end."""
    return Series(city, start, np.concatenate([np.full(count, value) for count, value in stretches]))
