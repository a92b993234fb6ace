"""The lines that send: for every way out one that claims, many that hand over, one that writes how it ended."""

import asyncio
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import uvloop
from sqlalchemy.exc import SQLAlchemyError

from coordinator import clock, config, dispatch, fingerprint, jobs, sweeps
from coordinator.channels import Account, GivenBack, Handed, Outcome
from coordinator.dispatch import Claimed, Ended, Way
from coordinator.journal import Journal, Page
from coordinator.standby import Standby
from coordinator.throttle import FAILURES, Throttle

logger = logging.getLogger(__name__)
WINDOW = 4
AT_ONCE = 128  # with one carrier
LOOK_EVERY_S = 1.0
BACK_OFF_S = 3.0
GATHER_S = 0.02
WRITTEN_WITHIN_S = 0.05
WRITTEN_AT_ONCE = 512
HELD_KNOWN_S = 5.0
HINT_LASTS_S = 0.06


class Dispatcher:
    """One event loop in its own thread: the lines that send, and the questions to carriers."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.carriers: dict[Account, Any] = {}
        self.stopped: frozenset[int] = frozenset()
        self.stopped_known_at = 0.0
        self.standby = Standby()

    def run(self) -> None:
        """Until told to stop."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.serve())

    async def serve(self) -> None:
        journal = Journal()
        lines = [Line(way, self, journal) for way in dispatch.ways()]
        feeding = [asyncio.create_task(self.keep(line.feed)) for line in lines]
        feeding += [asyncio.create_task(self.keep(partial(self.ask, line.way))) for line in lines]
        feeding += [asyncio.create_task(self.keep(turn)) for turn in (self.look_for_holds, self.take_the_lead)]
        writing = [asyncio.create_task(line.write_on()) for line in lines]
        while not self.stopping.is_set():
            await asyncio.sleep(0.1)
        await asyncio.wait(feeding, timeout=dispatch.LEASE_S / 2)
        await self._finish(lines, writing)
        self.standby.give_back()
        for carrier in self.carriers.values():
            await carrier.close()
        journal.close()

    async def _finish(self, lines: list["Line"], writing: list[asyncio.Task[None]]) -> None:
        """What is in flight is waited for and written down; what is not yet begun goes back."""
        until = clock.monotonic() + dispatch.LEASE_S / 2
        while any(line.open for line in lines) and clock.monotonic() < until:
            for pace in [pace for line in lines for pace in line.paces.values()]:
                pace.let_go()
            await asyncio.sleep(0.05)
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)

    async def keep(self, turn: Callable[[], Awaitable[bool]]) -> None:
        """Turn after turn; rest when there was nothing to do; a database away is waited for, never a reason to die."""
        while not self.stopping.is_set():
            try:
                busy = await turn()
            except (SQLAlchemyError, OSError) as error:
                logger.warning("dispatch waits: %s", str(error).splitlines()[0])
                await asyncio.sleep(BACK_OFF_S)
                continue
            if not busy:
                await self.rest()

    async def rest(self) -> None:
        """Until a hint comes, a second at most; never shorter than a hint lasts, or all would look many times for one."""
        await asyncio.sleep(HINT_LASTS_S)
        until = clock.monotonic() + LOOK_EVERY_S
        while clock.monotonic() < until and not jobs.WAKE.is_set() and not self.stopping.is_set():
            await asyncio.sleep(0.02)

    async def take_the_lead(self) -> bool:
        await asyncio.to_thread(self.standby.renew)
        await asyncio.sleep(LOOK_EVERY_S)
        return True

    async def look_for_holds(self) -> bool:
        """Once a second: has somebody pressed hold, or issued anew?"""
        self.stopped = await asyncio.to_thread(dispatch.stopped_notices)
        self.stopped_known_at = clock.monotonic()
        await asyncio.sleep(LOOK_EVERY_S)
        return True

    async def ask(self, way: Way) -> bool:
        """Look up what is uncertain; ask after what has been silent: each at the account that was to carry it."""
        found = False
        if not self.standby.leads():
            return False
        for account in way.accounts:
            if doubts := await asyncio.to_thread(sweeps.take_doubts, way, account):
                await sweeps.resolve(way, self.carrier(way, account), doubts)
            if silent := await asyncio.to_thread(sweeps.take_silent, way, account):
                await sweeps.poll(way, self.carrier(way, account), silent)
            found |= bool(doubts)
        if not found:
            await asyncio.sleep(LOOK_EVERY_S)  # hints are about what is new, not about what is in doubt
        return True

    def carrier(self, way: Way, account: Account) -> Any:
        if account not in self.carriers:
            self.carriers[account] = way.module.Carrier(account, config.load().public_base_url)
        return self.carriers[account]


