"""How fast does a carrier take what we have? Learnt from its own refusals."""

import asyncio
from collections import deque

from coordinator import clock
from coordinator.channels import Handed, Outcome

WINDOW_S = 1.0
FREE = 5000.0  # a second: above this nothing is counted any more
SLOWEST = 20.0  # a second: a carrier that allows less must be told by its configured rate
FAILURES = 5  # in a row, without one success: the account rests
FAILING = (Outcome.NOT_SENT, Outcome.UNCERTAIN)


class Throttle:
    """Of one account in one process. Free until the carrier says «too many»; then what it took, and a little more."""

    def __init__(self) -> None:
        self.rate = float("inf")  # notices a second
        self.failures = 0
        self._allowed, self._at = 1.0, clock.monotonic()
        self._cut_at = self._raised_at = self._refused_at = 0.0
        self._taken: deque[float] = deque()

    async def take(self) -> None:
        """Wait for this notice's turn."""
        while self.rate < FREE:
            now = clock.monotonic()
            self._allowed = min(max(1.0, self.rate * 0.1), self._allowed + (now - self._at) * self.rate)
            self._at = now
            if self._allowed >= 1.0:
                self._allowed -= 1.0
                return
            await asyncio.sleep((1.0 - self._allowed) / self.rate)

    def let_go(self) -> None:
        """Nobody need wait any more: the process is ending, and what has not begun goes back."""
        self.rate = float("inf")

    def heard(self, handed: Handed) -> None:
        """Learn from an answer."""
        now = clock.monotonic()
        if handed.outcome is Outcome.ACCEPTED:
            self.failures = 0
            self._taken.append(now)
            self._faster(now)
        elif handed.outcome is Outcome.BUSY and handed.code:
            self._slower(now)
        elif handed.outcome in FAILING:
            self.failures += 1

    def _slower(self, now: float) -> None:
        self._refused_at = now
        if now - self._cut_at >= WINDOW_S:
            self._forget(now)
            self.rate, self._cut_at = max(SLOWEST, 0.9 * len(self._taken) / WINDOW_S), now

    def _faster(self, now: float) -> None:
        """A twentieth more for each second without a refusal."""
        if self.rate < FREE and now - max(self._refused_at, self._raised_at) >= WINDOW_S:
            self.rate, self._raised_at = self.rate * 1.05 + 0.5, now
        if len(self._taken) > FREE:
            self._forget(now)

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0] < now - WINDOW_S:
            self._taken.popleft()

    def room(self, most: int, seconds: float) -> int:
        """How many are worth claiming: no more than can be handed over in so many seconds."""
        return most if self.rate >= FREE else max(1, min(most, int(self.rate * seconds)))
