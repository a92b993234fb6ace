"""The worker role: takes hints over RQ, and sends, asks and sweeps whether hints come or not."""

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from coordinator import chasing, clock, config, db, dispatch, issuing, jobs, paging, queues, schedule, sweeps
from coordinator.channels import Account
from coordinator.dispatch import Way

logger = logging.getLogger(__name__)
LINES = 2  # side by side on every way: one claims and writes while the other sends
LOOK_EVERY_S = 1.0
SWEEP_EVERY_S = 2.0
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
        tasks = [asyncio.create_task(self.keep(lambda way=way: self.line(way))) for way in ways for _ in range(LINES)]
        tasks += [asyncio.create_task(self.keep(lambda way=way: self.ask(way))) for way in ways]
        while not self.stopping.is_set():
            await asyncio.sleep(0.1)
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
        if account is None:
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


def sweep(stopping: threading.Event) -> None:
    """The books, the silent, the late signers and the timetable, over and over; any number may do it at once."""
    duties = (sweeps.books, resume_issues, chasing.chase_due, paging.call_the_next, schedule.run_due)
    while not stopping.is_set():
        for duty in duties:
            try:
                duty()
            except (SQLAlchemyError, OSError) as error:
                logger.warning("sweep waits: %s", str(error).splitlines()[0])
                stopping.wait(BACK_OFF_S)
            except Exception:
                logger.exception("a sweep failed and will be tried again")
        stopping.wait(SWEEP_EVERY_S)


def resume_issues() -> None:
    """Revisions whose notices were not all written when their process died."""
    for alert_id, rev in sweeps.unmaterialised():
        issuing.materialise(alert_id, rev)


class HintWorker(SimpleWorker):
    """An RQ worker that runs hints in this process; one queue, so that RQ pops with a safety copy."""

    def _install_signal_handlers(self) -> None:
        """This process has handlers of its own."""


def listen(stopping: threading.Event) -> None:
    """Take hints until told to stop. With Redis gone the dispatcher looks by itself; this waits for it to return."""
    name = queues.new_name()
    while not stopping.is_set():
        try:
            if not queues.ensure():
                stopping.wait(BACK_OFF_S)
                continue
            queues.enlist(name)
            HintWorker([queues.queue(name)], connection=queues.connection(), serializer=JSONSerializer).work(
                burst=True, logging_level="WARNING"
            )
            _await_hint(name, stopping)
        except (redis.RedisError, OSError) as error:
            logger.warning("hints are away, looking every second instead: %s", error)
            stopping.wait(BACK_OFF_S)


def _await_hint(name: str, stopping: threading.Event) -> None:
    """Until something lies in the queue, a few seconds at most."""
    until = clock.monotonic() + 5
    queue = queues.queue(name)
    while clock.monotonic() < until and not stopping.is_set() and queue.is_empty():
        stopping.wait(0.1)


def run() -> None:
    """The whole role, until SIGTERM or SIGINT: what is in flight is finished, the rest stays for others."""
    config.load()
    dispatcher, stopping = Dispatcher(), threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopping.set())
    threads = [
        threading.Thread(target=dispatcher.run, name="dispatcher"),
        threading.Thread(target=sweep, args=(stopping,), name="sweeper"),
        threading.Thread(target=_rearm, args=(stopping,), name="hints"),
    ]
    for thread in threads:
        thread.start()
    listen(stopping)
    dispatcher.stopping.set()
    for thread in threads:
        thread.join(dispatch.LEASE_S)
    db.engine().dispose()


def _rearm(stopping: threading.Event) -> None:
    """A hint wakes every line once."""
    while not stopping.is_set():
        if jobs.WAKE.wait(0.5):
            stopping.wait(0.05)
            jobs.WAKE.clear()
