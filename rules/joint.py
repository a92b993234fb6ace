"""Does the region act together 区域应急联动: which cities, at which levels, who lags, who differs from a neighbour?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rules.grading import Grading
from rules.levels import Level, Verdict
from rules.lifecycle import Standing
from rules.strict import InvalidRuleSet, check


@dataclass(frozen=True, slots=True)
class Policy:
    """When it is a regional episode: so many (contiguous) cities at or above ``level``; all from data."""

    min_cities: int
    level: Level
    contiguous: bool
    incoherent_gap: int


@dataclass(frozen=True, slots=True)
class Incoherent:
    """Two neighbours under the same air whose levels differ by ``incoherent_gap`` or more."""

    city: str
    level: Level
    neighbour: str
    neighbour_level: Level


@dataclass(frozen=True, slots=True)
class Episode:
    """区域过程: one process, many city alerts.

    joint_level  the highest level that ``min_cities`` of the cluster reach together
    cities       the clusters' cities with what their gradings call for; since  the first of their starts
    laggards     cities of the cluster whose alert stands lower than called for, or not at all
    incoherent   neighbours whose standing (else called for) levels are far apart
    unknown      cities inside or beside the cluster that can't be graded
    """

    joint_level: Level
    cities: Mapping[str, Level]
    since: datetime
    laggards: tuple[str, ...]
    incoherent: tuple[Incoherent, ...]
    unknown: tuple[str, ...]


def episode(
    gradings: Mapping[str, Grading],
    standings: Mapping[str, Standing],
    neighbours: Mapping[str, tuple[str, ...]],
    policy: Policy,
) -> Episode | None:
    """The regional episode these city gradings make, None when they don't make one.

    gradings    city code → grading of this hour; standings  city code → its alert, for cities that have one
    neighbours  city code → codes of bordering cities

    Source: 国发〔2023〕24号 §27; "多个连片城市达到橙色及以上" (Shandong 2022). Numbers in sets/regions/joint.toml.
    """
    called = {code: grading.level for code, grading in gradings.items()}
    above = {code for code, level in called.items() if level >= policy.level}
    clusters = _clusters(above, neighbours) if policy.contiguous else [above]
    joint = set().union(*(cluster for cluster in clusters if len(cluster) >= policy.min_cities))
    if not joint:
        return None
    begins = [grading.starts_at for code, grading in gradings.items() if code in joint and grading.starts_at]
    starts = begins + [standings[code].since for code in joint if code in standings]
    beside = joint | {near for code in joint for near in neighbours.get(code, ())}
    return Episode(
        joint_level=_together([called[code] for code in joint], policy.min_cities),
        cities={code: called[code] for code in sorted(joint)},
        since=min(starts),
        laggards=tuple(code for code in sorted(joint) if _standing(standings, code) < called[code]),
        incoherent=_incoherent(called, standings, neighbours, policy),
        unknown=tuple(code for code in sorted(beside & gradings.keys()) if _blind(gradings[code])),
    )


def _blind(grading: Grading) -> bool:
    return grading.verdict is Verdict.UNKNOWN


def _standing(standings: Mapping[str, Standing], code: str) -> Level:
    return standings[code].level if code in standings else Level.NONE


def _together(levels: list[Level], count: int) -> Level:
    return sorted(levels, reverse=True)[count - 1]


def _clusters(codes: set[str], neighbours: Mapping[str, tuple[str, ...]]) -> list[set[str]]:
    clusters, left = [], set(codes)
    while left:
        cluster, edge = set[str](), {left.pop()}
        while edge:
            cluster |= edge
            edge = {near for code in edge for near in neighbours.get(code, ())} & left
            left -= edge
        clusters.append(cluster)
    return clusters


def _incoherent(
    called: Mapping[str, Level],
    standings: Mapping[str, Standing],
    neighbours: Mapping[str, tuple[str, ...]],
    policy: Policy,
) -> tuple[Incoherent, ...]:
    shown = {code: max(level, _standing(standings, code)) for code, level in called.items()}
    pairs = [
        (code, near) for code in sorted(shown) for near in neighbours.get(code, ()) if near in shown and code < near
    ]
    return tuple(
        Incoherent(code, shown[code], near, shown[near])
        for code, near in pairs
        if _steps(shown[code], shown[near]) >= policy.incoherent_gap
    )


def _steps(one: Level, other: Level) -> int:
    """Steps of the ladder between two levels, as if the ladder were none, yellow, orange, red."""
    ladder = {Level.NONE: 0, Level.PRE: 0, Level.BLUE: 0, Level.YELLOW: 1, Level.ORANGE: 2, Level.RED: 3}
    return abs(ladder[one] - ladder[other])


def parse(table: Mapping[str, Any], *, where: str) -> Policy:
    """A Policy from a TOML table; InvalidRuleSet names file and place."""
    kinds: dict[str, type] = {"min_cities": int, "level": str, "contiguous": bool, "incoherent_gap": int}
    check(table, where, required={**kinds, "confidence": str, "source": str}, optional={})
    if table["min_cities"] < 1:
        raise InvalidRuleSet(f"{where} min_cities: 应至少为 1,实为 {table['min_cities']}")
    return Policy(table["min_cities"], Level.parse(table["level"]), table["contiguous"], table["incoherent_gap"])
