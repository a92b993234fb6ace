"""The carrier is crowded, cuts, mumbles or cannot be asked: no word of it is believed that was not said."""

import time
from pathlib import Path
from typing import Any

import pytest

from coordinator.models import State
from tests.coordinator.conftest import issued
from tests.faults.ground import (
    books_close,
    crowd,
    hurry,
    nothing_lost_or_repeated,
    settled,
    states,
    taken,
    until,
    weather,
    worker_inside,
)  # fmt: skip

PLANTS = 120
HURRIED = (State.UNCERTAIN, State.PENDING)


@pytest.fixture
def plants(store: Path, carriers: Any) -> int:
    crowd(PLANTS)
    return PLANTS


def test_a_storm_of_429_fails_nobody(plants: int, store: Path, carriers: Any) -> None:
    weather(carriers, rate_429=0.9)
    issued()
    with worker_inside():
        until(lambda: len(taken(store)) > plants / 4)
        assert set(states()) <= {"pending", "sending", "accepted"}
        weather(carriers)
        settled(*HURRIED)

    assert states() == {"accepted": plants}
    nothing_lost_or_repeated(store, plants)


@pytest.mark.parametrize(
    "fault",
    [{"rate_cut": 0.2}, {"rate_broken": 0.3}, {"rate_lost": 0.3}, {"rate_503": 0.3}],
    ids=["taken, then cut", "taken, half a body", "201 without a message", "503"],
)
def test_an_unclear_answer_is_looked_up_before_anything_is_repeated(
    plants: int, store: Path, carriers: Any, fault: dict[str, float]
) -> None:
    weather(carriers, **fault)
    issued()
    with worker_inside():
        until(lambda: states().keys() <= {"accepted", "uncertain"})
        books_close()  # nobody is accepted without a reference
        weather(carriers)
        settled(*HURRIED)

    assert states() == {"accepted": plants}
    nothing_lost_or_repeated(store, plants)


def test_what_cannot_be_looked_up_waits_and_is_not_repeated(plants: int, store: Path, carriers: Any) -> None:
    weather(carriers, rate_cut=0.3, look_up_down=1)
    issued()
    with worker_inside():
        until(lambda: states().keys() <= {"accepted", "uncertain"})
        waiting = states()["uncertain"]
        weather(carriers, look_up_down=1)
        for _ in range(3):
            hurry(State.UNCERTAIN)
            time.sleep(0.5)
        assert states()["uncertain"] == waiting
        weather(carriers)
        settled(State.UNCERTAIN)

    nothing_lost_or_repeated(store, plants)


def test_what_is_silent_is_asked_about_side_by_side_so_that_a_slow_carrier_holds_nothing_up(
    plants: int, store: Path, carriers: Any
) -> None:
    issued()
    with worker_inside():
        settled()
        weather(carriers, latency_ms=400)  # one after another: 48 s
        hurry(State.ACCEPTED, seconds=400)
        until(lambda: states().keys() <= {"sent", "delivered"})
    nothing_lost_or_repeated(store, plants)
