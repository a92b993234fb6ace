"""The chain shows every change made afterwards."""

import random
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from coordinator import audit, db


def written(count: int) -> None:
    with db.transaction() as session:
        for n in range(count):
            audit.record(session, f"officer{n % 3}", "sign", f"alert:{n}", rev=n, words="橙色")


def unguarded(statement: str) -> None:
    """What only somebody with the database's own rights can do."""
    with db.engine().begin() as connection:
        for guard in ("audited_no_update", "audited_no_delete"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {guard}")
        connection.execute(text(statement))


def test_an_untouched_chain_holds(any_store: str) -> None:
    written(20)

    with db.reading() as session:
        assert audit.breaks(session) == []
        assert audit.head(session)[0] == 20


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE audited SET who = 'somebody else' WHERE seq = 7",
        "UPDATE audited SET detail = '{}' WHERE seq = 7",
        "DELETE FROM audited WHERE seq = 7",
        "UPDATE audited SET at = '2020-01-01 00:00:00' WHERE seq = 7",
        "UPDATE audited SET hash = prev WHERE seq = 7",
    ],
)
def test_every_tampering_is_found(store: object, tamper: str) -> None:
    written(12)

    unguarded(tamper)

    with db.reading() as session:
        assert audit.breaks(session)


def test_the_database_itself_refuses_to_change_the_audit(any_store: str) -> None:
    written(3)

    for statement in ("UPDATE audited SET who = 'x'", "DELETE FROM audited"):
        with pytest.raises(DatabaseError), db.engine().begin() as connection:
            connection.execute(text(statement))


def test_many_at_once_make_one_chain(any_store: str) -> None:
    threads = [threading.Thread(target=written, args=(random.randint(1, 5),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with db.reading() as session:
        assert audit.breaks(session) == []
