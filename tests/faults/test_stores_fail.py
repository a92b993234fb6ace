"""The database, the hint server or the disk goes away while notices are being sent."""

import os
import resource
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import func, select

from contacts.models import Enterprise
from coordinator import db, queues, schema
from coordinator.models import State
from tests import services
from tests.coordinator.conftest import issued
from tests.faults import postgres
from tests.faults.ground import (
    books_close,
    command,
    crowd,
    hurry,
    nothing_lost_or_repeated,
    role,
    settled,
    taken,
    until,
    weather,
)  # fmt: skip

PLANTS = 300


def answer(url: str) -> int:
    """The HTTP status, 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=20) as page:
            return int(page.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_a_killed_postgresql_comes_back_to_roles_that_waited(
    store: Path, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = services.free_port()
    monkeypatch.setenv("PUBLIC_BASE_URL", f"http://127.0.0.1:{port}")
    with postgres.server() as server:
        monkeypatch.setenv("DATABASE_URL", services.new_database(server.address))
        schema.upgrade()
        crowd(PLANTS)
        weather(carriers, latency_ms=100)
        issued()
        with role(store, "web") as web, role(store, "worker") as worker:
            until(lambda: answer(f"http://127.0.0.1:{port}/readyz"))
            until(lambda: len(taken(store)) > PLANTS / 4)
            server.kill()
            assert answer(f"http://127.0.0.1:{port}/healthz") == 200
            assert answer(f"http://127.0.0.1:{port}/readyz") == 503
            assert answer(f"http://127.0.0.1:{port}/check/2026-1") == 503
            weather(carriers)
            server.start()
            hurry(State.SENDING)
            settled(State.SENDING, State.UNCERTAIN)
            assert answer(f"http://127.0.0.1:{port}/check/2026-1") in (200, 404)
            assert web.alive and worker.alive

        nothing_lost_or_repeated(store, PLANTS)
        db.engine().dispose()


def test_redis_emptied_and_killed_while_sending_costs_nothing(
    store: Path, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    crowd(PLANTS)
    weather(carriers, latency_ms=100)
    issued()
    with role(store, "worker"):
        until(queues.answers)
        server = int(queues.connection().info("server")["process_id"])
        until(lambda: taken(store))
        queues.connection().flushall()
        os.kill(server, signal.SIGKILL)
        settled()
        nothing_lost_or_repeated(store, PLANTS)
        until(queues.answers)  # its owner starts it again
    with pytest.raises(redis.RedisError):
        queues.connection().ping()


def test_an_embedded_redis_whose_owner_was_killed_finds_a_new_one(
    store: Path, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    with role(store, "worker") as doomed:
        until(lambda: queues.answers() and queues.connection().zcard(queues.WORKERS))
        doomed.kill()
        queues.connection().flushall()
    with role(store, "worker") as heir:
        until(lambda: queues.connection().zcard(queues.WORKERS))
        assert heir.alive
        assert heir.end() == 0

    assert not queues.answers(), "the server outlived every role"


def limited(room: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))


def test_an_import_into_a_full_disk_says_so_in_a_line_and_leaves_the_register_whole(store: Path) -> None:
    crowd(10)
    plants = store / "plants.csv"
    rows = [f"91110000MA{n:08d},示例第{n}厂,北京,水泥,B" for n in range(8000)]
    plants.write_text("credit_code,name,city,industry,grade\n" + "\n".join(rows), encoding="utf-8")
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    limited((store / "liandong.db").stat().st_size + 100_000)
    try:
        ended = command("import", "enterprises", str(plants))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)

    assert ended.returncode in (1, 78)
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Enterprise)) == 10
    assert command("verify").returncode == 0


def test_a_worker_on_a_full_disk_waits_and_goes_on_when_there_is_room(store: Path, carriers: Any) -> None:
    crowd(PLANTS)
    weather(carriers, latency_ms=100)
    issued()
    with role(store, "worker", prepare=lambda: limited(200_000)) as worker:
        until(lambda: "dispatch waits" in worker.said)
        assert worker.alive
        resource.prlimit(worker.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        settled(State.SENDING, State.UNCERTAIN)
        time.sleep(0.2)

    nothing_lost_or_repeated(store, PLANTS)
    books_close()
    with db.reading() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
