"""How bad is the air: concentrations → IAQI → AQI, primary pollutant, category; nodes and rounding are an argument."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.strict import InvalidRuleSet, check

Floats = npt.NDArray[np.float64]

POLLUTANTS = ("PM2.5", "PM10", "SO2", "NO2", "O3", "O3_8h", "CO")
CATEGORIES = ("优", "良", "轻度污染", "中度污染", "重度污染", "严重污染")
_CATEGORY_TOPS = (50, 100, 150, 200, 300)
_NOISE = 9  # decimals: binary dust below this is not concentration


class Averaging(StrEnum):
    """What the columns hold: the values of a daily report, or of one hour."""

    DAILY = "24h"
    HOURLY = "1h"


@dataclass(frozen=True, slots=True)
class Standard:
    """One edition of the AQI standard: nodes in µg/m³ (CO mg/m³), rounding, what to do beyond and without."""

    id: str
    document: str
    in_force_from: date
    in_force_to: date | None
    iaqi: tuple[int, ...]
    nodes: Mapping[tuple[str, Averaging], tuple[float, ...]]
    reported: Mapping[Averaging, tuple[str, ...]]
    beyond: Mapping[str, str]
    rounds_half_even: bool
    publishes_only_above_100: bool
    hourly_pm_is_running: bool
    lowest: int


@dataclass(frozen=True, slots=True)
class Index:
    """Answer of `index`: one entry per row; nan where it can't be said.

    iaqi      per pollutant, shape (rows,)
    aqi       shape (rows,)
    primary   首要污染物, ties in the order of POLLUTANTS; empty when AQI ≤ 50
    category  优 … 严重污染, "" without an AQI
    """

    iaqi: dict[str, Floats]
    aqi: Floats
    primary: list[tuple[str, ...]]
    category: list[str]


def iaqi(concentration: npt.ArrayLike, pollutant: str, standard: Standard, *, averaging: Averaging) -> Floats:
    """Individual index 分指数, rounded up, 0–500; nan in, nan out.

    concentration  any shape, µg/m³ (CO mg/m³); negative is the caller's fault and gives nan
    averaging      which column of the node table: daily values or 1-hour means

    Source: HJ 633 formula (1), "全部进位取整数"; 2026 rounds the concentration half-even first.

    >>> iaqi([150.4], "PM2.5", hj633_2012, averaging=Averaging.DAILY)  # doctest: +SKIP
    array([201.])
    """
    values = np.asarray(concentration, dtype=np.float64)
    values = np.where(values >= 0, np.round(values, _NOISE), np.nan)
    if standard.rounds_half_even:
        values = _half_even(values, 1 if pollutant == "CO" else 0)
    nodes = standard.nodes[pollutant, averaging]
    exact = np.interp(values, nodes, standard.iaqi[: len(nodes)])
    index = np.ceil(np.round(exact, _NOISE))
    if standard.beyond.get(pollutant) in ("24h", "none") and len(nodes) < len(standard.iaqi):
        index = np.where(values > nodes[-1], np.nan, index)
    return np.maximum(index, standard.lowest)


def _half_even(values: Floats, decimals: int) -> Floats:
    """GB/T 8170 修约: scaled to whole numbers first, so 2.25 is a tie and stays one."""
    scale = 10.0**decimals
    return np.rint(np.round(values * scale, _NOISE)) / scale


def index(columns: Mapping[str, npt.ArrayLike], standard: Standard, *, averaging: Averaging) -> Index:
    """IAQI of each reported pollutant, AQI, primary pollutant, category, row by row.

    columns    pollutant → shape (rows,); a column that isn't there isn't monitored, a nan in it is missing;
               ``SO2_24h`` serves hours when SO2 is beyond its 1-hour table (2012)
    averaging  DAILY: means of the day, O3 and O3_8h its highest; HOURLY: 1-hour means, O3_8h the running mean

    Missing pollutants: 2012 marks them NA and takes the highest of the rest; 2026 publishes only above 100.
    """
    reported = [name for name in standard.reported[averaging] if name in columns]
    if not reported:
        expected = " ".join(standard.reported[averaging])
        raise ValueError(f"没有 {standard.document} 要求的污染物列,应有其中之一:{expected}")
    parts = {name: iaqi(columns[name], name, standard, averaging=averaging) for name in reported}
    if averaging is Averaging.HOURLY and standard.beyond.get("SO2") == "24h" and {"SO2", "SO2_24h"} <= columns.keys():
        parts["SO2"] = _so2_by_day(columns, parts["SO2"], standard)
    table = np.stack([parts[name] for name in reported])
    missing = np.stack([np.isnan(np.asarray(columns[name], dtype=np.float64)) for name in reported]).any(axis=0)
    aqi = np.fmax.reduce(table, axis=0)
    if standard.publishes_only_above_100:
        aqi = np.where(missing & ~(aqi > 100), np.nan, aqi)
    return Index(parts, aqi, _primaries(reported, table, aqi), categories(aqi))


def _so2_by_day(columns: Mapping[str, npt.ArrayLike], by_hour: Floats, standard: Standard) -> Floats:
    beyond = np.asarray(columns["SO2"], dtype=np.float64) > standard.nodes["SO2", Averaging.HOURLY][-1]
    return np.where(beyond, iaqi(columns["SO2_24h"], "SO2", standard, averaging=Averaging.DAILY), by_hour)


def _primaries(names: list[str], table: Floats, aqi: Floats) -> list[tuple[str, ...]]:
    leads = (table == aqi) & (aqi > 50)
    masks = leads.T @ (1 << np.arange(len(names)))
    known = {m: tuple(n for i, n in enumerate(names) if m >> i & 1) for m in {int(mask) for mask in np.unique(masks)}}
    return [known[int(mask)] for mask in masks]


def categories(aqi: Floats) -> list[str]:
    """空气质量类别 of each AQI, "" for nan.

    >>> categories(np.array([50.0, 51.0, 301.0]))
    ['优', '良', '严重污染']
    """
    steps = np.searchsorted(_CATEGORY_TOPS, np.nan_to_num(aqi))
    return ["" if np.isnan(value) else CATEGORIES[int(step)] for value, step in zip(aqi, steps, strict=True)]


def on(standards: tuple[Standard, ...], day: date) -> Standard:
    """The standard of a reading's own day; LookupError when none was in force.

    Source: HJ 633-2026 replaces HJ 633-2012 from 2026-03-01.
    """
    in_force = [standard for standard in standards if standard.in_force_from <= day]
    if not in_force:
        raise LookupError(f"{day} 尚无施行的 AQI 标准")
    return max(in_force, key=lambda standard: standard.in_force_from)


_KINDS: dict[str, type] = {
    "title": str,
    "document": str,
    "in_force_from": date,
    "round_concentration": str,
    "missing": str,
    "hourly_pm": str,
    "lowest": int,
    "daily": list,
    "hourly": list,
    "iaqi": list,
    "nodes_24h": dict,
    "nodes_1h": dict,
    "beyond": dict,
}


def parse(table: Mapping[str, Any], *, id: str, where: str) -> Standard:
    """A Standard from a TOML table; InvalidRuleSet names file and place of what is wrong."""
    check(table, where, required=_KINDS, optional={"in_force_to": date})
    _one_of(table["round_concentration"], ("none", "half_even"), f"{where} round_concentration")
    _one_of(table["missing"], ("rest", "rest_above_100"), f"{where} missing")
    _one_of(table["hourly_pm"], ("running_24h", "hour"), f"{where} hourly_pm")
    nodes = {
        (name, averaging): tuple(map(float, points))
        for averaging in Averaging
        for name, points in table[f"nodes_{averaging}"].items()
    }
    for (name, averaging), points in nodes.items():
        if name not in POLLUTANTS or list(points) != sorted(set(points)) or len(points) > len(table["iaqi"]):
            raise InvalidRuleSet(f"{where} nodes_{averaging} {name}: 未知污染物,或节点不是递增")
    return Standard(
        id=id,
        document=table["document"],
        in_force_from=table["in_force_from"],
        in_force_to=table.get("in_force_to"),
        iaqi=tuple(table["iaqi"]),
        nodes=nodes,
        reported={Averaging.DAILY: tuple(table["daily"]), Averaging.HOURLY: tuple(table["hourly"])},
        beyond=dict(table["beyond"]),
        rounds_half_even=table["round_concentration"] == "half_even",
        publishes_only_above_100=table["missing"] == "rest_above_100",
        hourly_pm_is_running=table["hourly_pm"] == "running_24h",
        lowest=table["lowest"],
    )


def _one_of(word: str, known: tuple[str, ...], where: str) -> None:
    if word not in known:
        raise InvalidRuleSet(f"{where}: 没有“{word}”,可用:{'、'.join(known)}")
