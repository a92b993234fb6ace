"""A site moves from its SQLite file to PostgreSQL: whole, compared, once; or not at all.

The old store stands still from the first look to the last mark: one write transaction there keeps every other writer
out, and leaves nothing behind when this process dies. The new one takes every row in one transaction as well, and may
not be used until the old one is marked; so at no moment are there two sites, or none that can be gone back to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, func, inspect, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from coordinator import audit, clock, copying, db, moved, presence, schema, verify
from coordinator.copying import Seen, Sum
from coordinator.errors import Fault, Refusal
from coordinator.models import Lease, Notice, Setting, State

BY = "shell"  # who acts here, in the audit chain
EMPTY_IT = "请清空目标库(DROP SCHEMA public CASCADE; CREATE SCHEMA public;)后再运行一次"


@dataclass(frozen=True, slots=True)
class Moved:
    """What arrived where, by table; ``head`` of the audit chain before the move itself was written into it."""

    to: str
    tables: dict[str, Sum]
    head: tuple[int, str]

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.tables.values())


def destination(written: str) -> URL:
    """The address after ``--to``. Raises Refusal when it is no PostgreSQL, Fault when this site is not on SQLite."""
    if not written.startswith("postgres"):
        raise Refusal("--to 应为 PostgreSQL 地址;例如 postgresql://用户:密码@主机/库")
    if not db.is_sqlite():
        raise Fault("现在用的已经是 PostgreSQL;搬迁是从 SQLite 出发的,请去掉 DATABASE_URL 或指向原来的文件")
    return db.parsed(written.replace("postgres://", "postgresql://", 1))


def spoken(to: URL) -> str:
    """The address as it may be read aloud."""
    return URL.create("postgresql", to.username, None, to.host, to.port, to.database).render_as_string()


def look(to: URL) -> dict[str, int]:
    """Rows by table that would move. Raises Fault when it could not be done now, saying what to do."""
    with _standing_still() as source:
        _fit(source, to)
        return copying.counts(source)


def move(to: URL, seen: Seen) -> Moved:
    """Copy, compare, verify, mark. Raises Fault when it can't be done; then the old store is as it was."""
    with _standing_still() as source:
        _fit(source, to)
        with db.at(to):
            schema.upgrade()
            tables = _carry(source, seen)
            head = _prove()
        _close_down(source, to)
    arrived = Moved(spoken(to), tables, head)
    _open_up(to)
    return arrived


@contextmanager
def _standing_still() -> Iterator[Connection]:
    """No role runs, nobody writes; what is written here is undone unless the block ends well."""
    schema.require()
    with presence.alone(), _in_words("搬迁没有做成"), db.connection() as source:
        yield source


def finished(to: URL) -> str:
    """What to say when this site has moved there already, with the last step done if it was still to do; else "".

    Raises Fault when it has moved elsewhere.
    """
    with db.reading() as session:
        there = inspect(session.connection()).has_table(Setting.__tablename__)
        gone = moved.mark(session, moved.GONE) if there else {}
    if not gone:
        return ""
    if gone["to"] != spoken(to):
        raise Fault(f"这个站点已于 {gone['at']} 搬到 {gone['to']},不能再搬到别处")
    late = "上次停在最后一步,现已补上。" if _open_up(to) else ""
    return f"这个站点已于 {gone['at']} 搬到 {gone['to']}。{late}请设 DATABASE_URL(带密码),再启动各角色"


def _fit(source: Connection, to: URL) -> None:
    """Everything that must hold before a row is copied."""
    _nothing_in_flight(source)
    if strange := copying.unknown_tables(source):
        raise Fault(f"原库里有程序不认识的表:{'、'.join(sorted(strange))};不搬会丢,请先处理")
    if wrong := copying.misfits(source):
        raise Fault("\n".join(wrong))
    if not verify.run()["ok"]:
        raise Fault("原库的账不平;请先看 liandong verify,改正后再搬")
    with db.at(to):
        if trouble := db.reachable():
            raise Fault(f"目标库 {spoken(to)} 连不上({trouble});请检查地址、账户与服务")
        _nothing_there(to)


