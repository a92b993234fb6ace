"""A move to PostgreSQL is killed at any step: there is always one site, and the move can be made after all."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import update

from coordinator import copying, db, presence, sweeps
from coordinator.models import Lease, State
from tests import services
from tests.coordinator.conftest import issued
from tests.faults.ground import (
    command,
    crowd,
    hurry,
    nothing_lost_or_repeated,
    role,
    settled,
    states,
    taken,
    until,
    weather,
)

PLANTS = 30

LONG = bool(os.environ.get("LIANDONG_LONG"))


@pytest.fixture
def target(postgresql_server: str) -> Iterator[str]:
    made = services.new_database(postgresql_server)
    yield made
    with db.at(db.parsed(made)):
        db.engine().dispose()


@pytest.fixture
def site(store: Path, carriers: Any) -> Path:
    """Thirty orders wait to be sent."""
    crowd(PLANTS)
    issued()
    return store


def killed_at(step: str, target: str) -> None:
    words = [sys.executable, "-m", "tests.faults.dies_at", step, "migrate-to-postgres", "--to", target]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert ended.returncode == -9, ended.stderr


def moves(target: str) -> subprocess.CompletedProcess[str]:
    return command("migrate-to-postgres", "--to", target)


def at_target(target: str, *words: str) -> subprocess.CompletedProcess[str]:
    return command(*words, environ={"DATABASE_URL": target})


def sends_there(site: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge: the carriers' ledger."""
    monkeypatch.setenv("DATABASE_URL", target)
    assert states() == {"pending": PLANTS}
    with role(site, "worker"):
        settled()
    nothing_lost_or_repeated(site, PLANTS)


@pytest.mark.parametrize("step", ["_fit", "_carry", "table:notice", "table:setting"] if LONG else ["table:notice"])
def test_killed_before_the_copy_is_whole_it_is_simply_made_again(
    step: str, site: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(step, target)

    with db.at(db.parsed(target)), db.connection() as connection:
        assert not any(copying.counts(connection).values())
    assert command("verify").returncode == 0
    assert states() == {"pending": PLANTS}
    assert moves(target).returncode == 0
    sends_there(site, target, monkeypatch)


@pytest.mark.parametrize("step", ["_prove", "_close_down"] if LONG else ["_close_down"])
def test_killed_before_the_old_store_is_marked_the_copy_is_no_site_and_can_be_wiped(
    step: str, site: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(step, target)

    assert command("verify").returncode == 0
    assert at_target(target, "worker").returncode == at_target(target, "init").returncode == 78
    again = moves(target)
    assert (again.returncode, "DROP SCHEMA" in again.stderr) == (1, True), again.stderr
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    assert moves(target).returncode == 0
    sends_there(site, target, monkeypatch)


def test_killed_after_the_old_store_is_marked_the_last_step_is_made_up_for(
    site: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at("_open_up", target)

    assert command("worker").returncode == at_target(target, "worker").returncode == 78
    again = moves(target)
    assert (again.returncode, "现已补上" in again.stdout) == (0, True), again.stderr
    sends_there(site, target, monkeypatch)


@pytest.mark.parametrize("name", ["worker", "web", "clock"])
def test_no_move_beside_a_role(name: str, site: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", f"http://127.0.0.1:{services.free_port()}")
    for account in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "SMTP_URL"):
        monkeypatch.delenv(account)  # the role has nobody to send by
    lock = Path(f"{site / 'liandong.db'}.roles")
    with role(site, name) as running:
        until(lock.exists)
        refused = moves(target)
        assert (refused.returncode, "请先停掉" in refused.stderr) == (1, True), refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        assert running.alive
    with db.at(db.parsed(target)), db.connection() as connection:
        assert copying.counts(connection) == {}


def test_a_role_that_starts_during_a_move_is_told_to_wait(site: Path, target: str) -> None:
    with presence.alone():
        started = command("worker")

    assert (started.returncode, "正在搬往" in started.stderr) == (78, True)


@pytest.mark.skipif(not LONG, reason="waits for a lease; make test-long")
def test_a_worker_killed_in_mid_sending_must_be_followed_by_one_that_settles_it(
    site: Path, carriers: Any, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather(carriers, latency_ms=3000)
    with role(site, "worker") as doomed:
        until(lambda: states().get("sending"))
        doomed.kill()
    with db.transaction() as session:  # the dead one's leases run out
        session.execute(update(Lease).values(until_s=0.0))
    weather(carriers)
    refused = moves(target)
    assert (refused.returncode, "liandong worker" in refused.stderr) == (1, True), refused.stderr

    hurry(State.SENDING)
    with role(site, "worker"):
        until(lambda: "sending" not in states() and len(taken(site)) == PLANTS)
        settled(State.UNCERTAIN)
    assert moves(target).returncode == 0
    monkeypatch.setenv("DATABASE_URL", target)
    with role(site, "worker"):
        settled(State.UNCERTAIN)
    nothing_lost_or_repeated(site, PLANTS)


def test_what_is_uncertain_moves_and_is_looked_up_there_before_it_is_sent_again(
    site: Path, carriers: Any, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather(carriers, latency_ms=1500)
    with role(site, "worker") as doomed:
        until(lambda: states().get("sending"))
        time.sleep(0.5)  # the carrier has them, the answer is still on its way
        doomed.kill()
    hurry(State.SENDING)
    sweeps.expire_leases()
    with db.transaction() as session:
        session.execute(update(Lease).values(until_s=0.0))
    weather(carriers)
    assert states().get("uncertain")

    assert moves(target).returncode == 0
    monkeypatch.setenv("DATABASE_URL", target)
    assert states().get("uncertain")
    with role(site, "worker"):
        settled(State.UNCERTAIN)
    nothing_lost_or_repeated(site, PLANTS)
