"""Processes that come of one another never share a connection: each would read the other's answers."""

import os

import pytest
from sqlalchemy import text

from coordinator import db, schema
from tests import services


def backend() -> int:
    with db.reading() as session:
        return int(session.scalar(text("SELECT pg_backend_pid()")) or 0)


def test_a_forked_process_opens_connections_of_its_own(
    store: object, postgresql_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", services.new_database(postgresql_server))
    schema.upgrade()
    mine = backend()
    seen, say = os.pipe()

    child = os.fork()
    if not child:
        os.write(say, str(backend()).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert int(os.read(seen, 20)) != mine
    assert backend() == mine, "the parent's own connection is still good"
    os.close(seen)
    os.close(say)
    db.engine().dispose()