def _nothing_in_flight(source: Connection) -> None:
    """A notice that somebody may be handing over now would be handed over again by the new site."""
    living = source.execute(
        select(Lease.name, Lease.until_s - db.seconds()).where(Lease.until_s > db.seconds()).order_by(Lease.name)
    ).all()
    if living:
        names, left_s = "、".join(row[0] for row in living), max(row[1] for row in living)
        raise Fault(f"{names} 的租约还有 {left_s:.0f} 秒,刚才还有进程在运行;请确认各角色都已停掉,{left_s:.0f} 秒后再试")
    if n := source.scalar(select(func.count()).select_from(Notice).where(Notice.state == State.SENDING)):
        raise Fault(
            f"{n} 份通知正在交给运营商(sending),现在搬迁可能重发;"
            "请启动 liandong worker,等 liandong status 里不再有 sending(约 100 秒),停掉它再搬"
        )


def _nothing_there(to: URL) -> None:
    """The target holds nothing; tables of ours without a row (from `init`, or a copy that was cut off) are nothing."""
    with db.connection() as target:
        filled = [name for name, rows in copying.counts(target).items() if rows]
        strange = copying.unknown_tables(target)
        with Session(target) as session:
            arriving = moved.mark(session, moved.ARRIVING) if Setting.__tablename__ in filled else {}
    if arriving:
        raise Fault(
            f"上次往 {spoken(to)} 的搬迁(始于 {arriving['at']})没有走完,目标库里留有它的副本;"
            f"原库没有动过,照旧可用。{EMPTY_IT}"
        )
    if filled or strange:
        raise Fault(f"目标库 {spoken(to)} 不是空的:{'、'.join([*filled, *sorted(strange)][:10])};请换一个空库")


def _carry(source: Connection, seen: Seen) -> dict[str, Sum]:
    """Every row, in one transaction of the target, with a mark that nobody may work there yet."""
    with db.connection() as target:
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            target.execute(text(f"SET LOCAL {limit} = 0"))
        copying.triggers_off(target)
        sent = {table.name: _sent(source, target, table, seen) for table in copying.tables()}
        copying.go_on_counting(target)
        copying.compare(sent, {table.name: copying.summed(target, table) for table in copying.tables()})
        copying.triggers_on(target)
        with Session(target) as session:
            _mark_arriving(session)
            session.flush()
        return sent


def _sent(source: Connection, target: Connection, table: Table, seen: Seen) -> Sum:
    with _in_words(f"表 {table.name} 搬不过去"):
        return copying.copy(source, target, table, seen)


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    """A database's refusal or absence as one line."""
    try:
        yield
    except (DatabaseError, copying.Refused) as error:
        why = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise Fault(f"{what}:{why};原库没有动过,照旧可用") from error


def _mark_arriving(session: Session) -> None:
    moved.set_mark(session, moved.ARRIVING, at=clock.now().isoformat(), **{"from": "SQLite"})


def _prove() -> tuple[int, str]:
    """The target's own books close and its chain holds. The length and head of the chain."""
    found = verify.run()
    wrong = [check["name"] for check in found["checks"] if not check["ok"]]
    with db.reading() as session:
        broken, head = audit.breaks(session), audit.head(session)
    if wrong or broken:
        raise Fault(f"目标库核对不过:{'、'.join([*wrong, *(one.why for one in broken)])};没有切换,原库照旧可用")
    return head


def _close_down(source: Connection, to: URL) -> None:
    """The old store says where the site went, and takes nothing more: not from a writer that waited all this time."""
    with Session(source) as session:
        moved.set_mark(session, moved.GONE, at=clock.now().isoformat(), to=spoken(to))
        session.flush()
    for table in copying.tables():
        for verb in ("INSERT", "UPDATE", "DELETE"):
            source.execute(
                text(
                    f'CREATE TRIGGER "moved_{table.name}_{verb}" BEFORE {verb} ON "{table.name}"'
                    " BEGIN SELECT RAISE(ABORT, 'the site has moved to PostgreSQL'); END"
                )
            )


def _open_up(to: URL) -> bool:
    """The new site may be worked on. False when it already was."""
    with db.at(to), db.transaction() as session:
        arriving = moved.mark(session, moved.ARRIVING)
        if not arriving:
            return False
        session.execute(delete(Setting).where(Setting.name == moved.ARRIVING))
        moved.set_mark(session, moved.CAME, **arriving)
        audit.record(session, BY, "move to postgresql", "site", begun_at=arriving["at"])
        return True
