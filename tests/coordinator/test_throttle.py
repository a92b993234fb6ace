"""A carrier's refusals teach how fast it takes texts: in virtual time, against a carrier with an allowance."""

import asyncio

import pytest

from coordinator import throttle
from coordinator.channels import Handed, Outcome
from coordinator.throttle import FAILURES, SLOWEST, Throttle

TAKEN, TOO_MANY = Handed(Outcome.ACCEPTED, reference="SM1"), Handed(Outcome.BUSY, code="20429")


class Carrier:
    """Allows so many a second, and counts what it is asked."""

    def __init__(self, allowance: float) -> None:
        self.allowance, self.left, self.at = allowance, allowance, 0.0
        self.asked: list[float] = []
        self.taken = 0

    def answer(self, now: float) -> Handed:
        self.left = min(self.allowance, self.left + (now - self.at) * self.allowance)
        self.at = now
        self.asked.append(now)
        if self.left < 1:
            return TOO_MANY
        self.left -= 1
        self.taken += 1
        return TAKEN


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += max(seconds, 1e-4)

    monkeypatch.setattr(throttle.clock, "monotonic", lambda: now[0])
    monkeypatch.setattr(throttle.asyncio, "sleep", sleep)
    return now


def fed(carrier: Carrier, time: list[float], *, seconds: float) -> Throttle:
    """Feed it for so long, a millisecond a call."""

    async def feed() -> Throttle:
        pace = Throttle()
        while time[0] < seconds:
            await pace.take()
            time[0] += 0.001
            pace.heard(carrier.answer(time[0]))
        return pace

    return asyncio.run(feed())


@pytest.mark.parametrize("allowance", [25, 50, 200])
def test_a_carrier_is_asked_little_more_than_it_allows_and_its_allowance_is_used(
    time: list[float], allowance: float
) -> None:
    carrier = Carrier(allowance)

    fed(carrier, time, seconds=30)

    late = [at for at in carrier.asked if at > 3]
    assert len(late) / 27 < 1.2 * allowance
    assert carrier.taken / 30 > 0.8 * allowance


def test_a_carrier_that_refuses_nothing_is_not_held_up(time: list[float]) -> None:
    carrier = Carrier(10**9)

    pace = fed(carrier, time, seconds=2)

    assert pace.rate > throttle.FREE
    assert len(carrier.asked) == pytest.approx(2000, abs=2)


def test_one_that_refuses_everything_is_asked_slowly_and_never_given_up(time: list[float]) -> None:
    carrier = Carrier(0)

    fed(carrier, time, seconds=30)

    assert SLOWEST * 20 < len([at for at in carrier.asked if at > 3]) < SLOWEST * 30


def test_failures_in_a_row_are_counted_and_one_success_ends_the_row() -> None:
    pace = Throttle()
    for _ in range(FAILURES - 1):
        pace.heard(Handed(Outcome.UNCERTAIN, code="503"))
    assert pace.failures == FAILURES - 1
    pace.heard(TAKEN)
    assert pace.failures == 0


def test_what_this_process_gave_back_itself_teaches_nothing(time: list[float]) -> None:
    pace = Throttle()
    pace.heard(Handed(Outcome.BUSY, detail="given back before sending: held, or replaced"))
    assert pace.rate > throttle.FREE
    assert pace.room(256, 10) == 256


def test_no_more_is_claimed_than_can_be_handed_over_in_time(time: list[float]) -> None:
    pace = fed(Carrier(22), time, seconds=20)
    assert 100 < pace.room(256, 10) < 256
