"""Everything dies at one moment, or the carrier takes the call and says nothing: short forms of the storms in benchmarks."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from coordinator import db, schema
from coordinator.channels import Outcome, sms, twilio_account
from coordinator.models import Breaker, State
from tests import services
from tests.coordinator.carriers import sent_to
from tests.coordinator.conftest import issued
from tests.faults import postgres
from tests.faults.ground import (
    books_close,
    crowd,
    hurry,
    nothing_lost_or_repeated,
    role,
    settled,
    states,
    taken,
    until,
    weather,
    worker_inside,
)  # fmt: skip

PLANTS = 90


def test_workers_clock_and_postgresql_killed_at_once_lose_and_repeat_nothing(
    store: Path, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.server() as server:
        monkeypatch.setenv("DATABASE_URL", services.new_database(server.address))
        schema.upgrade()
        crowd(PLANTS)
        weather(carriers, latency_ms=100)
        issued()
        with role(store, "worker") as one, role(store, "worker") as other, role(store, "clock") as clock:
            until(lambda: len(taken(store)) > PLANTS / 4)
            for doomed in (one, other, clock):
                doomed.kill()
            server.kill()
        server.start()
        weather(carriers)
        hurry(State.SENDING)
        with role(store, "worker"):
            settled(State.SENDING, State.UNCERTAIN)

        nothing_lost_or_repeated(store, PLANTS)
        db.engine().dispose()


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes every call and never says a word."""
    with socket.socket() as listening:  # the kernel shakes hands; nobody picks up
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


def test_a_carrier_that_never_answers_leaves_doubt_and_no_second_text(
    store: Path, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half open: what was written may have arrived. It is asked about, and while nobody answers it is not repeated."""
    monkeypatch.setattr(twilio_account, "SLOWEST_S", 1.0)
    crowd(12)
    with silent() as port:
        well = f"http://127.0.0.1:{carriers.simulator.port}"
        for prefix in ("", "SMS_B_"):
            monkeypatch.setenv(f"{prefix}TWILIO_API_BASE", f"http://127.0.0.1:{port}")
        issued()
        with worker_inside():
            until(lambda: states().get("uncertain"))
            hurry(State.UNCERTAIN)
            assert not states().get("accepted")
        assert not taken(store)
    for prefix in ("", "SMS_B_"):
        monkeypatch.setenv(f"{prefix}TWILIO_API_BASE", well)
    with db.transaction() as session:
        session.execute(delete(Breaker))
    with worker_inside():
        settled(State.SENDING, State.UNCERTAIN, State.PENDING)

    nothing_lost_or_repeated(store, 12)
    books_close()


def test_a_half_open_call_ends_uncertain_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio_account, "SLOWEST_S", 0.5)
    with silent() as port:
        handed = asyncio.run(sent_to(sms, f"http://127.0.0.1:{port}"))
    assert handed.outcome is Outcome.UNCERTAIN
