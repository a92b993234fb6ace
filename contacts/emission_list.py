"""Which plants does an emission list 应急减排清单 name, with their lines, or what is wrong with it? Never half."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contacts import cells
from contacts.columns import ENTERPRISES, LINES
from contacts.complaints import Complaints
from contacts.credit_codes import agrees, credit_code
from contacts.records import Record, lenient, open_register, optional, taken
from rules.levels import Level

COLOURS = ("yellow", "orange", "red")
WHOLE_PLANT = "全厂"
Draft = dict[str, Any]
Tick = Callable[[int], None]

_TEXTS = ("county", "grade_system", "permit_number", "main_lines",
          "exemption_condition", "exemption_load_cap", "exemption_approver")  # fmt: skip
_TONNES = ("so2", "nox", "pm", "vocs")
_OF_A_LINE = ("process", *(f"{colour}_cut" for colour in COLOURS), *_TONNES, "capacity", "unit")


@dataclass(frozen=True)
class Vocabulary:
    """How words become names: each raises ValueError naming what is near. ``city`` gives the six digits."""

    city: Callable[[str], str]
    industry: Callable[[str], str]
    grade: Callable[[str], str]


@dataclass
class Listed:
    """What a list says; ``lines`` is None when the file is silent about lines, then the known ones stay."""

    complaints: Complaints
    plants: dict[str, Draft] = field(default_factory=dict)
    lines: dict[str, dict[str, Draft]] | None = None
    places: dict[str, Record] = field(default_factory=dict)
    rows: int = 0


def read(path: Path, vocabulary: Vocabulary, tick: Tick) -> Listed:
    """Read a whole list; every complaint is collected, nothing is decided about writing."""
    listed = Listed(Complaints())
    parts = open_register(path, ENTERPRISES, listed.complaints, LINES)
    for part in parts:
        if part.form is ENTERPRISES:
            _read_plants(part.records, listed, vocabulary, tick)
            if {"line", *_OF_A_LINE} & part.heading.places.keys() and listed.lines is None:
                listed.lines = {}
    for part in parts:
        if part.form is LINES:
            listed.lines = {} if listed.lines is None else listed.lines
            _read_lines(part.records, listed)
    return listed


def _read_plants(records: Iterable[Record], listed: Listed, vocabulary: Vocabulary, tick: Tick) -> None:
    remembered = Vocabulary(_once(vocabulary.city), _once(vocabulary.industry), _once(vocabulary.grade))
    for record in records:
        listed.rows += 1
        tick(listed.rows)
        complaints = len(listed.complaints.rejected)
        code = taken(record, "credit_code", credit_code, listed.complaints)
        if not isinstance(code, str):
            _plant(record, remembered, listed.complaints)
            continue
        if code in listed.plants:
            _another_row(record, code, listed, vocabulary=remembered)
        else:
            listed.plants[code] = _plant(record, remembered, listed.complaints)
            listed.places[code] = record
            if not agrees(code):
                listed.complaints.warn(
                    "统一社会信用代码的校验位不符(GB 32100-2015),请核对", f"第 {record.row} 行 {code}"
                )
        if complaints == len(listed.complaints.rejected):
            _line_of(record, code, listed)


def _once(parse: Callable[[str], str]) -> Callable[[str], str]:
    """A few dozen words recur fifty thousand times; refusals are not kept."""
    known: dict[str, str] = {}

    def parsed(written: str) -> str:
        if written not in known:
            known[written] = parse(written)
        return known[written]

    return parsed


def _plant(record: Record, vocabulary: Vocabulary, complaints: Complaints) -> Draft:
    draft: Draft = {"name": taken(record, "name", _name, complaints)}
    for key in ("city", "industry", "grade"):
        draft[key] = taken(record, key, getattr(vocabulary, key), complaints)
    draft |= {key: record.cells[key] or None for key in _TEXTS if key in record.cells}
    if "graded_on" in record.cells:
        draft["graded_on"] = lenient(record, "graded_on", cells.day, complaints)
    for key, limit in (("lon", 180), ("lat", 90)):
        if key in record.cells:
            draft[key] = lenient(record, key, cells.degrees(limit), complaints)
    if "in_drill" in record.cells:
        draft["in_drill"] = bool(optional(record, "in_drill", cells.yes, complaints))
    return draft | _exemption(record, complaints) | _plans(record)


def _exemption(record: Record, complaints: Complaints) -> Draft:
    draft: Draft = {}
    if "exemption_kind" in record.cells:
        draft["exemption_kind"] = _kind(record.cells["exemption_kind"])
    if "exemption_max_level" in record.cells:
        draft["exemption_max_level"] = optional(record, "exemption_max_level", _level, complaints)
    if "exemption_expires_on" in record.cells:
        draft["exemption_expires_on"] = optional(record, "exemption_expires_on", cells.day, complaints)
    return draft


def _plans(record: Record) -> Draft:
    """Measure texts belong to the plant as a whole where the row names no line."""
    if record.cells.get("line"):
        return {}
    return {
        f"{colour}_plan": record.cells[f"{colour}_measure"] or None
        for colour in COLOURS
        if f"{colour}_measure" in record.cells
    }


def _another_row(record: Record, code: str, listed: Listed, *, vocabulary: Vocabulary) -> None:
    """A second row of a plant is fine when it tells of another line and says the same of the plant."""
    first = listed.places[code]
    if not record.cells.get("line"):
        listed.complaints.rejected.append(record.complaint("credit_code", f"与第 {first.row} 行重复"))
        return
    for key in ("name", "city", "industry", "grade"):
        if record.cells[key] and record.cells[key] != first.cells[key]:
            listed.complaints.rejected.append(
                record.complaint(key, f"与第 {first.row} 行同一企业的“{first.cells[key]}”不一致")
            )
    for key in ("city", "industry", "grade"):
        optional(record, key, getattr(vocabulary, key), listed.complaints)


def _line_of(record: Record, code: str, listed: Listed) -> None:
    name = record.cells.get("line", "")
    alone = not name and any(record.cells.get(key) for key in _OF_A_LINE)
    if name or alone:
        _add_line(record, code, name or WHOLE_PLANT, listed)


def _read_lines(records: Iterator[Record], listed: Listed) -> None:
    for record in records:
        code = taken(record, "credit_code", credit_code, listed.complaints)
        name = taken(record, "line", _name, listed.complaints)
        if isinstance(code, str) and isinstance(name, str):
            if code in listed.plants:
                _add_line(record, code, name, listed)
            else:
                listed.complaints.rejected.append(record.complaint("credit_code", "清单里没有这家企业"))


def _add_line(record: Record, code: str, name: str, listed: Listed) -> None:
    listed.lines = {} if listed.lines is None else listed.lines
    lines = listed.lines.setdefault(code, {})
    if name in lines:
        listed.complaints.rejected.append(record.complaint("line", f"生产线“{name}”在同一企业里重复"))
        return
    lines[name] = _line(record, listed.complaints) | {"position": len(lines)}


def _line(record: Record, complaints: Complaints) -> Draft:
    draft: Draft = {"process": record.cells.get("process") or None}
    draft["capacity"] = lenient(record, "capacity", cells.number, complaints)
    draft["unit"] = record.cells.get("unit") or cells.unit(record.cells.get("capacity", "")) or None
    named = bool(record.cells.get("line"))
    for colour in COLOURS:
        draft[f"{colour}_measure"] = (record.cells.get(f"{colour}_measure") or None) if named else None
        title = record.titles.get(f"{colour}_cut", "")
        draft[f"{colour}_cut"] = lenient(record, f"{colour}_cut", _share_under(title), complaints)
    return draft | {key: lenient(record, key, _tonnes, complaints) for key in _TONNES}


def _share_under(title: str) -> Callable[[str], float]:
    return lambda written: cells.share(written, percent=title)


def _name(written: str) -> str:
    if written.isdigit() or "@" in written:
        raise ValueError("这里不像名称,各列可能错位")
    if len(written) > 200:
        raise ValueError(f"名称有 {len(written)} 字,超过 200 字")
    return written


def _kind(written: str) -> str | None:
    """是否保障类 is answered with yes or no; elsewhere the class is named."""
    plain = cells.narrow(written).lower()
    if plain in cells.NO:
        return None
    return "保障类" if plain in cells.YES else written


def _level(written: str) -> str:
    return Level.parse(cells.narrow(written)).word


def _tonnes(written: str) -> float:
    value = cells.number(written)
    if value < 0:
        raise ValueError(f"{written} 小于零")
    return value
