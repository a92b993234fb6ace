"""The worker role: takes hints over RQ, and sends, asks and sweeps whether hints come or not."""

import logging
import signal
import sys
import threading

import redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from coordinator import (
    alarms,
    chasing,
    clock,
    config,
    db,
    detours,
    dispatch,
    fingerprint,
    issuing,
    jobs,
    paging,
    queues,
    schedule,
    sweeps,
)
from coordinator.lines import Dispatcher

logger = logging.getLogger(__name__)
SWEEP_EVERY_S = 2.0
BACK_OFF_S = 3.0


def sweep(stopping: threading.Event) -> None:
    """The books, the silent, the late signers and the timetable, over and over; any number may do it at once."""
    duties = (
        fingerprint.keep, sweeps.books, resume_issues, chasing.chase_due, detours.take,
        paging.call_the_next, schedule.run_due,
        alarms.watch_clock,
    )  # fmt: skip
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
    sys.setswitchinterval(0.002)
    dispatch.ways()  # half an account is refused before anything is claimed for it
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
