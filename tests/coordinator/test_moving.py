"""A site that outgrew SQLite goes over to PostgreSQL whole, is worked on there, and the old file says where it went."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from coordinator import (
    answers,
    audit,
    clock,
    copying,
    db,
    drills,
    incidents,
    moving,
    receipts,
    schema,
    verify,
)
from coordinator.cli import main
from coordinator.errors import CoordinatorError, Fault, Refusal
from coordinator.models import Lease, Mode, Notice, Payload, Receiver, State
from rules.levels import Level
from tests import desk_region, services
from tests.conftest import ROOT
from tests.coordinator.conftest import issued, officer, proposed, sign
from tests.coordinator.test_path import drained, ledger


def silent(table: str, rows: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def target(postgresql_server: str) -> Iterator[str]:
    made = services.new_database(postgresql_server)
    yield made
    with db.at(db.parsed(made)):
        db.engine().dispose()


def heard(session: Any, alert_id: int) -> None:
    """Some of what the carrier took is delivered, some is not."""
    texts = session.scalars(select(Notice).where(Notice.alert_id == alert_id, Notice.channel == "sms")).all()
    for n, notice in enumerate(texts):
        word = ("delivered", "undelivered", "sent")[n % 3]
        form = {"MessageSid": notice.reference, "MessageStatus": word}
        receipts.record(session, form, attempt=f"{notice.id}.1")


def rehearse() -> None:
    with db.transaction() as session:
        drill = drills.start(session, "notice-chain", by="x1")
        alert_id = drills.alert_of(session, drill).id
    sign(alert_id, "s1")


@pytest.fixture
def played(region: SimpleNamespace, carriers: Any) -> SimpleNamespace:
    """A site in the middle of its work: sent, answered, heard of, waiting, called off, a drill, an incident."""
    with db.transaction() as session:
        desk_region.air(session, 5)
        session.add(Payload(source="cnemc", sha256="1" * 64, received_at=clock.now(), body=bytes(range(256))))
    rehearse()
    told = issued()
    drained()
    with db.transaction() as session:
        heard(session, told)
        plant = session.scalars(select(Receiver).where(Receiver.alert_id == told)).first()
        assert plant
        answers.accept(session, plant, by="厂长", channel="link")
        answers.answer(session, plant, kind="done", by="厂长", channel="link", words="已停产 “1号窑”\n完毕")
    with db.transaction() as session:
        facts = {"learned_at": clock.now().isoformat(), "deaths": 3}
        incidents.report(
            session, facts, city="石家庄", title="罐车侧翻", mode=Mode.ACTUAL, officer=officer(session, "d1")
        )
    waiting = issued(Level.YELLOW)
    proposed(Level.RED)
    with db.transaction() as session:
        rows = session.scalars(select(Notice).where(Notice.alert_id == waiting).order_by(Notice.id)).all()
        for notice, state in zip(rows, (State.CANCELLED, State.SUPPRESSED, State.DEAD), strict=False):
            notice.state, notice.finished_at = state, clock.now()
    return SimpleNamespace(told=told, waiting=waiting)


def run(*words: str) -> int:
    """The exit code of one of our commands, run within the test."""
    try:
        main(list(words))
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def everything() -> dict[str, copying.Sum]:
    with db.connection() as connection:
        return {table.name: copying.summed(connection, table) for table in copying.tables()}


def test_a_played_site_arrives_whole_and_the_old_file_says_where_it_went(
    played: SimpleNamespace, target: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything()
    with db.reading() as session:
        head = audit.head(session)
        states = set(session.scalars(select(Notice.state).distinct()))
    assert len(states) >= 8
    lived = ("answer", "drill", "duty", "attempt", "carrier_event", "reading", "forecast", "payload", "quarantined")
    assert min(before[name].rows for name in lived) > 0

    assert run("migrate-to-postgres", "--to", target, "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["rows"] for row in told["tables"]} == {name: each.rows for name, each in before.items()}
    assert told["audit"] == {"length": head[0], "head": head[1]}
    assert run("status") == run("init") == run("worker") == run("web") == run("clock") == 78
    assert target.rsplit("/", 1)[1] in capsys.readouterr().err
    monkeypatch.setenv("DATABASE_URL", target)
    after = everything()
    assert {name for name in before if before[name] != after[name]} == {"setting", "audited"}
    assert after["audited"].rows == head[0] + 1
    assert run("verify") == run("audit", "verify") == 0


def test_work_goes_on_there_with_the_next_number_and_every_waiting_notice_once(
    played: SimpleNamespace, target: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_before, newest = len(ledger(store)), proposed()
    with db.reading() as session:
        waiting = session.execute(select(Notice.address, Notice.channel).where(Notice.state == State.PENDING)).all()
    assert len(waiting) > 20
    moving.move(moving.destination(target), silent)
    monkeypatch.setenv("DATABASE_URL", target)

    drained()

    sent = Counter((row["to"], row["channel"]) for row in ledger(store)[sent_before:])
    assert sent == Counter((address, channel) for address, channel in waiting)
    assert proposed() == newest + 1
    assert verify.run()["ok"], verify.run()


def test_the_guards_stand_at_the_new_place(played: SimpleNamespace, target: str) -> None:
    moving.move(moving.destination(target), silent)

    with db.at(db.parsed(target)):
        with pytest.raises(DatabaseError, match="append-only"), db.connection() as connection:
            connection.execute(text("UPDATE audited SET who = 'somebody else'"))
        with pytest.raises(DatabaseError, match="may not move"), db.connection() as connection:
            connection.execute(text("UPDATE notice SET state = 'pending' WHERE state = 'delivered'"))


def test_a_writer_that_waited_through_the_move_can_not_write_into_the_old_file(
    played: SimpleNamespace, target: str
) -> None:
    moving.move(moving.destination(target), silent)

    for statement in ("DELETE FROM answer", "UPDATE alert SET rev = 9", "INSERT INTO lease VALUES ('x', 'y', 1, 0)"):
        with pytest.raises(DatabaseError, match="has moved"), db.connection() as connection:
            connection.execute(text(statement))


def test_a_dry_run_counts_and_writes_nothing(
    played: SimpleNamespace, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything()

    assert run("migrate-to-postgres", "--to", target, "--dry-run", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == sum(each.rows for each in before.values())
    assert everything() == before
    with db.at(db.parsed(target)), db.connection() as connection:
        assert copying.counts(connection) == {}
    assert run("status") == 0


def test_a_second_run_says_that_the_site_has_moved(
    played: SimpleNamespace, target: str, postgresql_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    moving.move(moving.destination(target), silent)

    assert run("migrate-to-postgres", "--to", target) == 0
    assert "已于" in capsys.readouterr().out
    assert run("migrate-to-postgres", "--to", services.new_database(postgresql_server)) == 1


def refuses(to: str, *, saying: str) -> None:
    before = everything()
    with pytest.raises(CoordinatorError, match=saying):
        moving.move(moving.destination(to), silent)
    assert everything() == before


def test_it_refuses_while_a_lease_is_alive_or_a_notice_is_being_sent(played: SimpleNamespace, target: str) -> None:
    with db.transaction() as session:
        session.merge(Lease(name="clock", holder="1:abc", epoch=1, until_s=4e9))
    refuses(target, saying="clock 的租约")

    with db.transaction() as session:
        session.get_one(Lease, "clock").until_s = 0.0
        notice = session.scalars(select(Notice).where(Notice.state == State.PENDING)).first()
        assert notice
        notice.state = State.SENDING
    refuses(target, saying="liandong worker")


def test_it_refuses_a_target_that_is_not_empty_by_name(played: SimpleNamespace, target: str) -> None:
    with db.at(db.parsed(target)), db.connection() as connection:
        connection.execute(text("CREATE TABLE somebody_elses (id int)"))
    refuses(target, saying="somebody_elses")


def test_it_refuses_a_target_where_a_site_is_at_work(played: SimpleNamespace, target: str) -> None:
    with db.at(db.parsed(target)):
        schema.upgrade()
        with db.transaction() as session:
            audit.record(session, "d1", "work", "here")
    refuses(target, saying="audited")


def test_an_initialised_target_without_a_row_is_empty(played: SimpleNamespace, target: str) -> None:
    with db.at(db.parsed(target)):
        schema.upgrade()

    assert moving.move(moving.destination(target), silent).rows > 100


def test_it_refuses_what_postgresql_would_not_take_and_names_the_column(played: SimpleNamespace, target: str) -> None:
    with db.connection() as connection:
        connection.execute(text("UPDATE enterprise SET grade = 'a grade of more than twenty letters'"))
    refuses(target, saying=r"enterprise\.grade: 12 行")


def test_it_refuses_a_table_that_it_would_leave_behind(played: SimpleNamespace, target: str) -> None:
    with db.connection() as connection:
        connection.execute(text("CREATE TABLE of_a_plugin (id int)"))
    refuses(target, saying="of_a_plugin")


def test_it_refuses_books_that_do_not_close(played: SimpleNamespace, target: str) -> None:
    with db.connection() as connection:
        connection.execute(text("UPDATE notice SET reference = NULL WHERE state = 'delivered'"))
    refuses(target, saying="liandong verify")


def test_a_copy_that_differs_is_not_switched_to(
    played: SimpleNamespace, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trigger of the target that alters a row on its way in is what a faulty copy looks like."""
    with db.at(db.parsed(target)):
        schema.upgrade()
        with db.connection() as connection:
            for statement in (
                "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.words := 'x'; RETURN NEW; END $$",
                "CREATE TRIGGER spoil BEFORE INSERT ON answer FOR EACH ROW EXECUTE FUNCTION spoil()",
                "ALTER TABLE answer ENABLE ALWAYS TRIGGER spoil",
            ):
                connection.execute(text(statement))
    monkeypatch.setattr(copying, "triggers_off", lambda target: None)
    refuses(target, saying="核对不符:answer")

    with db.at(db.parsed(target)), db.connection() as connection:
        assert not any(copying.counts(connection).values())


