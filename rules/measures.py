"""What must this plant do at this level, and why this plant?"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import lru_cache

from rules.industries import Grade, Industry, fold
from rules.levels import Level
from rules.measure_tables import (
    RANK,
    UNCONFIRMED,
    Block,
    ExemptClass,
    Exemption,
    Measure,
    MeasureKind,
    PlantLine,
    Row,
    Table,
    near,
)


def measures_for(
    table: Table,
    *,
    industry: str,
    grade: str,
    level: Level,
    city: str,
    on: date,
    exemption: Exemption | None = None,
    lines: tuple[PlantLine, ...] = (),
) -> tuple[Measure, ...]:
    """What one plant does at ``level`` on day ``on``; never empty.

    industry, grade  as typed; city  six digits; lines  the plant's own plan
    Order of precedence: a valid exemption; the plant's own lines 一厂一策; the most specific row of the tables in
    force (confirmed before default, its industry before any, its city before its province before everywhere, its
    own grade before a neighbour's); of equally specific rows on one unit the stricter. Grades that choose their own
    cuts (A+, A, 引领性) are never ordered to stop.

    Errors: ValueError naming an unknown industry or grade and the nearest; ValueError at level none.
    Source: 环办大气函〔2020〕340号; domain rules in rules/sets/measures.

    >>> measures_for(table, industry="水泥", grade="B", level=Level.ORANGE, city="130100", on=day)  # doctest: +SKIP
    (Measure(text='熟料限产20%…', kind=<MeasureKind.LIMIT: 'limit'>, cut=0.2, …), …)
    """
    if level == Level.NONE:
        raise ValueError("没有预警就没有减排措施:级别不能是 none")
    rated, trade = table.grades.named(grade), table.industries.named(industry)
    spared, refused = _exempted(table, exemption, level, on)
    if spared:
        return (spared,)
    own, silent = _by_plan(lines, level, rated)
    chosen = own
    if silent or not own:
        chosen += _for_rest(silent, _by_table(table, trade, rated, level=level, city=city, on=on))
    return tuple(replace(each, why=f"{each.why}；{refused}") for each in chosen) if refused else chosen


def society(table: Table, *, level: Level, city: str) -> tuple[Block, ...]:
    """Measures for vehicles, sites, roads and people at ``level``; a place's own block stands for the general one.

    Source: rules/sets/measures/society.toml (air.md §3.3).
    """
    chosen: dict[str, tuple[int, Block]] = {}
    for place, levels, block in table.blocks:
        nearness = near(place, city)
        if level in levels and nearness is not None and nearness >= chosen.get(block.topic, (0, None))[0]:
            chosen[block.topic] = (nearness, block)
    return tuple(block for _, block in chosen.values())


def _exempted(table: Table, exemption: Exemption | None, level: Level, on: date) -> tuple[Measure | None, str]:
    """The measure of a spared plant, or why its exemption doesn't hold now."""
    if exemption is None:
        return None, ""
    known = table.classes.get(fold(exemption.kind))
    covers = exemption.covers if exemption.covers is not None else known.covers if known else None
    if covers is None:
        return None, f"豁免（{exemption.kind}）没有写明适用到哪一级，未采用"
    if exemption.until is not None and on > exemption.until:
        return None, f"豁免（{exemption.kind}）已于{exemption.until:%Y-%m-%d}到期"
    if level > covers:
        return None, f"豁免（{exemption.kind}）只适用到{_colour(covers)}，本次为{_colour(level)}"
    return _spared(exemption, known), ""


def _spared(exemption: Exemption, known: ExemptClass | None) -> Measure:
    text = known.text if known else "不停产、不限产，治污设施全开"
    load = f"，负荷不超过{exemption.load_cap}" if exemption.load_cap else ""
    condition = f"（{exemption.condition}）" if exemption.condition else ""
    approver = f"，{exemption.approver}批准" if exemption.approver else ""
    return Measure(
        text=f"{text}{load}{condition}",
        kind=MeasureKind.EXEMPT,
        source=known.source if known else "减排清单",
        confidence="list" if exemption.covers is not None or not known else known.confidence,
        why=f"列入{exemption.kind}{approver}",
    )


def _by_plan(lines: tuple[PlantLine, ...], level: Level, grade: Grade) -> tuple[tuple[Measure, ...], tuple[str, ...]]:
    """What the plant's own plan says, and the lines on which it is silent while it speaks of others."""
    own = tuple(_own(line, level, grade) for line in lines if line.at(level))
    if not own or grade.self_chosen or any(not line.name and line.at(level) for line in lines):
        return own, ()
    return own, tuple(line.name for line in lines if line.name and not line.at(level))


def _for_rest(silent: tuple[str, ...], ordered: tuple[Measure, ...]) -> tuple[Measure, ...]:
    if not silent:
        return ordered
    rest = "、".join(silent)
    return tuple(
        replace(each, text=f"{rest}：{each.text}", why=f"一厂一策没有写{rest}；{each.why}") for each in ordered
    )


def _own(line: PlantLine, level: Level, grade: Grade) -> Measure:
    kind, cut = _read(line.at(level), line.cut_at(level))
    why = f"按本单位一厂一策{_colour(level)}措施"
    if grade.self_chosen:
        kind, why = MeasureKind.SELF, f"{_called(grade)}自主减排，{why}"
    text = f"{line.name}：{line.at(level)}" if line.name else line.at(level)
    return Measure(text=text, kind=kind, cut=cut, unit=line.name, source="一厂一策", confidence="list", why=why)


@lru_cache(maxsize=4096)
def _read(text: str, cut: float | None) -> tuple[MeasureKind, float]:
    """Kind and share of a plan's own words; the share given in the list beats the one in the words."""
    percent = re.search(r"(\d+(?:\.\d+)?)\s*[%%]", text)
    share = cut if cut is not None else float(percent[1]) / 100 if percent else None
    if share is not None and share > 0:
        return (MeasureKind.STOP if share >= 1 else MeasureKind.LIMIT), min(share, 1.0)
    if re.search(r"延长|出焦", text):
        return MeasureKind.EXTEND, 0.0
    if share is None and re.search(r"(?<![不未])停[产止]", text):
        return MeasureKind.STOP, 1.0
    return MeasureKind.MANAGE, 0.0


def _by_table(table: Table, trade: Industry, grade: Grade, *, level: Level, city: str, on: date) -> tuple[Measure, ...]:
    """The rows that bind. A default row is never milder than what a lower level asks of the same plant."""
    found = _rows_at(table, trade, grade, level=level, city=city, on=on)
    if level <= Level.YELLOW or all(each.confirmed for each in found):
        return found
    below = _by_table(table, trade, grade, level=Level(level - 1), city=city, on=on)
    if strictness(below) <= strictness(found):
        return found
    return tuple(replace(each, why=f"{each.why}；{_colour(level)}时没有经确认的措施，不低于上一级") for each in below)


def strictness(measures: Iterable[Measure]) -> tuple[int, float]:
    """How hard the strictest of some measures is; larger is stricter."""
    return max((RANK[each.kind], each.cut) for each in measures)


def _rows_at(table: Table, trade: Industry, grade: Grade, *, level: Level, city: str, on: date) -> tuple[Measure, ...]:
    ranked = [
        (score, row)
        for row in table.rows
        if row.industry in (trade.name, "*")
        and level in row.levels
        and row.in_force(on)
        and (score := _score(row, trade, grade, city)) is not None
    ]
    if not ranked:
        raise ValueError(f"措施表没有{trade.name}{_called(grade)}在{_colour(level)}时的措施({on:%Y-%m-%d},{city})")
    best = max(score for score, _ in ranked)
    return _stricter([row for score, row in ranked if score == best], trade, grade, level)


def _score(row: Row, trade: Industry, grade: Grade, city: str) -> tuple[bool, bool, int, int] | None:
    """How specific a row is to the plant, larger first; None when it isn't about it."""
    nearness = near(row.place, city)
    fit = 3 if grade.name in row.grades else 2 if grade.follows in row.grades else 1 if "*" in row.grades else 0
    if nearness is None or not fit:
        return None
    return row.confidence != UNCONFIRMED, row.industry == trade.name, nearness, fit


def _stricter(rows: Iterable[Row], trade: Industry, grade: Grade, level: Level) -> tuple[Measure, ...]:
    units: dict[str, list[Row]] = {}
    for row in rows:
        units.setdefault(row.unit, []).append(row)
    return tuple(_ordered(unit, trade, grade, level) for unit in units.values())


def _ordered(rows: list[Row], trade: Industry, grade: Grade, level: Level) -> Measure:
    row = max(rows, key=Row.strictness)
    why = f"{trade.name}{_called(grade)}{_colour(level)}，依据{row.document}"
    followed = grade.name not in row.grades and "*" not in row.grades
    if followed:
        why += f"；表中没有{_called(grade)}，按较严的{grade.follows}级执行"
    if any(other.strictness() != row.strictness() for other in rows):
        milder = min(rows, key=Row.strictness)
        why += f"；与{milder.document}（{milder.text}）不一致，取较严的一条"
    return Measure(
        text=row.text,
        kind=row.kind,
        cut=row.cut,
        unit=row.unit,
        source=row.source,
        confidence=UNCONFIRMED if followed and not grade.self_chosen else row.confidence,
        why=why,
    )


def _called(grade: Grade) -> str:
    return f"{grade.name}级" if grade.name.isascii() else grade.name


def _colour(level: Level) -> str:
    return f"{level.chinese}预警" if level >= Level.BLUE else "预警前期"
