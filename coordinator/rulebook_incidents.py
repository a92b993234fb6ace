"""What do the incident rules on file say? The only reader of rules/sets/incidents and rules/sets/waters."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from coordinator.errors import Refusal
from rules.deadlines import Clock, Duty, duties
from rules.fields import InvalidIncident
from rules.incident_facts import parse
from rules.incident_life import Stage, stages
from rules.incidents import Condition, Criterion, Grade, GradeTable, NeighbourRule, Row, TrackRule
from rules.rivers import Distance, Junction, NoSuchPlace, River, Section, neighbours_downstream
from rules.termination import EndRule, FollowUp

REPORTING = "reporting.toml"


@dataclass(frozen=True, slots=True)
class ReportingRules:
    """Clocks, tracks, the neighbour rule and what comes after, of one edition."""

    track: TrackRule
    neighbours: NeighbourRule
    clocks: tuple[Clock, ...]
    end: EndRule
    follow_ups: tuple[FollowUp, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """An incident file judged: its stages oldest first, and the duties that have arisen."""

    stages: tuple[Stage, ...]
    duties: tuple[Duty, ...]

    @property
    def now(self) -> Stage:
        """How it stands after the last update."""
        return self.stages[-1]


def assess(document: object) -> Assessment:
    """A JSON incident file (INCIDENT_FORMAT) through the rules in force; a fault in it is a Refusal."""
    try:
        report = parse(document)
    except InvalidIncident as fault:
        raise Refusal(str(fault)) from fault
    rules = reporting()
    life = stages(report, grade_tables().values(), rules.track, rules.neighbours)
    return Assessment(life, duties(life, rules.clocks, rules.track, report.change_anchor))


@cache
def grade_tables() -> Mapping[str, GradeTable]:
    """Every grading table by its id."""
    tables = [_table(_read(file)) for file in _folder("incidents").iterdir() if _is_table(file)]
    return {table.id: table for table in tables}


@cache
def reporting() -> ReportingRules:
    """The reporting clocks and their conditions."""
    edition = _read(_folder("incidents") / REPORTING)
    track = edition["track"]
    return ReportingRules(
        TrackRule(**{**_tuples(track), "fast_grades": _grades(track["fast_grades"])}),
        NeighbourRule(**_tuples(edition["neighbours"])),
        tuple(Clock(**_graded(clock)) for clock in edition["clock"]),
        EndRule(**edition["end"]),
        tuple(FollowUp(**_graded(paper)) for paper in edition["follow_up"]),
    )


def _table(edition: Mapping[str, Any]) -> GradeTable:
    command = {Grade[numeral]: body for numeral, body in edition.get("command", {}).items()}
    criteria = tuple(
        Criterion(**{**line, "rows": tuple(_row(row) for row in line["rows"])}) for line in edition["criterion"]
    )
    rest = {key: value for key, value in edition.items() if key != "criterion"}
    return GradeTable(**{**_tuples(rest), "command": command, "criteria": criteria})


def _row(row: Mapping[str, Any]) -> Row:
    when = {path: Condition(**_tuples(condition)) for path, condition in row["when"].items()}
    return Row(grade=Grade[row["grade"]], when=when, clause=row["clause"])


def _graded(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**_tuples(entry), "grades": _grades(entry.get("grades", []))}


def _grades(numerals: list[str]) -> tuple[Grade, ...]:
    return tuple(Grade[numeral] for numeral in numerals)


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _folder(name: str) -> Traversable:
    return files("rules") / "sets" / name


def _is_table(file: Traversable) -> bool:
    return file.name.endswith(".toml") and file.name != REPORTING


def _read(file: Traversable) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def waters() -> tuple[River, ...]:
    """Every river on file, its sections from the source down."""
    editions = [_read(file) for file in _folder("waters").iterdir() if file.name.endswith(".toml")]
    return tuple(_river(river, edition["source"]) for edition in editions for river in edition["river"])


def _river(river: Mapping[str, Any], source: str) -> River:
    into = river.get("into")
    return River(
        name=river["name"],
        source=source,
        into=Junction(**into) if into else None,
        sections=tuple(Section(**section) for section in river["sections"]),
        distances=tuple(Distance(start=d["from"], end=d["to"], km=d["km"]) for d in river["distances"]),
    )


def downstream_cities(river: str, city: str) -> tuple[str, ...]:
    """Codes of the cities the river reaches after this one, in the order of notice; none for a river not on file."""
    try:
        below = neighbours_downstream(waters(), river=river, place=city)
    except NoSuchPlace:
        return ()
    return tuple(section.city for section in below)


def whom(stage: Stage) -> tuple[str, ...]:
    """Which neighbours to tell, nearest first: the city the river flows to and those below it, by name.

    Without such a city it is simply the neighbouring bureau.
    """
    city, river = (str(stage.facts.get(f"river.{name}", "")) for name in ("flows_to_city", "name"))
    if not stage.neighbours.due:
        return ()
    if not city:
        return ("neighbour_bureau",)
    try:
        below = neighbours_downstream(waters(), river=river, place=city.removesuffix("市"))
    except NoSuchPlace:
        return (city,)
    return (city, *(section.city_name for section in below))
