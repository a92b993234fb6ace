"""What becomes of a message or a call after it was taken, and who is told?"""

import asyncio
import logging
from collections import defaultdict, deque
from dataclasses import dataclass

from coordinator import clock
from coordinator.simulator.calling import Line
from coordinator.simulator.faults import Weather
from coordinator.simulator.subscribers import Subscriber

logger = logging.getLogger(__name__)

WORDS = (
    *("queued", "sent", "delivered", "undelivered", "failed", "received"),
    *("initiated", "ringing", "in-progress", "completed", "busy", "no-answer"),
)
CODES = {word: code for code, word in enumerate(WORDS)}
TICK_S = 0.02
CALLERS = 16  # callbacks on their way at once
TRIES = 6  # the last one about a minute after the first
API = {"ApiVersion": "2010-04-01"}


Step = tuple[str, str, float]  # status, error code, seconds after the step before


@dataclass(slots=True)
class Life:
    """One message or call that is still under way."""

    n: int
    sid: str
    subscriber: Subscriber
    phone: str
    ours: str
    steps: list[Step]  # still to come
    url: str = ""
    told_of: frozenset[str] = frozenset(WORDS)  # the states the caller wants to hear of
    action: str = ""  # calls: where keys go
    digits: int = 0  # calls: how many keys are waited for
    tries: int = 0

    @property
    def is_call(self) -> bool:
        return self.sid.startswith("CA")

    def form(self, word: str, code: str) -> dict[str, str]:
        """What Twilio posts about it."""
        about = {"AccountSid": self.subscriber.sid, "From": self.ours, "To": self.phone, **API}
        if self.is_call:
            about |= {"CallSid": self.sid, "CallStatus": word, "Direction": "outbound-api"}
        else:
            about |= {"MessageSid": self.sid, "MessageStatus": word, "SmsSid": self.sid, "SmsStatus": word}
        return about | ({"ErrorCode": code} if code else {})


class Lives:
    """Statuses of all rows, and the clockwork that moves them on."""

    def __init__(self, line: Line, weather: Weather, taken_before: int) -> None:
        self._line = line
        self._weather = weather
        self._status = bytearray([CODES["delivered"]]) * taken_before
        self._errors: dict[int, str] = {}
        self._waiting: dict[float, deque[tuple[float, Life]]] = defaultdict(deque)  # by length of the wait, so in order
        self._due: asyncio.Queue[Life] = asyncio.Queue()
        self._callers: list[asyncio.Task[None]] = []

    def begin(self, life: Life) -> None:
        self.mark(life.n, "queued")
        self._later(life)

    def mark(self, n: int, word: str, code: str = "") -> None:
        if n >= len(self._status):
            self._status.extend(bytes([CODES["received"]]) * (n + 1 - len(self._status)))
        self._status[n] = CODES[word]
        if code:
            self._errors[n] = code

    def status(self, n: int) -> str:
        return WORDS[self._status[n]] if n < len(self._status) else "received"

    def error(self, n: int) -> str:
        return self._errors.get(n, "")

    def start(self) -> None:
        self._callers = [asyncio.create_task(self._call()) for _ in range(CALLERS)]
        self._callers.append(asyncio.create_task(self._tick()))

    async def stop(self) -> None:
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        await self._line.close()

    def _later(self, life: Life, seconds: float | None = None) -> None:
        delay = life.steps[0][2] if seconds is None else seconds
        self._waiting[delay].append((clock.monotonic() + delay, life))

    async def _tick(self) -> None:
        """Everything that is due now; a timer of its own for each message would cost more than taking it."""
        while True:
            await asyncio.sleep(TICK_S)
            now = clock.monotonic()
            for waiting in self._waiting.values():
                while waiting and waiting[0][0] <= now:
                    self._due.put_nowait(waiting.popleft()[1])

    async def _call(self) -> None:
        while True:
            life = await self._due.get()
            if life.steps:
                await self._step(life)

    async def _step(self, life: Life) -> None:
        word, code, _ = life.steps[0]
        self.mark(life.n, word, code)
        if await self._unheard(life, word, code):
            life.tries += 1
            return self._later(life, 2.0**life.tries)
        life.tries = 0
        return self._step_done(life, word)

    def _step_done(self, life: Life, word: str) -> None:
        if life.steps and life.steps[0][0] == word:  # keys may have ended the call in the meantime
            life.steps = life.steps[1:]
        if life.steps:
            self._later(life)

    async def _unheard(self, life: Life, word: str, code: str) -> bool:
        faults = self._weather.of(life.subscriber.name)
        if not life.url or word not in life.told_of or not (life.tries or faults.called_back()):
            return False
        answered = await self._line.post(life.url, life.form(word, code), life.subscriber)
        if answered.status >= 400:
            logger.warning("callback about %s answered %s", life.sid, answered.status)
        return answered.lost and life.tries + 1 < TRIES

    def hang_up(self, life: Life) -> None:
        """The call ends now: its remaining steps shrink to the last."""
        life.steps = [("completed", "", 0.0)]
        self._later(life)
