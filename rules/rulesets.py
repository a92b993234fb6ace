"""Which plan binds here and on this day: alert editions 预案版本, parsed strictly, chosen by place and date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from rules.levels import Level
from rules.strict import InvalidRuleSet, check

__all__ = ["Confidence", "Criterion", "Hysteresis", "InvalidRuleSet", "Metric", "Reading", "RuleSet", "Spell"]

NATION = "000000"
Word = TypeVar("Word", bound=StrEnum)


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


_EDITION = {"title": str, "place": str, "place_code": str, "document": str, "source": str, "in_force_from": date}
_EDITION_OPTIONAL = {"in_force_to": date, "dates_note": str, "aliases": list, "notes": list, "scope": list}
_LIFECYCLE = ("clear_hours", "merge_gap_hours", "lead_hours", "reach_hours", "present_hours")


def parse(table: Mapping[str, Any], *, id: str, where: str) -> RuleSet:
    """A rule set from a TOML table; InvalidRuleSet names file, place and nearest known key.

    table  as tomllib returns it; id e.g. ``hebei/2024``; where the file's name for complaints

    >>> parse({"titel": "x"}, id="a/1", where="a/1.toml")
    Traceback (most recent call last):
    rules.strict.InvalidRuleSet: a/1.toml: 不认识的键 titel,是否应为 title?
    """
    required = {**_EDITION, "reading": str, "confidence": str, "criterion": list, "lifecycle": dict}
    check(table, where, required=required, optional=_EDITION_OPTIONAL)
    reading = _word(Reading, table["reading"], f"{where} reading")
    criteria = [
        _criterion(row, f"{where} criterion[{place}]", reading=reading) for place, row in enumerate(table["criterion"])
    ]
    levels = [criterion.level for criterion in criteria]
    if not levels or len(set(levels)) != len(levels):
        raise InvalidRuleSet(f"{where} criterion: 每个等级恰有一条启动条件,实为 {[level.word for level in levels]}")
    return RuleSet(
        edition=_edition(table, id, where),
        scope=_scope(table, where),
        reading=reading,
        criteria=tuple(sorted(criteria, key=lambda criterion: criterion.level, reverse=True)),
        hysteresis=_hysteresis(table["lifecycle"], f"{where} lifecycle"),
    )


def _edition(table: Mapping[str, Any], id: str, where: str) -> Edition:
    until = table.get("in_force_to")
    if until is not None and until < table["in_force_from"]:
        raise InvalidRuleSet(f"{where} in_force_to: {until} 早于施行之日 {table['in_force_from']}")
    return Edition(
        id=id,
        in_force_to=until,
        dates_note=table.get("dates_note", ""),
        confidence=_word(Confidence, table["confidence"], f"{where} confidence"),
        aliases=tuple(table.get("aliases", ())),
        notes=tuple(table.get("notes", ())),
        **{key: table[key] for key in _EDITION},
    )


def _scope(table: Mapping[str, Any], where: str) -> tuple[Scope, ...]:
    if "scope" not in table:
        return (Scope((table["place_code"],), table["in_force_from"]),)
    kinds = {"places": list, "since": date}
    rows = [check(row, f"{where} scope[{i}]", required=kinds, optional={}) for i, row in enumerate(table["scope"])]
    return tuple(Scope(tuple(row["places"]), row["since"]) for row in rows)


def _criterion(table: Any, where: str, *, reading: Reading) -> Criterion:
    kinds = {"level": str, "clause": str, "when": list, "confidence": str}
    check(table, where, required=kinds, optional={"note": str})
    try:
        level = Level.parse(table["level"])
    except ValueError as error:
        raise InvalidRuleSet(f"{where} level: {error}") from error
    rows = [
        tuple(_spell(spell, f"{where} when[{i}][{j}]", reading=reading) for j, spell in enumerate(row))
        for i, row in enumerate(table["when"])
    ]
    if not rows or not all(rows):
        raise InvalidRuleSet(f"{where} when: 至少一行,每行至少一个 {{ above, hours }}")
    confidence = _word(Confidence, table["confidence"], f"{where} confidence")
    return Criterion(level, tuple(rows), table["clause"], confidence, table.get("note", ""))


def _spell(table: Any, where: str, *, reading: Reading) -> Spell:
    check(table, where, required={"above": int, "hours": int}, optional={"metric": str})
    metric = _word(Metric, table.get("metric", Metric.MEAN_24H), f"{where} metric")
    above, hours = table["above"], table["hours"]
    if not 0 < above < 500:
        raise InvalidRuleSet(f"{where} above: AQI 阈值应在 1—499 之间(指数封顶 500),实为 {above}")
    if hours < 1 or (metric is Metric.MEAN_24H and reading is not Reading.ROLLING and hours % 24):
        raise InvalidRuleSet(f"{where} hours: 读法 {reading} 下应为 24 的倍数,实为 {hours}")
    return Spell(above, hours, metric)


def _hysteresis(table: Any, where: str) -> Hysteresis:
    words = {"clause": str, "confidence": str}
    check(table, where, required={**dict.fromkeys(_LIFECYCLE, int), **words}, optional={"note": str})
    for key in _LIFECYCLE:
        if table[key] < 0 or (key == "present_hours" and not 1 <= table[key] <= 24):
            raise InvalidRuleSet(f"{where} {key}: {table[key]} 小时不合理")
    confidence = _word(Confidence, table["confidence"], f"{where} confidence")
    numbers = {key: table[key] for key in _LIFECYCLE}
    return Hysteresis(**numbers, clause=table["clause"], confidence=confidence, note=table.get("note", ""))


def _word(kind: type[Word], text: object, where: str) -> Word:
    try:
        return kind(str(text))
    except ValueError:
        raise InvalidRuleSet(f"{where}: 没有“{text}”,可用:{'、'.join(kind)}") from None
