"""The lines that send: one event loop in its own thread, some lines on every way out."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from coordinator import clock, config, dispatch, fingerprint, jobs, sweeps
from coordinator.channels import Account
from coordinator.dispatch import Way

logger = logging.getLogger(__name__)
LINES = 2  # side by side on every way: one claims and writes while the other sends
LOOK_EVERY_S = 1.0
BACK_OFF_S = 3.0


class Dispatcher:
    """One event loop in its own thread: the lines that send, and the questions to carriers."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.carriers: dict[Account, Any] = {}

    def run(self) -> None:
        """Until told to stop."""
        asyncio.run(self.serve())

    async def serve(self) -> None:
        ways = dispatch.ways()
        tasks = [asyncio.create_task(self.keep(partial(self.line, way))) for way in ways for _ in range(LINES)]
        tasks += [asyncio.create_task(self.keep(partial(self.ask, way))) for way in ways]
        while not self.stopping.is_set():
            await asyncio.sleep(0.1)
        if tasks:  # none when no carrier is set up
            await asyncio.wait(tasks, timeout=dispatch.LEASE_S / 2)
        for carrier in self.carriers.values():
            await carrier.close()

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
        until = clock.monotonic() + LOOK_EVERY_S
        while clock.monotonic() < until and not jobs.WAKE.is_set() and not self.stopping.is_set():
            await asyncio.sleep(0.02)

    async def line(self, way: Way) -> bool:
        """Claim a batch, hand it over, write how it ended. False when there was nothing to claim."""
        if not await asyncio.to_thread(dispatch.any_due, way):
            return False
        account = await asyncio.to_thread(dispatch.usable, way)
        if account is None or await asyncio.to_thread(fingerprint.hold_reason) != "":
            return False
        started = clock.monotonic()
        batch = await asyncio.to_thread(dispatch.claim, way, account)
        ended = await dispatch.hand_over(way, self.carrier(way, account), batch, started=started)
        await asyncio.to_thread(dispatch.settle, way, account, ended)
        return bool(batch)

    async def ask(self, way: Way) -> bool:
        """Look up what is uncertain; ask after what has been silent."""
        doubts = await asyncio.to_thread(sweeps.take_doubts, way)
        if doubts:
            await sweeps.resolve(way, self.carrier(way, way.accounts[0]), doubts)
        silent = await asyncio.to_thread(sweeps.take_silent, way)
        if silent:
            await sweeps.poll(way, self.carrier(way, way.accounts[0]), silent)
        return bool(doubts)

    def carrier(self, way: Way, account: Account) -> Any:
        if account not in self.carriers:
            self.carriers[account] = way.module.Carrier(account, config.load().public_base_url)
        return self.carriers[account]
