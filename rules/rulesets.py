"""Which plan binds here and on this day: alert editions 预案版本, chosen by place and date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from rules.levels import Level

NATION = "000000"


class Reading(StrEnum):
    """How "AQI>X 持续 H 小时" is counted; CONTRACT § What "持续 H 小时" means."""

    BLOCKS = "blocks"
    ROLLING = "rolling"
    DAYS = "days"


class Confidence(StrEnum):
    """How well a number is attested: the text read, several pages agreeing, one page, or nothing found."""

    CONFIRMED = "confirmed"
    REPEATED = "repeated"
    SINGLE = "single"
    UNCONFIRMED = "unconfirmed"

    @property
    def chinese(self) -> str:
        return _ATTESTED[self]


_ATTESTED = {
    Confidence.CONFIRMED: "已核原文",
    Confidence.REPEATED: "多处公开页面一致",
    Confidence.SINGLE: "仅一处来源",
    Confidence.UNCONFIRMED: "未经核实",
}


class Metric(StrEnum):
    """What is compared with the threshold: the 24-hour mean's sub-index, or one hour's."""

    MEAN_24H = "24h"
    HOUR = "1h"


@dataclass(frozen=True, slots=True)
class Spell:
    """'AQI above X for at least N hours' AQI>X 持续 N 小时; ``above`` is strict."""

    above: int
    hours: int
    metric: Metric = Metric.MEAN_24H

    def __str__(self) -> str:
        if self.metric is Metric.HOUR:
            return f"小时AQI>{self.above} 达 {self.hours} 小时"
        return f"AQI24>{self.above} 持续 {self.hours} 小时"


@dataclass(frozen=True, slots=True)
class Criterion:
    """预警启动条件: any one row; every spell of the row, the shorter ones inside the longest."""

    level: Level
    when: tuple[tuple[Spell, ...], ...]
    clause: str
    confidence: Confidence
    note: str

    @property
    def stays_above(self) -> int:
        """AQI24 at or below this means the criterion no longer holds: the lowest threshold of a row's longest spell."""
        return min(max(row, key=lambda spell: (spell.hours, -spell.above)).above for row in self.when)


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """What keeps an alert from flapping; hours.

    clear_hours      AQI24 must stay below for so long ahead before a lift or downgrade 解除前须预测持续好转
    merge_gap_hours  two spells closer than this are one episode 间隔不足则合并
    lead_hours       notice wanted before the start 提前发布
    reach_hours      a spell already running counts only if it lasts so long beyond now 预计无明显好转
    present_hours    valid hours of the last 24 that a lift must stand on
    clause           the plan's words on lifting 解除条款
    """

    clear_hours: int
    merge_gap_hours: int
    lead_hours: int
    reach_hours: int
    present_hours: int
    clause: str
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an edition binds, and from when."""

    places: tuple[str, ...]
    since: date


@dataclass(frozen=True, slots=True)
class Edition:
    """What a document says about itself."""

    id: str
    title: str
    place: str
    place_code: str
    document: str
    source: str
    in_force_from: date
    in_force_to: date | None
    dates_note: str
    confidence: Confidence
    aliases: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """预案(规则集): an edition, its scope, its reading, its criteria (most severe first), its hysteresis."""

    edition: Edition
    scope: tuple[Scope, ...]
    reading: Reading
    criteria: tuple[Criterion, ...]
    hysteresis: Hysteresis

    @property
    def id(self) -> str:
        return self.edition.id

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels this edition knows, ascending."""
        return tuple(sorted(criterion.level for criterion in self.criteria))

    @property
    def longest_hours(self) -> int:
        """The longest spell any criterion asks for."""
        return max(spell.hours for criterion in self.criteria for row in criterion.when for spell in row)

    def criterion(self, level: Level) -> Criterion:
        """The criterion of ``level``; KeyError when this edition has no such level."""
        for criterion in self.criteria:
            if criterion.level is level:
                return criterion
        raise KeyError(level.word)

    def binds(self, place: str, day: date) -> bool:
        """Is this edition in force for exactly this place (a city, province, region or the nation) on ``day``?"""
        if self.edition.in_force_to is not None and day > self.edition.in_force_to:
            return False
        return any(place in scope.places and scope.since <= day for scope in self.scope)


def in_force(editions: Sequence[RuleSet], places: Sequence[str], day: date) -> RuleSet:
    """The edition that binds on ``day``: the nearest place with one wins, there the newest.

    places  hierarchy, nearest first, e.g. ``("130100", "130000", "2+36", "000000")``
    Raises LookupError when nothing is in force: no plan is not a clean bill.
    """
    for place in places:
        binding = [ruleset for ruleset in editions if ruleset.binds(place, day)]
        if binding:
            return max(binding, key=lambda ruleset: ruleset.edition.in_force_from)
    earliest = min((ruleset.edition.in_force_from for ruleset in editions), default=None)
    raise LookupError(f"{day} 没有在 {places[0] if places else '该地'} 施行的预案(最早的版本自 {earliest} 起施行)")
