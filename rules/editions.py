"""What does an edition's file say: a TOML table becomes a RuleSet, or is refused by file and place."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from rules.levels import Level
from rules.rulesets import Confidence, Criterion, Edition, Hysteresis, Metric, Reading, RuleSet, Scope, Spell
from rules.strict import InvalidRuleSet, check

Word = TypeVar("Word", bound=StrEnum)
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
