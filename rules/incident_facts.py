"""What is known about an emergency, and since when? (突发环境事件信息)"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rules.fields import (
    InvalidIncident,
    category,
    count,
    mapping,
    moment,
    number,
    one_of,
    refuse_unknown,
    some_of,
    text,
    truth,
)

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """What became known at one moment: a path maps to its new value, or to None for "no longer known"."""

    at: datetime
    facts: Facts


@dataclass(frozen=True, slots=True)
class Report:
    """An incident as reported: ``changes`` in time order, the first of them at ``learned_at``."""

    changes: tuple[Change, ...]
    change_anchor: str

    def situations(self) -> Iterator[Change]:
        """What is known after each change, oldest first; facts nobody knows are absent, never zero.

        >>> report = parse({"learned_at": "2026-03-01T08:00+08:00", "deaths": 3})
        >>> [situation.facts["deaths"] for situation in report.situations()]
        [3]
        """
        known: dict[str, object] = {}
        for change in self.changes:
            known = {path: fact for path, fact in {**known, **change.facts}.items() if fact is not None}
            yield Change(change.at, known)


def regimes(value: object, where: str) -> tuple[str, ...]:
    """The regimes asked for, at least one."""
    asked = some_of("environmental", "ship", "radiation")(value, where)
    if not asked:
        raise InvalidIncident(f"{where} 不能是空列表;不写即为 environmental")
    return asked


EFFECTS = ("national", "province", "prefecture", "county", "none")
FIELDS: Mapping[str, Callable[[object, str], object]] = {
    "learned_at": moment,
    "regimes": regimes,
    "grade_table": one_of("plan2014", "annex2011"),
    "deaths": count,
    "poisoned_or_injured": count,
    "evacuated": count,
    "direct_loss_yuan": number,
    "ecology": one_of(
        "function_lost", "species_wiped_out", "function_partly_lost", "mass_death", "species_damaged", "none"
    ),
    "water_intake_stopped": one_of("prefecture", "county", "township", "none"),
    "cross_boundary": one_of(*EFFECTS),
    "possible_cross_boundary": one_of(*EFFECTS),
    "sensitive": some_of(
        "water_source", "residential", "school", "hospital", "heavy_metal", "mass_event", "bureau_judges_necessary"
    ),
    "river.name": text,
    "river.km_to_boundary": number,
    "river.flows_to_city": text,
    "river.boundary_is_river": truth,
    "ship.spill_tonnes": number,
    "ship.direct_loss_yuan": number,
    "radiation.source_category": category,
    "radiation.source_event": one_of("lost", "stolen", "out_of_control", "none"),
    "radiation.wide_severe_contamination": truth,
    "radiation.acute_deaths": count,
    "radiation.severe_sickness": count,
    "radiation.over_annual_limit": truth,
}
GROUPS = tuple(dict.fromkeys(path.split(".")[0] for path in FIELDS if "." in path))
TOP = tuple(dict.fromkeys(path.split(".")[0] for path in FIELDS))
ANCHORS = ("from_learning", "from_change", "earlier")


def parse(document: object) -> Report:
    """An incident file, already read as JSON, as a checked report.

    document  mapping with the fields of the incident format; absent and null both mean "not known"
    errors    InvalidIncident for an unknown field (the nearest known one is named) or a wrong value

    >>> parse({"learned_at": "2026-03-01T08:00+08:00", "death": 1})
    Traceback (most recent call last):
    rules.fields.InvalidIncident: 未知字段 death;最接近的已知字段是 deaths
    """
    fields = dict(mapping(document, "事件文件"))
    updates = fields.pop("updates", None)
    anchor = fields.pop("change_anchor", None)
    first = _facts(fields, "", (*TOP, "updates", "change_anchor"))
    if not isinstance(first.get("learned_at"), datetime):
        raise InvalidIncident("缺少 learned_at:填报告部门发现或得知事件的时间,时限自它起算")
    learned_at = moment(fields["learned_at"], "learned_at")
    changes = (Change(learned_at, first), *_updates(updates))
    _check_order(changes)
    return Report(changes, "earlier" if anchor is None else one_of(*ANCHORS)(anchor, "change_anchor"))


def _updates(value: object) -> Iterator[Change]:
    if value is None:
        return
    if not isinstance(value, list):
        raise InvalidIncident(f"updates 应为列表,每项为 {{at, facts}},现为 {value!r}")
    for position, entry in enumerate(value):
        where = f"updates[{position}]"
        fields = mapping(entry, where)
        refuse_unknown(fields, ("at", "facts"), f"{where}.")
        at = moment(fields.get("at"), f"{where}.at")
        facts = _facts(mapping(fields.get("facts"), f"{where}.facts"), f"{where}.facts.", TOP)
        if facts.get("learned_at", at) is None:
            raise InvalidIncident(f"{where}.facts.learned_at 不能改为 null:时限自它起算")
        yield Change(at, facts)


def _check_order(changes: tuple[Change, ...]) -> None:
    for position, (before, after) in enumerate(itertools.pairwise(changes)):
        if after.at < before.at:
            earlier = "learned_at" if position == 0 else f"updates[{position - 1}].at"
            raise InvalidIncident(f"updates[{position}].at 早于 {earlier}:更新须按时间先后排列")


def _facts(fields: Mapping[str, object], where: str, known: tuple[str, ...]) -> dict[str, object]:
    refuse_unknown(fields, known, where)
    facts: dict[str, object] = {}
    for name, value in fields.items():
        facts.update(_group(name, value, where) if name in GROUPS else {name: _read(name, value, where)})
    return facts


def _group(name: str, value: object, where: str) -> dict[str, object]:
    paths = [path for path in FIELDS if path.startswith(f"{name}.")]
    if value is None:
        return dict.fromkeys(paths)
    members = mapping(value, f"{where}{name}")
    refuse_unknown(members, tuple(path.split(".")[1] for path in paths), f"{where}{name}.")
    return {f"{name}.{member}": _read(f"{name}.{member}", given, where) for member, given in members.items()}


def _read(path: str, value: object, where: str) -> object:
    return None if value is None else FIELDS[path](value, f"{where}{path}")
