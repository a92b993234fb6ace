"""Which records does a file hold: its sheets, the heading of each, and the rows below it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path

from contacts import headings, sheets
from contacts.cells import blank, text
from contacts.columns import Form
from contacts.complaints import Complaint, Complaints, Unreadable
from contacts.headings import Heading

_FOOTERS = (
    "合计",
    "总计",
    "小计",
    "共计",
    "注:",
    "注:",
    "备注:",
    "备注:",
    "说明:",
    "说明:",
    "填表人",
    "制表",
    "审核人",
    "填报单位",
)


@dataclass(slots=True)
class Record:
    """One row under a heading: clean text by field; blank strokes count as empty."""

    row: int
    sheet: str
    cells: dict[str, str]
    titles: dict[str, str]

    def complaint(self, field: str, reason: str) -> Complaint:
        """What is wrong with one cell, with the title the clerk sees."""
        return Complaint(self.row, self.titles.get(field, field), self.cells.get(field, ""), reason, self.sheet, field)


@dataclass(frozen=True)
class Part:
    """The records of one sheet."""

    form: Form
    heading: Heading
    records: Iterator[Record]


@dataclass(frozen=True)
class _Sheet:
    name: str
    first: list[tuple[int, list[object]]]
    rest: Iterator[tuple[int, list[object]]]

    def heading(self, form: Form) -> Heading:
        return headings.find([cells for _, cells in self.first], form)


def open_register(path: Path, form: Form, complaints: Complaints, *others: Form) -> list[Part]:
    """The parts of ``path`` that hold ``form``, and those that hold one of ``others``.

    Raises Unreadable when a needed column is missing: half a register is never taken for a whole one.
    """
    tables, remarks = sheets.read(path, partial(headings.likeness, form=form))
    complaints.warnings += remarks
    opened = [_Sheet(table.name, list(islice(table.rows, sheets.LOOKED_AT)), table.rows) for table in tables]
    filled = [sheet for sheet in opened if sheet.first]
    parts = [part for sheet in filled if (part := _part(path, sheet, (form, *others), complaints))]
    if not any(part.form is form for part in parts):
        raise _nothing_found(path, form, filled)
    return parts


def _part(path: Path, sheet: _Sheet, forms: tuple[Form, ...], complaints: Complaints) -> Part | None:
    for form in forms:
        heading = sheet.heading(form)
        if heading.places and not heading.missing(form):
            _refuse_doubles(path, sheet, heading)
            return Part(form, heading, _records(sheet, heading))
    heading = sheet.heading(forms[0])
    if forms[0].anchor in heading.places:
        raise Unreadable(_lacks(path, sheet.name, heading, forms[0]))
    if sheet.name:
        complaints.warnings.append(f"工作表“{sheet.name}”没有本名录的表头,未读")
    return None


def _refuse_doubles(path: Path, sheet: _Sheet, heading: Heading) -> None:
    if heading.twice:
        raise Unreadable(f"{_where(path, sheet.name)}的表头“{heading.twice[0]}”出现两次,不知以哪一列为准,请删去一列")


def _nothing_found(path: Path, form: Form, filled: list[_Sheet]) -> Unreadable:
    if not filled:
        return Unreadable(f"{path} 里没有内容")
    best = max(filled, key=lambda sheet: len(sheet.heading(form).places))
    return Unreadable(_lacks(path, best.name, best.heading(form), form))


def _lacks(path: Path, sheet: str, heading: Heading, form: Form) -> str:
    english = {column.title: column.field for column in form.columns}
    wanted = "、".join(f"{title} {english[title]}" if title in english else title for title in heading.missing(form))
    found = "、".join(heading.found[:20]) or "没有可用的表头"
    return f"{_where(path, sheet)}缺少列:{wanted};找到的列:{found[:300]}"


def _where(path: Path, sheet: str) -> str:
    return f"{path} 工作表“{sheet}”" if sheet else f"{path} "


def _records(sheet: _Sheet, heading: Heading) -> Iterator[Record]:
    titles = dict(heading.titles)
    places = list(heading.places.items())
    for row, cells in chain(sheet.first[heading.last_row + 1 :], sheet.rest):
        read = {field: _cell(cells, columns) for field, columns in places}
        if any(read.values()) and not _aside(cells, read, titles):
            yield Record(row, sheet.name, read, titles)


def _cell(cells: list[object], columns: list[int]) -> str:
    for column in columns:
        if column < len(cells) and (value := _shown(cells[column])):
            return value
    return ""


@lru_cache(maxsize=1 << 14, typed=True)
def _shown(cell: object) -> str:
    """Clean text, nothing for a blank stroke; most cells of a column repeat a few dozen words."""
    value = text(cell)
    return "" if blank(value) else value


def _aside(cells: list[object], read: dict[str, str], titles: dict[str, str]) -> bool:
    """Holds for totals, remarks below the table, and a heading repeated on the next printed page."""
    first = next((written for cell in cells if (written := text(cell))), "")
    if first.startswith(_FOOTERS):
        return True
    return first in titles.values() and all(value == titles[field] for field, value in read.items() if value)


Parse = Callable[[str], object]


def taken(record: Record, field: str, parse: Parse, complaints: Complaints) -> object:
    """The cell as a value; None and a complaint when it is empty or can't be read."""
    written = record.cells.get(field, "")
    if not written:
        complaints.rejected.append(record.complaint(field, "没有填写"))
        return None
    return optional(record, field, parse, complaints)


def optional(record: Record, field: str, parse: Parse, complaints: Complaints) -> object:
    """As `taken`, but an empty cell is None without complaint."""
    written = record.cells.get(field, "")
    if not written:
        return None
    try:
        return parse(written)
    except ValueError as error:
        complaints.rejected.append(record.complaint(field, str(error)))
        return None


def lenient(record: Record, field: str, parse: Parse, complaints: Complaints) -> object:
    """As `optional`, but what can't be read is left empty with a warning: the column decides nothing by itself."""
    written = record.cells.get(field, "")
    if not written:
        return None
    try:
        return parse(written)
    except ValueError as error:
        complaints.warn(f"{record.titles.get(field, field)}未采用({error})"[:120], f"第 {record.row} 行")
        return None
