"""How grave is an emergency, under which rule, and who leads? (突发环境事件分级)"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from rules.incident_facts import Facts


class Grade(IntEnum):
    """事件级别; larger is worse, so Roman numerals are never compared."""

    IV = 1
    III = 2
    II = 3
    I = 4  # noqa: E741 the statute's own numeral

    @property
    def chinese(self) -> str:
        """The word of the plans, e.g. 重大(Ⅱ级)."""
        return {"I": "特别重大(Ⅰ级)", "II": "重大(Ⅱ级)", "III": "较大(Ⅲ级)", "IV": "一般(Ⅳ级)"}[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One fact compared with the statute: at least a number ("以上" includes it), or one of some words."""

    at_least: float | None = None
    among: tuple[object, ...] = ()

    def holds(self, fact: object) -> bool | None:
        """Three-valued: None when the fact is not known.

        >>> Condition(at_least=30).holds(30), Condition(at_least=30).holds(29), Condition(at_least=30).holds(None)
        (True, False, None)
        """
        if fact is None:
            return None
        if self.at_least is None:
            return fact in self.among
        return isinstance(fact, int | float) and fact >= self.at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One 情形 of the table: every condition must hold."""

    grade: Grade
    when: Mapping[str, Condition]
    clause: str

    def holds(self, facts: Facts) -> bool | None:
        """False as soon as one condition fails, True when all hold, None while it can't be told."""
        verdicts = [condition.holds(facts.get(path)) for path, condition in self.when.items()]
        if False in verdicts:
            return False
        return None if None in verdicts else True


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One line of a grading table, rows from the gravest down; ``floor`` is what applies below them all."""

    fact: str
    title: str
    rows: tuple[Row, ...]
    floor: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The facts this line reads."""
        return tuple(dict.fromkeys(path for row in self.rows for path in row.when))


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeTable:
    """A grading table as a statute prints it, with where it comes from and how sure we are of the text."""

    id: str
    regime: str
    title: str
    document: str
    source: str
    checked_by: str
    confidence: str
    in_force_from: date
    supersedes: tuple[str, ...]
    floor: str
    criteria: tuple[Criterion, ...]
    command: Mapping[Grade, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Reached:
    """The grade one known fact reaches, and the clause that says so."""

    fact: str
    value: object
    grade: Grade
    clause: str


@dataclass(frozen=True, slots=True)
class Grading:
    """The grade under one regime; None when no criterion's fact is known. ``reached`` gravest first."""

    regime: str
    table: str
    grade: Grade | None
    reached: tuple[Reached, ...]


def grade(facts: Facts, table: GradeTable) -> Grading:
    """The highest grade any known fact reaches (任一情形即可); facts nobody knows neither raise nor lower it.

    facts    path → value, e.g. {"deaths": 10, "ship.spill_tonnes": 99.9}; absent is not known, 0 is known to be none
    returns  grade None only when no criterion can be judged; everything known but below the rows is Ⅳ
    Source: the table's own ``document``, e.g. 国办函〔2014〕119号 附件1: deaths 10 there → Ⅱ.
    """
    reached = [found for criterion in table.criteria for found in _reached(criterion, facts, table.floor)]
    reached.sort(key=lambda found: -found.grade)
    return Grading(table.regime, table.id, reached[0].grade if reached else None, tuple(reached))


def _reached(criterion: Criterion, facts: Facts, floor: str) -> Iterator[Reached]:
    verdicts = [(row, row.holds(facts)) for row in criterion.rows]
    value = _value(criterion, facts)
    for row, verdict in verdicts:
        if verdict:
            yield Reached(criterion.fact, value, row.grade, row.clause)
            return
    if all(verdict is False for _, verdict in verdicts):
        yield Reached(criterion.fact, value, Grade.IV, criterion.floor or floor)


def _value(criterion: Criterion, facts: Facts) -> object:
    if criterion.paths == (criterion.fact,):
        return facts.get(criterion.fact)
    return {path.rpartition(".")[2]: facts[path] for path in criterion.paths if path in facts}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRule:
    """Which reporting track applies to the grade of ``regime`` (快报与常规报告)."""

    regime: str
    fast: str
    slow: str
    fast_grades: tuple[Grade, ...]
    fast_when_possible: tuple[str, ...]
    clause: str
    confidence: str


def track(facts: Facts, gradings: tuple[Grading, ...], rule: TrackRule) -> str:
    """ "2h", "4h", or the name of the only regimes asked for, to which the 2 h / 4 h rule does not apply.

    An unknown grade goes the fast way when anything sensitive is touched, or a wide effect is feared.
    Source: 环境保护部令第17号 第三条、第四条 (第二条 leaves radiation to its own law).
    """
    judged = next((grading for grading in gradings if grading.regime == rule.regime), None)
    if judged is None:
        return gradings[0].regime
    if judged.grade is not None:
        return rule.fast if judged.grade in rule.fast_grades else rule.slow
    feared = facts.get("possible_cross_boundary") in rule.fast_when_possible
    return rule.fast if facts.get("sensitive") or feared else rule.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourRule:
    """When a neighbour must be told; distances in km along the river."""

    effects: tuple[str, ...]
    within_km: float
    both_banks_within_km: float
    clause: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whether neighbours must be told, and whether to look for the source on both sides of the boundary."""

    due: bool
    search_both_banks: bool


def neighbours(facts: Facts, rule: NeighbourRule) -> Neighbours:
    """Told when an effect on a neighbouring prefecture or wider is confirmed or feared, or the boundary is near.

    facts    "river.km_to_boundary" in km; "cross_boundary", "possible_cross_boundary" as words
    Source: 环境保护部令第17号 第八条; the distances are the rule's own.
    """
    effects = {facts.get("cross_boundary"), facts.get("possible_cross_boundary")}
    km = facts.get("river.km_to_boundary")
    ahead = float(km) if isinstance(km, int | float) else float("inf")
    return Neighbours(
        due=bool(effects & set(rule.effects)) or ahead <= rule.within_km,
        search_both_banks=facts.get("river.boundary_is_river") is True or ahead <= rule.both_banks_within_km,
    )
