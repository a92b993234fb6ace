"""What does a file of measures say, and does it leave a gap?"""

from collections.abc import Iterable, Mapping
from datetime import date

from rules.industries import Grade, Words, fold, grades, industries
from rules.levels import Level
from rules.measure_tables import Block, ExemptClass, MeasureKind, Row, Table

Fields = Mapping[str, object]
ORDERED = (Level.PRE, Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
_EDITION = {"id", "title", "document", "place", "in_force_from", "in_force_to", "source", "confidence", "row"}
_ROW = {"industry", "grade", "level", "kind", "cut", "unit", "text", "source", "confidence"}
_BLOCK = {"topic", "force", "level", "place", "text", "source", "confidence"}


def table(*, trades: Fields, rated: Fields, classes: Fields, editions: Iterable[Fields], blocks: Fields) -> Table:
    """The whole table from the parsed files industries, grades, classes, one per edition, society.

    Errors: ValueError for an unknown key, name, level or kind; for a row that orders a self-choosing grade to stop;
    and for a grade and level without a row for any industry on any day: a table with a gap is no table.
    Source: rules/sets/measures.
    """
    trade_words = industries(_listed(trades, "industry"))
    grade_words = grades(_listed(rated, "grade"))
    rows = tuple(row for edition in editions for row in _rows(edition))
    for row in rows:
        _check(row, trade_words.names, grade_words)
    made = Table(
        industries=trade_words,
        grades=grade_words,
        classes={word: each for row in _listed(classes, "class") for word, each in _class(row)},
        rows=rows,
        blocks=tuple(_block(row) for row in _listed(blocks, "block")),
    )
    if missing := gaps(made):
        raise ValueError(f"减排措施表有缺口:{'、'.join(f'{grade} {level.word}' for grade, level in missing)}")
    return made


def gaps(made: Table) -> tuple[tuple[str, Level], ...]:
    """Every (grade, level) for which some industry would find no row today or later; empty when the table is total.

    Only rows for any industry, everywhere, without an end fill a gap.
    """
    standing = [row for row in made.rows if row.industry == "*" and not row.place and row.in_force_to is None]
    filled = {(grade, level) for row in standing for grade in row.grades for level in row.levels}
    return tuple(
        (grade, level)
        for grade in made.grades.names
        for level in ORDERED
        if not {(grade, level), ("*", level)} & filled
    )


def _rows(edition: Fields) -> Iterable[Row]:
    _known(edition, _EDITION, str(edition.get("id", "?")))
    for row in _listed(edition, "row"):
        _known(row, _ROW, str(edition["id"]))
        yield _row(row, edition)


def _row(row: Fields, edition: Fields) -> Row:
    return Row(
        edition=str(edition["id"]),
        document=str(edition["document"]),
        place=_strings(edition["place"]),
        in_force_from=_day(edition["in_force_from"]),
        in_force_to=_day(edition["in_force_to"]) if "in_force_to" in edition else None,
        industry=str(row["industry"]),
        grades=_strings(row["grade"]),
        levels=tuple(Level.parse(word) for word in _strings(row["level"])),
        kind=MeasureKind(str(row["kind"])),
        cut=float(str(row.get("cut", 0.0))),
        unit=str(row.get("unit", "")),
        text=str(row["text"]),
        source=str(row.get("source", edition["source"])),
        confidence=str(row.get("confidence", edition["confidence"])),
    )


def _check(row: Row, trades: tuple[str, ...], rated: Words[Grade]) -> None:
    if row.industry not in (*trades, "*"):
        raise ValueError(f"{row.edition}: 没有这个行业:{row.industry}")
    for name in row.grades:
        if name != "*" and name not in rated.names:
            raise ValueError(f"{row.edition}: 没有这个绩效等级:{name}")
    if not 0 <= row.cut <= 1:
        raise ValueError(f"{row.edition}: 比例应在 0 和 1 之间:{row.cut}({row.text})")
    spared = "*" in row.grades or any(rated.named(name).self_chosen for name in row.grades)
    if spared and row.kind not in (MeasureKind.SELF, MeasureKind.MANAGE):
        raise ValueError(f"{row.edition}: 自主减排的等级不能下达停限产:{row.text}")


def _class(row: Fields) -> Iterable[tuple[str, ExemptClass]]:
    name = str(row["name"])
    words = (str(row[key]) for key in ("text", "source", "confidence"))
    made = ExemptClass(name, Level.parse(str(row["covers"])), *words)
    return ((fold(word), made) for word in (name, *_strings(row.get("aliases", []))))


def _block(row: Fields) -> tuple[tuple[str, ...], tuple[Level, ...], Block]:
    _known(row, _BLOCK, "society")
    if row["force"] not in ("mandatory", "advisory", "health"):
        raise ValueError(f"society: force 应为 mandatory、advisory 或 health:{row['force']}")
    levels = tuple(Level.parse(word) for word in _strings(row["level"]))
    block = Block(*(str(row[key]) for key in ("topic", "force", "text", "source")))
    return _strings(row.get("place", [])), levels, block


def _listed(fields: Fields, key: str) -> list[Fields]:
    rows = fields[key]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"[[{key}]] 应为一组表")
    return rows


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError(f"应为字符串列表,得到 {value!r}")
    return tuple(value)


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise ValueError(f"应为日期,得到 {value!r}")
    return value


def _known(fields: Fields, keys: set[str], where: str) -> None:
    if unknown := sorted(set(fields) - keys):
        raise ValueError(f"{where}: 不认识的键 {'、'.join(unknown)}")
