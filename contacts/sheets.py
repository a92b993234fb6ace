"""What tables does this file hold: xlsx, xls, ods or delimited text in any of the encodings offices use."""

import csv
import errno
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from contacts.complaints import Unreadable

DELIMITERS = ",;\t|，；"
LARGEST_UNPACKED = 1 << 30  # bytes; a register of 300,000 plants unpacks to a quarter of it
LARGEST_FILE = 256 << 20
LONGEST_MERGE = 1000  # rows
LOOKED_AT = 40  # rows in which the heading must stand

Cells = list[object]
Likeness = Callable[[list[Cells]], tuple[int, int]]


@dataclass(frozen=True)
class Table:
    """One sheet; ``rows`` gives (row number as the spreadsheet shows it, cells), and may be read once."""

    name: str
    rows: Iterator[tuple[int, Cells]]


OTHER_KINDS = {
    b"%PDF": "PDF 文件",
    b"\x89PNG": "图片",
    b"\xff\xd8\xff": "图片",
    b"GIF8": "图片",
    b"Rar!": "压缩文件",
    b"7z\xbc\xaf": "压缩文件",
    b"\x1f\x8b": "压缩文件",
    b"SQLite format 3": "数据库文件",
}
WHY = {
    errno.ENOENT: "没有这个文件,请检查路径",
    errno.EISDIR: "这是文件夹,不是文件",
    errno.EACCES: "没有读取权限",
}


def read(path: Path, likeness: Likeness) -> tuple[list[Table], list[str]]:
    """The tables of a file and remarks on what was left out.

    ``likeness`` says how many columns of the wanted register a block of rows shows; it settles the delimiter.
    """
    content = _bytes(path)
    if content[:4] == b"PK\x03\x04" or content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _workbook(path, content)
    return [_delimited(path, _decoded(path, content), likeness)], []


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_FILE else b""
    except OSError as error:
        raise Unreadable(f"{path} 读不了:{WHY.get(error.errno or 0, error.strerror)}") from error
    if size > LARGEST_FILE:
        raise Unreadable(f"{path} 有 {size >> 20} MB,超过 {LARGEST_FILE >> 20} MB,请按城市分开导入")
    if not content.strip():
        raise Unreadable(f"{path} 是空文件")
    if kind := next((kind for sign, kind in OTHER_KINDS.items() if content.startswith(sign)), ""):
        raise Unreadable(f"{path} 是{kind},不是表格;请另存为 xlsx 或 csv 再导入")
    return content


def _workbook(path: Path, content: bytes) -> tuple[list[Table], list[str]]:
    _refuse_bomb(path, content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        seen = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
        tables = [Table(name, _sheet_rows(book.get_sheet_by_name(name))) for name in seen]
    except (CalamineError, OSError, zipfile.BadZipFile) as error:
        raise Unreadable(f"{path} 不是能打开的表格(加密的文件请先去掉密码,另存为 xlsx):{error}") from error
    hidden = [sheet.name for sheet in sheets if sheet.name not in seen]
    return tables, [f"隐藏的工作表“{name}”未读" for name in hidden]


def _refuse_bomb(path: Path, content: bytes) -> None:
    if content[:2] != b"PK":
        return
    try:
        size = sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(content)).infolist())
    except (zipfile.BadZipFile, RuntimeError, ValueError, EOFError) as error:
        raise Unreadable(f"{path} 已损坏:{error}") from error
    if size > LARGEST_UNPACKED:
        raise Unreadable(f"{path} 解开后有 {size >> 20} MB,不像名录")


def _sheet_rows(sheet: CalamineSheet) -> Iterator[tuple[int, Cells]]:
    """Rows as they stand, with a value merged over several rows repeated in each of them."""
    origins = _merged_down(sheet)
    kept: dict[tuple[int, int], object] = {}
    wanted = {origin for row in origins.values() for origin in row.values()}
    for index, row in enumerate(sheet.iter_rows()):
        cells: Cells = list(row)
        for column, origin in origins.get(index, {}).items():
            if column < len(cells) and cells[column] == "":
                cells[column] = kept.get(origin, "")
        if wanted:
            kept.update({(index, place): cell for place, cell in enumerate(cells) if (index, place) in wanted})
        yield index + 1, cells


def _merged_down(sheet: CalamineSheet) -> dict[int, dict[int, tuple[int, int]]]:
    """Row → column → the cell that speaks for it; the reader leaves out empty columns on the left."""
    shift = sheet.start[1] if sheet.start else 0
    origins: dict[int, dict[int, tuple[int, int]]] = {}
    for (top, left), (bottom, _right) in sheet.merged_cell_ranges or ():
        for below in range(top + 1, min(bottom, top + LONGEST_MERGE) + 1):
            origins.setdefault(below, {})[left - shift] = (top, left - shift)
    return origins


def _decoded(path: Path, content: bytes) -> str:
    for encoding in _encodings(content):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(f"{path} 的文字编码认不出来,请另存为 UTF-8 的 csv 或 xlsx")


def _encodings(content: bytes) -> Iterable[str]:
    """A byte-order mark decides; without one, many zero bytes mean UTF-16; then UTF-8, then GB 18030."""
    if content.startswith(b"\xef\xbb\xbf"):
        return ("utf-8-sig",)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ("utf-16",)
    head = content[:4000]
    if head[1::2].count(0) > len(head) // 8:
        return ("utf-16-le",)
    if head[0::2].count(0) > len(head) // 8:
        return ("utf-16-be",)
    return ("utf-8", "gb18030")


def _delimited(path: Path, text: str, likeness: Likeness) -> Table:
    if text.lstrip()[:1] == "<" and "<table" in text[:20000].lower():
        raise Unreadable(f"{path} 其实是网页,请在表格软件里另存为 xlsx 或 csv")
    csv.field_size_limit(1 << 24)
    try:
        chosen = max(DELIMITERS, key=lambda mark: likeness([row for _, row in islice(_parsed(text, mark), LOOKED_AT)]))
        rows = list(_parsed(text, chosen))
    except csv.Error as error:
        raise Unreadable(f"{path} 不是完整的 csv:{error}") from error
    return Table("", iter(rows))


def _parsed(text: str, delimiter: str) -> Iterator[tuple[int, Cells]]:
    """Rows with the number of their first line; a quoted cell may run over several lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    start = 1
    for row in reader:
        yield start, list(row)
        start = reader.line_num + 1
