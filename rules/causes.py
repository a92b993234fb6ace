"""Was it dust or fireworks rather than an episode? Such hours end in a health notice, not in cuts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.aqi import Floats
from rules.spells import BEIJING, DAY, VALID_HOURS, Series, sums_24h, valid_hours
from rules.strict import check


class Cause(IntEnum):
    """Why an hour doesn't count towards a start; NONE = it counts."""

    NONE = 0
    DUST = 1
    FIREWORKS = 2


# hours after 正月初一 00:00: New Year's eve to noon, and the Lantern Festival's night
_NIGHTS = ((-6, 12), (14 * DAY + 18, 15 * DAY + 6))
CHINESE = {Cause.NONE: "", Cause.DUST: "沙尘", Cause.FIREWORKS: "烟花爆竹"}


@dataclass(frozen=True, slots=True)
class CausePolicy:
    """The numbers behind the two exclusions.

    dust_pm10, dust_ratio   an hour is dust when PM10 (µg/m³) is at least this and PM2.5/PM10 below the ratio
    fireworks_ratio         on a listed night an hour counts as fireworks above so many times the day before's median
    nights                  the first days of lunar years 正月初一
    veto_hours              a 24-hour window with more excluded hours than this is judged as if they were clean
    """

    dust_pm10: float
    dust_ratio: float
    fireworks_ratio: float
    veto_hours: int
    nights: tuple[date, ...]


EVERY_HOUR_COUNTS = CausePolicy(
    dust_pm10=float("inf"), dust_ratio=0.0, fireworks_ratio=float("inf"), veto_hours=DAY, nights=()
)


def causes(series: Series, policy: CausePolicy) -> npt.NDArray[np.int8]:
    """The Cause of every hour, shape (hours,); dust needs PM10 in the series, fireworks only the calendar.

    Source: 环大气〔2024〕6号 (dust and local blowing dust end in a health notice); numbers in sets/alerts/causes.toml.
    """
    answer = np.zeros(len(series), dtype=np.int8)
    answer[_fireworks(series, policy)] = Cause.FIREWORKS
    pm10 = series.others.get("PM10")
    if pm10 is not None:
        dusty = (pm10 >= policy.dust_pm10) & (series.pm25 < policy.dust_ratio * pm10)
        answer[dusty] = Cause.DUST
    return answer


def _fireworks(series: Series, policy: CausePolicy) -> list[int]:
    hours: list[int] = []
    for night in policy.nights:
        new_year = datetime(night.year, night.month, night.day, tzinfo=BEIJING)
        for began, ended in _NIGHTS:
            first, beyond = (series.index(new_year + timedelta(hours=hour)) for hour in (began, ended))
            hours += _spiking(series, max(first, 0), min(beyond, len(series)), policy.fireworks_ratio)
    return hours


def _spiking(series: Series, first: int, beyond: int, ratio: float) -> list[int]:
    before = series.pm25[max(first - DAY, 0) : first]
    known = before[~np.isnan(before)]
    if beyond <= first or not len(known):
        return []
    ceiling = ratio * float(np.median(known))
    return [hour for hour in range(first, beyond) if series.pm25[hour] > ceiling]


def attributable_means(series: Series, excluded: npt.NDArray[np.int8], policy: CausePolicy) -> Floats:
    """24-hour means of PM2.5 over [i, i+24) that may count towards a start; µg/m³, nan = fewer than 20 valid hours.

    Excluded hours never raise a mean: it is the lower of the mean with and without them, and where they fill more
    than ``veto_hours`` of the window they count as clean air.
    """
    values = np.round(np.nan_to_num(series.pm25) * 1e4).astype(np.int64)
    valid = valid_hours(series.pm25)
    everything = sums_24h(values) / (1e4 * np.maximum(valid, 1))
    if excluded.any():
        counts = ~np.isnan(series.pm25)
        kept = counts & (excluded == Cause.NONE)
        rest, left = sums_24h(np.where(kept, values, 0)) / 1e4, sums_24h(kept)
        lower = np.minimum(everything, rest / np.maximum(left, 1))
        everything = np.where(valid - left > policy.veto_hours, rest / np.maximum(valid, 1), lower)
    return np.where(valid >= VALID_HOURS, everything, np.nan)


def parse(table: Mapping[str, Any], *, where: str) -> CausePolicy:
    """A CausePolicy from a TOML table; InvalidRuleSet names file and place."""
    numbers = {"dust_pm10": float, "dust_ratio": float, "fireworks_ratio": float, "veto_hours": int}
    check(table, where, required={**numbers, "nights": list, "source": str}, optional={"note": str})
    return CausePolicy(**{key: table[key] for key in numbers}, nights=tuple(table["nights"]))
