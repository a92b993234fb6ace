"""How did an emergency stand after each thing that became known? (事件经过)"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rules.incident_facts import Facts, Report
from rules.incidents import Grade, GradeTable, Grading, NeighbourRule, Neighbours, TrackRule, grade, neighbours, track

ENVIRONMENTAL, DEFAULT_TABLE = "environmental", "plan2014"


@dataclass(frozen=True, slots=True)
class Stage:
    """How the incident stood after one change."""

    at: datetime
    learned_at: datetime
    gradings: tuple[Grading, ...]
    track: str
    neighbours: Neighbours
    facts: Facts

    def graded(self, regime: str) -> Grade | None:
        """The grade under one regime; None when unknown or not asked for."""
        return next((grading.grade for grading in self.gradings if grading.regime == regime), None)

    @property
    def leading(self) -> Grade | None:
        """The grade the file is known by: the environmental one where asked for, else the gravest."""
        if any(grading.regime == ENVIRONMENTAL for grading in self.gradings):
            return self.graded(ENVIRONMENTAL)
        return max((grading.grade for grading in self.gradings if grading.grade), default=None)


def stages(
    report: Report, tables: Iterable[GradeTable], track_rule: TrackRule, neighbour_rule: NeighbourRule
) -> tuple[Stage, ...]:
    """The incident's life: one stage at ``learned_at`` and one for each update, oldest first.

    tables   every grading table; the environmental one is named by the fact "grade_table" (default plan2014)
    Source: 环境保护部令第17号 第三条第四款, a grade that changes is reported by the new one.
    """
    known = tuple(tables)
    return tuple(
        _stage(change.at, change.facts, known, track_rule, neighbour_rule=neighbour_rule)
        for change in report.situations()
    )


def _stage(
    at: datetime,
    facts: Facts,
    tables: tuple[GradeTable, ...],
    track_rule: TrackRule,
    *,
    neighbour_rule: NeighbourRule,
) -> Stage:
    learned_at, asked = facts["learned_at"], facts.get("regimes", (ENVIRONMENTAL,))
    assert isinstance(learned_at, datetime)
    assert isinstance(asked, tuple)
    gradings = tuple(grade(facts, _table(tables, regime, facts)) for regime in asked)
    way = track(facts, gradings, track_rule)
    return Stage(at, learned_at, gradings, way, neighbours(facts, neighbour_rule), facts)


def _table(tables: tuple[GradeTable, ...], regime: str, facts: Facts) -> GradeTable:
    wanted = facts.get("grade_table", DEFAULT_TABLE) if regime == ENVIRONMENTAL else None
    return next(table for table in tables if table.regime == regime and wanted in (None, table.id))
