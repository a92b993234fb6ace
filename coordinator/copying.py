"""Every table from one database to another, row for row; and whether both then hold the same."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Integer,
    Select,
    String,
    Table,
    Text,
    case,
    cast,
    func,
    inspect,
    select,
    text,
)

from contacts.models import Base as Contacts
from coordinator.errors import Fault
from coordinator.models import Base as Coordinator

BATCH = 2000
ROUND = 1 << 256
Seen = Callable[[str, int], None]
Refused = psycopg.Error  # what the driver raises within a COPY


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows a table holds, and one number that any change, loss or repeat of a row would change."""

    rows: int = 0
    checksum: int = 0

    def plus(self, row: tuple[Any, ...]) -> "Sum":
        """Added up, so that the order of the rows does not matter: two databases sort words differently."""
        digest = hashlib.sha256(repr(row).encode()).digest()
        return Sum(self.rows + 1, (self.checksum + int.from_bytes(digest)) % ROUND)

    @property
    def short(self) -> str:
        return f"{self.checksum:064x}"[:16]


def tables() -> list[Table]:
    """Every table of both packages, what is pointed at before what points."""
    return [*Contacts.metadata.sorted_tables, *Coordinator.metadata.sorted_tables]


def unknown_tables(connection: Connection) -> set[str]:
    """Tables of the database that no package knows: a copy would leave them behind."""
    return set(inspect(connection).get_table_names()) - {table.name for table in tables()} - {"alembic_version"}


def counts(connection: Connection) -> dict[str, int]:
    """Rows by table, of the tables that are there."""
    there = set(inspect(connection).get_table_names())
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in tables()
        if table.name in there
    }


def misfits(connection: Connection) -> list[str]:
    """Values that SQLite keeps and PostgreSQL refuses: words longer than their column, and words with a NUL."""
    found = []
    for table in tables():
        counted = [func.sum(_misfit(column)).label(column.name) for column in _worded(table)]
        row = connection.execute(select(*counted).select_from(table)).one() if counted else ()
        found += [
            f"{table.name}.{column.name}: {n} 行的内容过长或含空字符,PostgreSQL 不收;请先更正"
            for column, n in zip(_worded(table), row, strict=True)
            if n
        ]
    return found


def _worded(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if isinstance(column.type, String)]


def _misfit(column: Column[Any]) -> Any:
    wrong = func.instr(column, func.char(0)) > 0
    if column.type.length:  # type: ignore[attr-defined]
        wrong |= func.length(column) > column.type.length  # type: ignore[attr-defined]
    return case((wrong, 1), else_=0)


def copy(source: Connection, target: Connection, table: Table, seen: Seen) -> Sum:
    """One table in one COPY, batch by batch. ``seen`` hears of the progress."""
    total, names = Sum(), ", ".join(f'"{column.name}"' for column in table.columns)
    kinds = [_as_written(column).type for column in table.columns]
    turned = [kind.dialect_impl(target.dialect).bind_processor(target.dialect) or _as_it_is for kind in kinds]
    driver: Any = target.connection.cursor()
    with driver.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as into:
        for row in _rows(source, table):
            into.write_row([turn(value) for turn, value in zip(turned, row, strict=True)])
            total = total.plus(row)
            if total.rows % BATCH == 0:
                seen(table.name, total.rows)
    seen(table.name, total.rows)
    return total


def summed(connection: Connection, table: Table) -> Sum:
    """What the table holds, read anew."""
    total = Sum()
    for row in _rows(connection, table):
        total = total.plus(row)
    return total


def _rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    for row in connection.execute(_everything(table).execution_options(yield_per=BATCH)):
        yield tuple(row)


def _everything(table: Table) -> Select[Any]:
    return select(*(_as_written(column) for column in table.columns)).order_by(*table.primary_key.columns)


def _as_written(column: Column[Any]) -> Any:
    """JSON travels as the text that was sealed, not as what it means."""
    return cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column


def _as_it_is(value: Any) -> Any:
    return value


def triggers_off(target: Connection) -> None:
    """Within the transaction: the guards watch acts, and a copy is none."""
    for table in tables():
        target.execute(text(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER'))


def triggers_on(target: Connection) -> None:
    for table in tables():
        target.execute(text(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER'))


def go_on_counting(target: Connection) -> None:
    """The next row of every table gets the next number."""
    for table in tables():
        for column in table.primary_key.columns:
            if isinstance(column.type, Integer):
                target.execute(
                    text(
                        f'SELECT setval(sequence, greatest(1, (SELECT max("{column.name}") FROM "{table.name}")),'  # noqa: S608
                        f" EXISTS (SELECT 1 FROM \"{table.name}\")) FROM pg_get_serial_sequence('\"{table.name}\"', '{column.name}')"
                        " AS sequence WHERE sequence IS NOT NULL"
                    )
                )


def compare(sent: dict[str, Sum], arrived: dict[str, Sum]) -> None:
    """Raise Fault when a table did not arrive as it was sent."""
    different = [name for name in sent if sent[name] != arrived.get(name)]
    if different:
        raise Fault(f"核对不符:{'、'.join(different)};没有切换,原库照旧可用")
