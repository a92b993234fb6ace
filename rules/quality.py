"""Which readings may be believed 数据审核: range, step, flat line, co-pollutant ratio, neighbours, leave-one-out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.aqi import Averaging, Floats, Standard, iaqi
from rules.spells import VALID_HOURS, Flags
from rules.strict import check as check_keys

CITY_SHARE = 0.75  # HJ 663: a city's mean needs three quarters of its stations


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of the checks; sets/aqi/quality.toml says what each means."""

    highest: Mapping[str, float]
    flat_hours: int
    flat_above: float
    step_ratio: float
    step_least: float
    pair_highest: float
    pair_lowest: float
    near_ratio: float
    near_least: float
    near_count: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """Why readings of one station were set aside: ``hours`` of them, from entry ``first`` on."""

    station: int
    pollutant: str
    reason: str
    first: int
    hours: int


@dataclass(frozen=True, slots=True)
class Checked:
    """Believable values (nan = missing or set aside), shape (hours, stations) each, and every reason."""

    values: dict[str, Floats]
    suspects: tuple[Suspect, ...]


def check(values: Mapping[str, Floats], limits: Limits) -> Checked:
    """Set aside what can't be believed, naming the reason; never changes a value, never fills one.

    values  pollutant → shape (hours, stations), µg/m³ (CO mg/m³), nan = missing

    Each check looks both ways: a station stuck low hides an episode as surely as one stuck high invents one. A jump or
    a difference counts only where it isn't shared: weather moves all stations, an instrument moves alone.
    Source: RELIABILITY A1–A2 (station spikes, cotton and mist guns); numbers are the project's own.
    """
    kept = {name: np.array(column, dtype=np.float64) for name, column in values.items()}
    suspects: list[Suspect] = []
    for name, column in kept.items():
        highest = limits.highest.get(name, float("inf"))
        beyond = ~np.isnan(column) & ~((column >= 0) & (column <= highest))
        suspects += _set_aside(kept, name, "range", beyond)
        suspects += _set_aside(kept, name, "flat", _flat(kept[name], limits))
        suspects += _set_aside(kept, name, "neighbours", _unlike_others(kept[name], limits))
        suspects += _set_aside(kept, name, "step", _jumps(kept[name], limits))
    if {"PM2.5", "PM10"} <= kept.keys():
        suspects += _set_aside(kept, "PM2.5", "ratio", _odd_pairs(kept["PM2.5"], kept["PM10"], limits))
    return Checked(kept, tuple(suspects))


def _set_aside(kept: dict[str, Floats], name: str, reason: str, where: Flags) -> list[Suspect]:
    """Blank the readings at ``where`` and say which they were."""
    kept[name] = np.where(where, np.nan, kept[name])
    runs = [(int(station), np.flatnonzero(where[:, station])) for station in np.flatnonzero(where.any(axis=0))]
    return [Suspect(station, name, reason, int(hours[0]), len(hours)) for station, hours in runs]


def _flat(values: Floats, limits: Limits) -> Flags:
    """Runs of ``flat_hours`` or more equal readings above the instrument's own step; a gap ends a run."""
    answer = np.zeros(values.shape, dtype=np.bool_)
    same = np.zeros(values.shape, dtype=np.int64)
    for hour in range(1, len(values)):
        same[hour] = np.where(values[hour] == values[hour - 1], same[hour - 1] + 1, 0)
    long = (same >= limits.flat_hours - 1) & (values > limits.flat_above)
    for hour, station in np.argwhere(long):
        answer[hour - same[hour, station] : hour + 1, station] = True
    return answer


