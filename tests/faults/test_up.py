"""liandong up: ends clean on Ctrl-C, and refuses what it cannot have in one line."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import psycopg
import pytest

from coordinator import db, queues
from tests import services
from tests.faults import postgres
from tests.faults.ground import command, role, until
from tests.faults.test_stores_fail import answer


def children_of(pid: int) -> list[str]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.split()


def test_up_serves_refuses_a_second_and_ends_clean_on_ctrl_c(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = services.free_port()
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("PUBLIC_BASE_URL", f"http://127.0.0.1:{port}")
    with role(store, "up") as up:
        until(lambda: answer(f"http://127.0.0.1:{port}/healthz") == 200)
        mine = children_of(up.child.pid)
        assert len(mine) >= 3

        second = command("up")
        assert (second.returncode, len(second.stderr.strip().splitlines())) == (78, 1), second.stderr
        elsewhere = command("up", environ={"LIANDONG_HOME": str(store / "other"), "DATABASE_URL": ""})
        assert (elsewhere.returncode, len(elsewhere.stderr.strip().splitlines())) == (78, 1), elsewhere.stderr
        assert str(port) in elsewhere.stderr

        up.signal(signal.SIGINT)
        assert up.child.wait(20) == 0
    assert not [pid for pid in mine if Path(f"/proc/{pid}").exists()]
    assert "Traceback" not in up.said
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind(("127.0.0.1", port))
    assert not queues.answers(), "the embedded server outlived its owner"


@pytest.mark.skipif(not os.environ.get("LIANDONG_LONG"), reason="half a minute of waiting; make test-long")
def test_a_role_that_dies_while_the_database_is_away_is_tried_until_it_is_back(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = services.free_port()
    monkeypatch.setenv("PUBLIC_BASE_URL", f"http://127.0.0.1:{port}")
    with postgres.server() as server:
        monkeypatch.setenv("DATABASE_URL", services.new_database(server.address))
        with role(store, "up") as up:
            until(lambda: answer(f"http://127.0.0.1:{port}/healthz") == 200)
            server.kill()
            for child in children_of(up.child.pid):
                os.killpg(int(child), signal.SIGKILL)
            until(lambda: up.said.count("started again") >= 6)  # killed once, refused once: each of three
            server.start()
            until(lambda: answer(f"http://127.0.0.1:{port}/healthz") == 200)
            assert up.alive
        db.engine().dispose()


def test_a_database_that_says_it_is_on_its_way_is_waited_for(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that shuts down with a guest in the house refuses others, in the words it also has for starting up."""
    with postgres.server() as server:
        monkeypatch.setenv("DATABASE_URL", services.new_database(server.address))
        assert command("init").returncode == 0
        with psycopg.connect(server.address):
            server.server.send_signal(signal.SIGTERM)
            with role(store, "worker") as worker, pytest.raises(subprocess.TimeoutExpired):
                worker.child.wait(4)
