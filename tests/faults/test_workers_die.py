"""A worker is killed or paused in mid-batch: nothing is lost, nothing is said twice."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from coordinator import schema
from coordinator.models import State
from tests import services
from tests.coordinator.conftest import issued
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
)  # fmt: skip

PLANTS = 300


def test_a_worker_killed_in_mid_batch_loses_nothing_and_repeats_nothing(
    any_store: str, carriers: Any, store: Path
) -> None:
    crowd(PLANTS)
    weather(carriers, latency_ms=200)
    issued()
    with role(store, "worker") as doomed:
        until(lambda: len(taken(store)) > PLANTS / 5)
        doomed.kill()
    hurry(State.SENDING)

    with role(store, "worker"):
        settled(State.UNCERTAIN)

    assert states() == {"accepted": PLANTS}
    nothing_lost_or_repeated(store, PLANTS)


def test_a_killed_worker_s_mails_are_not_lost_and_repeats_keep_their_message_id(store: Path, carriers: Any) -> None:
    """A mail relay can't be asked what it has: what was taken in the instant of death goes out once more."""
    crowd(PLANTS, mails=True)
    weather(carriers, latency_ms=50)
    issued()
    with role(store, "worker") as doomed:
        until(lambda: len(taken(store)) > PLANTS / 4)
        doomed.kill()
    hurry(State.SENDING)
    weather(carriers)

    with role(store, "worker"):
        settled(State.UNCERTAIN)

    found = taken(store)
    assert len(found) == PLANTS
    assert sum(n - 1 for n in found.values()) <= 64, "more repeats than mails in flight"
    assert max(found.values()) == 2
    books_close()


def test_a_worker_paused_for_longer_than_its_lease_sends_nothing_late(
    store: Path, carriers: Any, postgresql_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL: a process paused within a transaction on SQLite stops everybody, and so repeats nothing either."""
    monkeypatch.setenv("DATABASE_URL", services.new_database(postgresql_server))
    schema.upgrade()
    crowd(PLANTS)
    weather(carriers, latency_ms=200)
    issued()
    with role(store, "worker", lease_s=3) as sleeper:
        until(lambda: states().get("sending"))
        sleeper.signal(signal.SIGSTOP)
        stopped = time.monotonic()
        with role(store, "worker", lease_s=3):
            until(lambda: time.monotonic() > stopped + 4)
            settled(State.UNCERTAIN, State.PENDING)
            sleeper.signal(signal.SIGCONT)
            time.sleep(1)  # it may now do whatever it still wants to

    nothing_lost_or_repeated(store, PLANTS)