class Line:
    """One way out in this process."""

    def __init__(self, way: Way, dispatcher: Dispatcher, journal: Journal) -> None:
        self.way, self.dispatcher, self.journal = way, dispatcher, journal
        self.batch = dispatch.BATCH[way.channel]
        self.open = 0  # claimed and not settled
        self.ended: deque[tuple[Ended, Page | None]] = deque()
        self.left: dict[Page, int] = {}
        self.paces: defaultdict[str, Throttle] = defaultdict(Throttle)
        self.at_once = asyncio.Semaphore(AT_ONCE)
        self.sending: set[asyncio.Task[None]] = set()
        self.idle = True

    async def feed(self) -> bool:
        """Claim a batch and set out with it. False when there was nothing to claim, or another process dispatches."""
        if not self.dispatcher.standby.leads():
            return False
        if self.open + self.batch > WINDOW * self.batch:
            await asyncio.sleep(0.005)
            return True
        if self.idle and not await asyncio.to_thread(dispatch.any_due, self.way):
            return False
        chosen = await asyncio.to_thread(dispatch.usable, self.way)
        if chosen is None or await asyncio.to_thread(fingerprint.hold_reason) != "":
            return False
        account, pace = chosen.account, self.paces[chosen.account.name]
        most = 1 if chosen.on_trial else pace.room(self.batch, dispatch.LEASE_S / 4)
        started = clock.monotonic()
        batch = await asyncio.to_thread(dispatch.claim, self.way, account, most)
        self.idle = not batch
        if batch:
            self._set_out(account, batch, started)
            await self._trial(chosen)
        return bool(batch)

    async def _trial(self, chosen: dispatch.Open) -> None:
        """After a break one notice goes alone; its end decides."""
        while chosen.on_trial and self.sending:
            await asyncio.wait(set(self.sending))
        if chosen.on_trial and not self.paces[chosen.account.name].failures:
            await asyncio.to_thread(dispatch.mended, chosen.account.name)

    def _set_out(self, account: Account, batch: list[Claimed], started: float) -> None:
        claim = {
            "channel": self.way.channel, "account": account.name,
            "claimed": [[one.id, one.token, one.tries, one.address] for one in batch],
        }  # fmt: skip
        self.open += len(batch)
        try:
            page = self.journal.open(claim)
        except OSError as error:
            logger.error("nothing is sent: the journal can not be written: %s", error)
            full = Handed(Outcome.BUSY, detail="the journal can not be written")
            self.ended += [(_ended(one, account, full), None) for one in batch]
            return
        self.left[page] = len(batch)
        for one in batch:
            task = asyncio.create_task(self._send(account, one, page, started))
            self.sending.add(task)
            task.add_done_callback(self.sending.discard)

    async def _send(self, account: Account, one: Claimed, page: Page, started: float) -> None:
        pace = self.paces[account.name]
        try:
            async with self.at_once:
                await pace.take()
                carrier = self.dispatcher.carrier(self.way, account)
                handed = await dispatch.hand_over(
                    self.way, carrier, one, begin=partial(self._begin, one, page, started + dispatch.LEASE_S / 2)
                )
        except Exception as error:
            logger.exception("handing over notice %s failed", one.id)
            handed = Handed(Outcome.UNCERTAIN, code=type(error).__name__, detail=str(error))
        pace.heard(handed)
        page.ended(one.id, handed)
        self.ended.append((_ended(one, account, handed), page))
        if pace.failures >= FAILURES:
            pace.failures = 0
            await asyncio.to_thread(dispatch.trip, account.name, f"{handed.code} {handed.detail}".strip(),
                                    seconds=dispatch.OUTAGE_S)  # fmt: skip

    def _begin(self, one: Claimed, page: Page, until: float) -> None:
        """The last look before the carrier could take it: not late, not held, and written down."""
        now = clock.monotonic()
        if self.dispatcher.stopping.is_set():
            raise GivenBack("given back before sending: its process is ending")
        if now > until:
            raise GivenBack("given back before sending: its time was up")
        if one.id in self.dispatcher.stopped or now - self.dispatcher.stopped_known_at > HELD_KNOWN_S:
            raise GivenBack("given back before sending: held, or replaced")
        try:
            page.begun(one.id)
        except OSError as error:
            raise GivenBack("given back before sending: the journal's disk is full") from error

    async def write_on(self) -> None:
        """Write how hand-overs ended, as they end. With the database away they are kept and written later."""
        while True:
            if not self.ended:
                await asyncio.sleep(GATHER_S)
                continue
            await self._gathered()
            some = [self.ended[n] for n in range(min(len(self.ended), WRITTEN_AT_ONCE))]
            try:
                await asyncio.to_thread(dispatch.settle, self.way.channel, [ended for ended, _ in some])
            except (SQLAlchemyError, OSError) as error:
                logger.warning("what was sent is written later: %s", str(error).splitlines()[0])
                await asyncio.sleep(1.0)
                continue
            for _ in some:
                self._closed(self.ended.popleft()[1])

    async def _gathered(self) -> None:
        """A commit is worth waiting for company, as long as lines are not waiting for it."""
        until = clock.monotonic() + WRITTEN_WITHIN_S
        while len(self.ended) < min(self.open, self.batch // 2) and clock.monotonic() < until:
            await asyncio.sleep(GATHER_S)

    def _closed(self, page: Page | None) -> None:
        self.open -= 1
        if page is None:
            return
        self.left[page] -= 1
        if not self.left[page]:
            del self.left[page]
            page.close()


def _ended(one: Claimed, account: Account, handed: Handed) -> Ended:
    return Ended(
        one.id,
        one.token,
        account.name,
        handed,
        tries=one.tries,
        address=one.address,
        text=one.words.text if one.words else "",
    )
