"""Where the truth is kept: one engine per address, transactions, and the database's own clock."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Float,
    FromClause,
    Insert,
    String,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from coordinator import plainly
from coordinator.errors import Misconfigured


class seconds(FunctionElement[float]):  # noqa: N801 - reads as a function in SQL
    """Seconds since 1970 by the database's clock: leases, back-off and pacing know no other."""

    type = Float()
    inherit_cache = True


@compiles(seconds, "postgresql")
def _postgresql_seconds(element: Any, compiler: Any, **kw: Any) -> str:
    return "extract(epoch from clock_timestamp())::float8"


@compiles(seconds, "sqlite")
def _sqlite_seconds(element: Any, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


def home() -> Path:
    """The folder of this installation's own files; made when missing."""
    folder = Path(os.environ.get("LIANDONG_HOME", "var")).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"LIANDONG_HOME {folder} 不能使用:{plainly.of_system(error)}") from error
    return folder


_elsewhere: ContextVar[URL | None] = ContextVar("elsewhere", default=None)


@contextmanager
def at(url: URL) -> Iterator[None]:
    """Within the block everything here means the database at this address: for moving from one to another."""
    token = _elsewhere.set(url)
    try:
        yield
    finally:
        _elsewhere.reset(token)


def address() -> URL:
    """DATABASE_URL, or SQLite under LIANDONG_HOME."""
    return _elsewhere.get() or parsed(os.environ.get("DATABASE_URL") or f"sqlite:///{home() / 'liandong.db'}")


def parsed(text: str) -> URL:
    """The address in the spelling the engine wants; Misconfigured when it is none of ours."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise Misconfigured("DATABASE_URL 不是数据库地址;例如 postgresql://用户:密码@主机/库") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise Misconfigured(f"DATABASE_URL: 只支持 postgresql 与 sqlite,不支持 {url.get_backend_name()}")
    return url


def engine() -> Engine:
    """The engine of the address now configured (tests move it)."""
    return _engine(address())


@cache
def _engine(url: URL) -> Engine:
    made = _new_engine(url)
    _made.append(made)
    return made


_made: list[Engine] = []


def _forget_inherited() -> None:
    """A connection belongs to the process that opened it: two that share one read each other's answers."""
    for made in _made:
        made.dispose(close=False)


os.register_at_fork(after_in_child=_forget_inherited)


def _new_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        made = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})
        event.listen(made, "connect", _prepare_sqlite)
        event.listen(made, "begin", _begin_sqlite)
        return made
    return create_engine(
        url,
        pool_size=20,
        max_overflow=40,
        pool_pre_ping=True,
        pool_timeout=15,
        connect_args={
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 20000,
            "options": "-c synchronous_commit=on -c statement_timeout=60000"
            " -c idle_in_transaction_session_timeout=30000 -c timezone=UTC",
        },
    )


def _prepare_sqlite(connection: Any, record: Any) -> None:
    """No implicit transactions (they lose updates); a commit survives a power cut."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("liandong_reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: committed when the block ends well, undone when it raises."""
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """A consistent look that takes no write lock."""
    with Session(engine().execution_options(liandong_reading=True), expire_on_commit=False) as session:
        yield session


@contextmanager
def connection() -> Iterator[Connection]:
    """One transaction without the object layer, for thousands of rows at a time."""
    with engine().begin() as opened:
        yield opened


def is_sqlite() -> bool:
    return address().get_backend_name() == "sqlite"


def words(*states: str) -> list[ColumnElement[str]]:
    """States spelt out in the statement, not bound to it: only so does a partial index serve a prepared one."""
    return [literal_column(f"'{state!s}'", String()) for state in states]


def insert_new(table: Table) -> Insert:
    """An INSERT that passes over rows whose key is already there."""
    dialect = sqlite if is_sqlite() else postgresql
    made: Insert = dialect.insert(table).on_conflict_do_nothing()
    return made


def among(column: InstrumentedAttribute[str], words: Sequence[str]) -> ColumnElement[bool]:
    """``column`` holds one of ``words``: one bound value, however many; a thousand cost more to spell out than to find."""
    if is_sqlite():
        return column.in_(select(func.json_each(json.dumps(words)).table_valued("value").c.value))
    return column == any_(literal(list(words), postgresql.ARRAY(String)))


def insert_many(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """New rows by the thousand, which all name the same columns. A key that is already there is an error."""
    if not rows:
        return
    if is_sqlite():
        session.execute(table.insert(), list(rows))
        return
    names = list(rows[0])
    dialect = engine().dialect
    turns = [
        (n, table.columns[name].type.dialect_impl(dialect).bind_processor(dialect)) for n, name in enumerate(names)
    ]
    turned = [(n, turn) for n, turn in turns if turn is not None]
    cursor: Any = session.connection().connection.cursor()
    columns = ", ".join(f'"{name}"' for name in names)
    with cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
        for row in rows:
            values = list(row.values())
            for n, turn in turned:
                values[n] = turn(values[n])
            copy.write_row(values)


def recordset(title: str, rows: Sequence[Mapping[str, Any]], **columns: TypeEngine[Any]) -> FromClause:
    """These rows as a table within one statement, so that thousands are changed in one round trip."""
    given = bindparam(None, json.dumps(rows), type_=Text())
    if is_sqlite():
        each = func.json_each(given).table_valued("value")
        return select(
            *(
                type_coerce(func.json_extract(each.c.value, f"$.{name}"), kind).label(name)
                for name, kind in columns.items()
            )
        ).subquery(title)
    named = [column(name, kind) for name, kind in columns.items()]
    return (
        func.json_to_recordset(cast(given, postgresql.JSON))
        .table_valued(*named, name=title)
        .render_derived(with_types=True)
    )


def reachable() -> str:
    """ "" when the database answers, else why not, in one line."""
    try:
        with engine().connect() as opened:
            opened.exec_driver_sql("SELECT 1")
    except OperationalError as error:
        return plainly.of_database(error.orig)
    return ""
