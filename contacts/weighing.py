"""What every import has in common: the weighed difference, writing it in bulk, and leaving a trace of it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Table, bindparam, delete, insert, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from contacts.complaints import Complaints, Report
from contacts.difference import Change, Difference, Draft
from contacts.models import RegisterImport

CHUNK = 1000
SHOWN = 30  # differences told in a report
LOCK = 0x4C4401  # one import at a time, on a server that would allow several


@dataclass
class Weighed:
    """An import read and compared, not yet written; with a rejected row the difference stays empty."""

    register: str
    complaints: Complaints
    rows: int
    cities: Sequence[str] = ()
    difference: Difference = field(default_factory=Difference)
    label: str = "name"

    @property
    def stands(self) -> bool:
        """Holds when no row is rejected."""
        return not self.complaints.rejected

    def report(self) -> Report:
        """Counts and complaints; when a row is rejected nothing is done, so the counts are nought."""
        found = self.difference if self.stands else Difference()
        return Report(
            register=self.register,
            added=len(found.added),
            changed=len(found.changed),
            removed=len(found.removed),
            unchanged=found.unchanged,
            rejected=tuple(self.complaints.rejected),
            warnings=tuple(self.complaints.told()),
            cities=tuple(sorted(self.cities)),
            rows=self.rows,
            changes=tuple(_spoken(found, self.label)),
        )


def _spoken(found: Difference, label: str) -> Iterator[str]:
    for change in found.changed[:SHOWN]:
        differing = "; ".join(f"{key} {change.before.get(key)} → {change.after[key]}" for key in change.fields)
        yield f"改 {change.after.get(label)}:{differing}"[:300]
    yield from (f"删 {row.get(label)}" for row in found.removed[:SHOWN])
    yield from (f"增 {row.get(label)}" for row in found.added[:SHOWN])


def lock(session: Session) -> None:
    """Wait until no other import is comparing or writing; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def rows_of(session: Session, table: Table, *criteria: Any) -> Iterator[dict[str, Any]]:
    """Rows as mappings, a few thousand at a time."""
    for row in session.execute(select(table).where(*criteria).execution_options(yield_per=5000)):
        yield row._asdict()


def add_rows(session: Session, table: Table, rows: Iterable[Draft]) -> None:
    """Insert in bulk; PostgreSQL takes a stream of rows ten times as fast as statements."""
    streams = session.get_bind().dialect.name == "postgresql" and not any(
        isinstance(c.type, JSON) for c in table.columns
    )
    for chunk in _chunks(rows):
        if streams:
            _stream(session, table, chunk)
        else:
            session.execute(insert(table), chunk)


def _stream(session: Session, table: Table, rows: list[Draft]) -> None:
    dialect = session.get_bind().dialect
    names = list(rows[0])
    quoted = ", ".join(dialect.identifier_preparer.quote(name) for name in names)
    statement = f"COPY {dialect.identifier_preparer.format_table(table)} ({quoted}) FROM STDIN"
    cursor: Any = session.connection().connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([row[name] for name in names])
    except dialect.loaded_dbapi.Error as error:
        raise DatabaseError(statement, None, error) from error


def change_rows(session: Session, table: Table, changes: Iterable[Change], *, key: str) -> None:
    """Update by key, those columns that differ."""
    alike: defaultdict[tuple[str, ...], list[Change]] = defaultdict(list)
    for change in changes:
        alike[tuple(name for name in change.fields if name in table.columns)].append(change)
    for names, group in alike.items():
        if not names:
            continue
        statement = update(table).where(table.c[key] == bindparam("the_key"))
        statement = statement.values({name: bindparam(f"new_{name}") for name in names})
        for chunk in _chunks(group):
            values = [
                {"the_key": each.after[key]} | {f"new_{name}": each.after[name] for name in names} for each in chunk
            ]
            session.execute(statement, values)


def remove_rows(session: Session, table: Table, column: str, keys: Iterable[Any]) -> None:
    """Delete by key."""
    for chunk in _chunks(keys):
        session.execute(delete(table).where(table.c[column].in_(chunk)))


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def leave_trace(session: Session, weighed: Weighed, path: Path, now: datetime) -> None:
    """Who looks later sees which file did this, and what the rows said before."""
    found = weighed.difference
    before: list[dict[str, object]] = [{"was": _plain(row)} for row in found.removed]
    before += [
        {"key": _plain(each.after).get(weighed.label), "was": _plain(_differing(each))} for each in found.changed
    ]
    session.add(
        RegisterImport(
            register=weighed.register,
            file_name=path.name,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            imported_at=now,
            added=len(found.added),
            changed=len(found.changed),
            removed=len(found.removed),
            before=before,
        )
    )


def _differing(change: Change) -> dict[str, Any]:
    return {key: change.before.get(key) for key in change.fields}


def _plain(row: Mapping[str, Any]) -> dict[str, object]:
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()}
