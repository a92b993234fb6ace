"""Who works on this store now: every role holds a lock beside the SQLite file, which ends with its process."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

from coordinator import db, moved
from coordinator.errors import Fault, Misconfigured


def enter() -> None:
    """This process plays a role on the store until it ends. Raises Misconfigured when the site moved away or is moving."""
    if db.is_sqlite():
        _hold(_beside())
        moved.refuse()


@lru_cache(maxsize=1)
def _hold(path: Path) -> IO[str]:
    """Kept open as long as the process lives; children forked from it hold it too. A process has one store."""
    held = path.open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Misconfigured(
            "这个站点正在搬往 PostgreSQL(liandong migrate-to-postgres 在运行);请等它结束再启动"
        ) from error
    return held


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else works on the store, and nobody may begin. Raises Fault when somebody does."""
    with _beside().open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Fault(
                "还有角色在运行(web、worker、clock、up 或 demo);请先停掉它们,再运行 liandong migrate-to-postgres"
            ) from error
        yield


def _beside() -> Path:
    return Path(f"{db.address().database}.roles").absolute()