def test_only_postgresql_is_a_destination_and_only_sqlite_a_place_to_leave(
    store: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refusal):
        moving.destination("mysql://here/there")
    monkeypatch.setenv("DATABASE_URL", target)
    with pytest.raises(Fault, match="已经是 PostgreSQL"):
        moving.destination(target)


def test_the_password_is_never_said(store: Path) -> None:
    to = moving.destination("postgresql://me:very-secret@db.example:5433/site?sslmode=require")

    assert moving.spoken(to) == "postgresql://me@db.example:5433/site"


def test_every_table_is_copied_after_the_tables_it_points_at() -> None:
    names = [table.name for table in copying.tables()]

    for table in copying.tables():
        for key in table.foreign_keys:
            assert names.index(key.column.table.name) <= names.index(table.name)


def test_a_sum_sees_a_changed_a_lost_and_a_doubled_row() -> None:
    one, other = (1, "甲"), (2, "乙")
    both = copying.Sum().plus(one).plus(other)

    assert both == copying.Sum().plus(other).plus(one)
    assert len({both, copying.Sum().plus(one), both.plus(one), copying.Sum().plus(one).plus((2, "丙"))}) == 4


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_lines_of_the_readme_move_a_site(page: str, played: SimpleNamespace, target: str) -> None:
    lines = re.findall(r"^liandong (migrate-to-postgres .*)$", (ROOT / page).read_text(encoding="utf-8"), re.M)

    for line in lines:
        words = [target if word.startswith("postgresql://") else word for word in shlex.split(line, comments=True)]
        assert run(*words) == 0

    assert len(lines) == 2
    assert run("status") == 78
