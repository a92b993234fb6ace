"""What becomes of a message or a call after it was taken, and who is told?"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

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
TRIES = 7  # the last one about a minute after the first
API = {"ApiVersion": "2010-04-01"}

Step = tuple[str, str, float]  # status, error code, seconds after the step before
Due = tuple[float, Callable[["Life"], None], "Life"]


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
    action: str = ""  # calls: where keys go
    digits: int = 0  # calls: how many keys are waited for
    untold: list[tuple[str, str]] = field(default_factory=list)  # what our web has still to hear, in order
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
        self._waiting: dict[float, deque[Due]] = defaultdict(deque)  # by the length of the wait, so each is in order
        self._calls: asyncio.Queue[Life] = asyncio.Queue()
        self._callers: list[asyncio.Task[None]] = []

    def begin(self, life: Life) -> None:
        self.mark(life.n, "queued")
        self._later(life.steps[0][2], self._step, life)

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

    def _later(self, delay: float, act: Callable[[Life], None], life: Life) -> None:
        self._waiting[delay].append((clock.monotonic() + delay, act, life))

    async def _tick(self) -> None:
        """Everything that is due now; a timer of its own for each message would cost more than taking it."""
        while True:
            await asyncio.sleep(TICK_S)
            now = clock.monotonic()
            for waiting in list(self._waiting.values()):
                while waiting and waiting[0][0] <= now:
                    _, act, life = waiting.popleft()
                    act(life)

    def _step(self, life: Life) -> None:
        """On to the next state, whether or not our web has heard of the last."""
        if not life.steps:  # keys have ended the call in the meantime
            return
        (word, code, _), *life.steps = life.steps
        self.mark(life.n, word, code)
        if life.url and self._weather.of(life.subscriber.name).called_back():
            life.untold.append((word, code))
            if len(life.untold) == 1:
                self._calls.put_nowait(life)
        if life.steps:
            self._later(life.steps[0][2], self._step, life)

    async def _call(self) -> None:
        while True:
            await self._tell(await self._calls.get())

    async def _tell(self, life: Life) -> None:
        answered = await self._line.post(life.url, life.form(*life.untold[0]), life.subscriber)
        if answered.status >= 400:
            logger.warning("callback about %s answered %s", life.sid, answered.status)
        life.tries += 1
        if answered.lost and life.tries < TRIES:
            return self._later(2.0 ** (life.tries - 1), self._calls.put_nowait, life)
        life.tries = 0
        life.untold.pop(0)
        return self._calls.put_nowait(life) if life.untold else None

    def hang_up(self, life: Life) -> None:
        """The call ends now: its remaining steps shrink to the last."""
        life.steps = [("completed", "", 0.0)]
        self._step(life)