def _others(values: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """For every reading the median of the other stations at that hour, and how many they are: leave-one-out."""
    medians = np.full(values.shape, np.nan)
    stations = values.shape[1]
    counts = (~np.isnan(values)).sum(axis=1)[:, None] - ~np.isnan(values)
    for station in range(stations):
        rest = np.delete(values, station, axis=1)
        known = ~np.isnan(rest).all(axis=1) if stations > 1 else np.zeros(len(values), dtype=np.bool_)
        if known.any():
            medians[known, station] = np.nanmedian(rest[known], axis=1)
    return medians, np.asarray(counts, dtype=np.int64)


def _unlike_others(values: Floats, limits: Limits) -> Flags:
    medians, counts = _others(values)
    far = np.abs(values - medians) >= limits.near_least
    high = values > limits.near_ratio * medians
    low = values * limits.near_ratio < medians
    return np.asarray((counts >= limits.near_count) & far & (high | low))


def _jumps(values: Floats, limits: Limits) -> Flags:
    """One hour alone far above or below both hours around it."""
    answer = np.zeros(values.shape, dtype=np.bool_)
    if len(values) < 3:
        return answer
    before, now, after = values[:-2], values[1:-1], values[2:]
    high, low = np.fmax(before, after), np.fmin(before, after)
    up = (now > limits.step_ratio * high) & (now - high >= limits.step_least)
    down = (now * limits.step_ratio < low) & (low - now >= limits.step_least)
    answer[1:-1] = (up | down) & ~np.isnan(before) & ~np.isnan(after)
    return answer


def _odd_pairs(fine: Floats, coarse: Floats, limits: Limits) -> Flags:
    """PM2.5 above PM10 (of which it is part), or next to nothing of it while the other stations show no dust."""
    ratio = fine / np.where(coarse > 0, coarse, np.nan)
    others, counts = _others(ratio)
    too_high = (ratio > limits.pair_highest) & (fine - coarse >= 20)
    alone_low = (ratio < limits.pair_lowest) & (counts >= limits.near_count) & (others > 5 * limits.pair_lowest)
    return np.asarray(too_high | (alone_low & (coarse >= limits.near_least)))


def city_mean(values: Floats, *, share: float = CITY_SHARE) -> Floats:
    """Mean of the valid stations of each hour, nan where fewer than ``share`` of them are valid.

    values  shape (hours, stations), µg/m³. Source: HJ 663-2013.

    >>> city_mean(np.array([[100.0, 200.0, np.nan, np.nan]]))
    array([nan])
    """
    valid = (~np.isnan(values)).sum(axis=1)
    enough = (valid > 0) & (valid >= share * values.shape[1])
    return np.where(enough, np.nansum(values, axis=1) / np.maximum(valid, 1), np.nan)


def depends_on_one_station(values: Floats, standard: Standard, thresholds: Sequence[int]) -> int | None:
    """The station without which the mean of these hours crosses a threshold the other way; None when none does.

    values      shape (hours, stations), µg/m³ PM2.5: the window that decided
    thresholds  AQI values the decision compared with, e.g. (150, 200, 300)

    Such a level "depends on one station" and needs looking at before it is signed (RELIABILITY §4.12).
    """
    whole = _side(values, standard, thresholds)
    if whole is None or values.shape[1] < 2:
        return None
    for station in range(values.shape[1]):
        if _side(np.delete(values, station, axis=1), standard, thresholds) != whole:
            return station
    return None


def _side(values: Floats, standard: Standard, thresholds: Sequence[int]) -> int | None:
    hourly = city_mean(values)
    if (~np.isnan(hourly)).sum() < min(VALID_HOURS, len(hourly)):
        return None
    index = float(iaqi(float(np.nanmean(hourly)), "PM2.5", standard, averaging=Averaging.DAILY))
    return sum(index > threshold for threshold in thresholds)


def parse(table: Mapping[str, Any], *, where: str) -> Limits:
    """Limits from a TOML table; InvalidRuleSet names file and place."""
    kinds: dict[str, type] = {name: float for name in Limits.__dataclass_fields__ if name != "highest"}
    check_keys(table, where, required={"highest": dict, "checks": dict}, optional={})
    check_keys(table["checks"], f"{where} checks", required=kinds, optional={})
    return Limits(highest=dict(table["highest"]), **table["checks"])
