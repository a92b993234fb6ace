"""The outside guard hears from us every minute while all is well, and only then."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from coordinator import clock, config, db, deadman, dispatch, fingerprint, leases
from coordinator.models import FeedState, Lease, ScheduleRun, Setting
from tests.coordinator.conftest import issued
from tests.coordinator.test_underway import older


class Guard:
    """A guard's web server on loopback, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.status = 200
        guard = self

        class Ear(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                guard.heard.append(self.path)
                self.send_response(guard.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Silent."""

        self.server = HTTPServer(("127.0.0.1", 0), Ear)


@pytest.fixture
def guard(any_region: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    made = Guard()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    monkeypatch.setenv("DEADMAN_URL", f"http://127.0.0.1:{made.server.server_port}/ping/abc")
    leases.take("clock", "me")
    with db.transaction() as session:
        session.add(ScheduleRun(job="watch", slot_at=clock.now(), state="done"))
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_it_hears_while_all_is_well(guard: Guard) -> None:
    assert [deadman.beat("clock", "me"), deadman.beat("clock", "me")] == ["", ""]

    assert guard.heard == ["/ping/abc", "/ping/abc"]


def test_only_the_leader_tells(guard: Guard) -> None:
    assert deadman.beat("clock", "another") == "another leads"
    with db.transaction() as session:
        session.get_one(Lease, "clock").until_s = 0
    assert deadman.beat("clock", "me") != ""

    assert guard.heard == []


def stale_feed() -> None:
    old = clock.now() - timedelta(hours=30)
    with db.transaction() as session:
        session.add(FeedState(name="cnemc", kind="readings", tried_at=old, heard_at=old, newest_at=old))


def old_notices() -> None:
    issued()
    older()


def stopped_account() -> None:
    old_notices()
    for account in ("twilio", "sms_b", "smtp"):
        dispatch.trip(account, "20003")


def idle_workers() -> None:
    with db.transaction() as session:
        session.scalars(select(ScheduleRun)).one().slot_at = clock.now() - timedelta(minutes=6)


def held() -> None:
    with db.transaction() as session:
        session.add(Setting(name=fingerprint.HELD, value="数据库属于另一套系统"))


@pytest.mark.parametrize("amiss", [stale_feed, old_notices, stopped_account, idle_workers, held])
def test_it_hears_nothing_while_something_is_amiss(guard: Guard, carriers: Any, amiss: Any) -> None:
    amiss()

    assert deadman.beat("clock", "me") != ""
    assert guard.heard == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_guard_that_did_not_take_it_is_said(guard: Guard, status: int) -> None:
    guard.status = status

    assert deadman.beat("clock", "me") != ""
    assert guard.heard == ["/ping/abc"]  # redirects lead nowhere


def test_a_guard_that_is_away_stops_nothing(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEADMAN_URL", "http://127.0.0.1:1/x")
    assert deadman.beat("clock", "me") != ""


@pytest.mark.parametrize(
    ("url", "fit"),
    [
        ("https://guard.example/x", True),
        ("http://127.0.0.1:9/x", True),
        ("http://guard.example/x", False),
        ("file:///x", False),
    ],
)
def test_only_https_or_loopback_is_told(url: str, fit: bool) -> None:
    assert (not any(line.startswith("DEADMAN_URL") for line in config.find_faults({"DEADMAN_URL": url}))) == fit
