"""The clockwork: a timetable of cron lines. The leader writes down what fell due; workers do it."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from coordinator import (
    alarms,
    archive,
    canary,
    clock,
    config,
    db,
    deadman,
    drills,
    intake,
    leases,
    paging,
    queues,
    watch,
)
from coordinator.models import ScheduleRun

logger = logging.getLogger(__name__)
LEAD = "clock"
RUN_LEASE_S = 600.0
STANDS_FOR = "one run stands for the missed ones"
CATCH_UP = timedelta(hours=36)  # older slots are written down as missed, not run


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timetable. ``newest_only``: after an outage one run stands for all the slots that were missed."""

    job: str
    cron: str  # Beijing time
    act: Callable[[datetime], object]
    newest_only: bool


def timetable() -> tuple[Line, ...]:
    """The fixed lines, and one for each drill script with a cron of its own."""
    return (
        Line("feeds", "*/30 * * * *", lambda slot: intake.pull_all(), newest_only=True),
        Line("watch", "* * * * *", lambda slot: watch.round(slot, when_blind=paging.page_trouble), newest_only=True),
        Line("canary", "17 * * * *", canary.send, newest_only=True),
        Line("look_after", "* * * * *", look_after, newest_only=True),
        Line("archive", "40 * * * *", archive.close_ended, newest_only=True),
        *(
            Line(f"drill:{script.name}", script.cron, drills.by_timetable(script), newest_only=True)
            for script in drills.scripts()
            if script.cron
        ),
    )


def look_after(slot: datetime) -> None:
    """Every minute: have the self-checks come back, do inputs and receipts still come?"""
    canary.judge()
    alarms.watch_inputs()
    alarms.watch_receipts()


def slots(line: Line, after: datetime, until: datetime) -> list[datetime]:
    """When this line fell due in (after, until]."""
    trigger, found = CronTrigger.from_crontab(line.cron, timezone=clock.BEIJING), []
    at = trigger.get_next_fire_time(None, after + timedelta(seconds=1))
    while at is not None and at <= until:
        found.append(at.astimezone(UTC))
        at = trigger.get_next_fire_time(at, at + timedelta(seconds=1))
    return found


def tick(epoch: int) -> int:
    """Write down every slot that fell due since the last one. One row a slot, whoever writes it first."""
    now, written = clock.now(), 0
    for line in timetable():
        with db.transaction() as session:
            if not leases.leads(session, LEAD, epoch):
                return written
            last = session.scalar(select(func.max(ScheduleRun.slot_at)).where(ScheduleRun.job == line.job))
            if last is None:  # a new line counts from now on, not from the beginning of time
                session.add(ScheduleRun(job=line.job, slot_at=now, state="done", trouble="first seen"))
                continue
            fallen = slots(line, max(last, now - CATCH_UP), now)
            rows = [{"job": line.job, "slot_at": at, "state": "due", "lease_s": 0.0, "trouble": ""} for at in fallen]
            if line.newest_only:
                for row in rows[:-1]:
                    row |= {"state": "done", "trouble": STANDS_FOR}
            if rows:
                session.execute(db.insert_new(ScheduleRun.__table__), rows)  # type: ignore[arg-type]
                written += len(rows)
    if written:
        queues.hint("timetable")
    return written


def run_due() -> int:
    """Do what is due: claimed one at a time, marked as it ends; a run whose process died is taken up again."""
    lines, done = {line.job: line for line in timetable()}, 0
    while (claimed := _claim(lines)) is not None:
        run_id, job, slot = claimed
        state, trouble = "done", ""
        try:
            lines[job].act(slot)
        except Exception as error:
            logger.exception("timetable job %s of %s failed", job, slot.isoformat())
            state, trouble = "failed", f"{type(error).__name__}: {error}"[:500]
        with db.transaction() as session:
            session.execute(
                update(ScheduleRun).where(ScheduleRun.id == run_id).values(state=state, trouble=trouble, lease_s=0.0)
            )
        done += 1
    return done


def _claim(lines: Mapping[str, Line]) -> tuple[int, str, datetime] | None:
    """The oldest due slot; where one run stands for many, the newest of its line, and the older are written off."""
    with db.transaction() as session:
        free = (ScheduleRun.state == "due") | ((ScheduleRun.state == "running") & (ScheduleRun.lease_s < db.seconds()))
        query = select(ScheduleRun).where(free).order_by(ScheduleRun.slot_at).limit(1)
        run = session.scalar(query.with_for_update(skip_locked=True))
        if run is None:
            return None
        if lines[run.job].newest_only:
            run = _newest(session, run)
        run.state = "running"
        run.lease_s = (session.scalar(select(db.seconds())) or 0.0) + RUN_LEASE_S
        return run.id, run.job, run.slot_at


def _newest(session: Session, run: ScheduleRun) -> ScheduleRun:
    waiting = select(ScheduleRun).where(ScheduleRun.job == run.job, ScheduleRun.state == "due")
    newest = session.scalar(waiting.order_by(ScheduleRun.slot_at.desc()).limit(1).with_for_update()) or run
    older = (ScheduleRun.job == run.job, ScheduleRun.state == "due", ScheduleRun.slot_at < newest.slot_at)
    session.execute(update(ScheduleRun).where(*older).values(state="done", trouble=STANDS_FOR))
    return newest


def run() -> None:
    """The clock role: APScheduler ticks, the leader writes slots, the others stand by. Until SIGTERM or SIGINT."""
    config.load()
    queues.ensure()
    holder, stopping = f"{socket.gethostname()}:{os.getpid()}", threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopping.set())
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        lead, "interval", seconds=1, args=(holder,), coalesce=True, max_instances=1, misfire_grace_time=None
    )
    scheduler.add_job(
        deadman.beat,
        "interval",
        seconds=60,
        args=(LEAD, holder),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    scheduler.start()
    stopping.wait()
    scheduler.shutdown(wait=True)
    leases.give_back(LEAD, holder)


def lead(holder: str) -> None:
    """One tick, if this process leads."""
    try:
        epoch = leases.take(LEAD, holder)
        if epoch is not None:
            tick(epoch)
    except SQLAlchemyError as error:
        logger.warning("the clock waits for the database: %s", str(error).splitlines()[0])
