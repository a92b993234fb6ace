"""Which tables there are, and whether this database has them: migrations, and guards the database itself keeps."""

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from coordinator import clock, db, moved
from coordinator.errors import Misconfigured
from coordinator.models import MOVES

FOLDER = Path(__file__).parent / "migrations"


COMING = ("starting up", "shutting down", "recovery mode", "正在启动", "正在关闭", "恢复模式")
COMES_WITHIN_S = 60.0


def _reached() -> None:
    """A database that says it is on its way is waited for, a minute at most; any other silence is a fault of the settings."""
    until = clock.monotonic() + COMES_WITHIN_S
    while trouble := db.reachable():
        if clock.monotonic() > until or not any(word in trouble for word in COMING):
            raise _unusable(trouble)
        time.sleep(0.5)


def _alembic() -> Config:
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    return made


def upgrade() -> str:
    """Create or migrate the schema, set the guards; the version now in the database."""
    _reached()
    moved.refuse()
    command.upgrade(_alembic(), "head")
    guard()
    return version()


def version() -> str:
    """The version in the database; "" when it has no tables of ours."""
    with db.engine().connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def expected() -> str:
    """The version this code works with."""
    return ScriptDirectory.from_config(_alembic()).get_current_head() or ""


def require() -> None:
    """Raise Misconfigured unless the database is ready for this code."""
    _reached()
    found = version()
    if not found:
        raise Misconfigured("数据库还没有建表;请先运行 liandong init")
    if found != expected():
        raise Misconfigured(
            f"数据库版本 {found} 与程序 {expected()} 不一致;请运行 liandong init 升级,或换用相应版本的程序"
        )
    moved.refuse()


def _unusable(trouble: str) -> Misconfigured:
    if db.is_sqlite():
        return Misconfigured(f"数据库文件 {db.engine().url.database} 不能使用:{trouble}")
    return Misconfigured(f"DATABASE_URL: 数据库连不上({trouble});请检查地址、账户与服务")


def guard() -> None:
    """Triggers: no notice moves but by MOVES, and nothing sealed in the audit is changed or removed."""
    pairs = ", ".join(f"'{old.value}>{new.value}'" for old, news in MOVES.items() for new in news)
    statements = _sqlite_guards(pairs) if db.is_sqlite() else _postgresql_guards(pairs)
    with db.engine().begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _sqlite_guards(pairs: str) -> list[str]:
    return [
        "DROP TRIGGER IF EXISTS notice_moves",
        f"""CREATE TRIGGER notice_moves BEFORE UPDATE OF state ON notice
            WHEN NEW.state <> OLD.state AND OLD.state || '>' || NEW.state NOT IN ({pairs})
            BEGIN SELECT RAISE(ABORT, 'a notice may not move like this'); END""",
        *(
            f"""CREATE TRIGGER IF NOT EXISTS audited_no_{verb.lower()} BEFORE {verb} ON audited
                BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"""
            for verb in ("UPDATE", "DELETE")
        ),
    ]


def _postgresql_guards(pairs: str) -> list[str]:
    return [
        f"""CREATE OR REPLACE FUNCTION notice_moves() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN IF OLD.state || '>' || NEW.state NOT IN ({pairs})
            THEN RAISE EXCEPTION 'a notice may not move from % to %', OLD.state, NEW.state; END IF;
            RETURN NEW; END $body$""",
        "DROP TRIGGER IF EXISTS notice_moves ON notice",
        """CREATE TRIGGER notice_moves BEFORE UPDATE OF state ON notice FOR EACH ROW
            WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION notice_moves()""",
        """CREATE OR REPLACE FUNCTION audited_sealed() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN RAISE EXCEPTION 'the audit is append-only'; END $body$""",
        "DROP TRIGGER IF EXISTS audited_sealed ON audited",
        """CREATE TRIGGER audited_sealed BEFORE UPDATE OR DELETE ON audited
            FOR EACH ROW EXECUTE FUNCTION audited_sealed()""",
    ]
