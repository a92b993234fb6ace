"""Clocks jump and leading processes die: every slot is written once, no lease is cut short."""

import time
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from coordinator import clock as time_of_day
from coordinator import db, schedule
from coordinator.models import Lease, Notice, NoticeKind, ScheduleRun
from tests.coordinator.conftest import issued, state_of
from tests.faults.ground import books_close, crowd, role, states, taken, until, weather

PLANTS = 100


def leader() -> tuple[str, int]:
    with db.reading() as session:
        held = session.get(Lease, schedule.LEAD)
        return (held.holder, held.epoch) if held else ("", 0)


def slots(job: str = "watch") -> list[datetime]:
    with db.reading() as session:
        return list(
            session.scalars(select(ScheduleRun.slot_at).where(ScheduleRun.job == job).order_by(ScheduleRun.slot_at))
        )


def test_a_killed_clock_is_followed_by_the_other_and_no_slot_is_missed_or_doubled(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = store / "clock"
    fast.write_text("0 60")  # a minute a second
    monkeypatch.setenv("LIANDONG_CLOCK_FILE", str(fast))
    with role(store, "clock") as first:
        until(lambda: len(slots()) > 1)
        (store / "clock.log").write_text("")
        with role(store, "clock"):
            before = leader()
            first.kill()
            count = len(slots())
            with db.transaction() as session:  # ten seconds pass
                session.execute(update(Lease).values(until_s=Lease.until_s - 10))
            until(lambda: leader()[1] == before[1] + 1 and len(slots()) > count + 2)
            assert leader()[0] != before[0]

    found = slots()[1:]  # the first is where the line began to count
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=1)}
    books_close()


def test_a_clock_that_jumps_a_day_moves_no_lease_and_lifts_nothing(
    store: Path, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = store / "clock"
    moved.write_text("0")
    monkeypatch.setenv("LIANDONG_CLOCK_FILE", str(moved))
    crowd(PLANTS)
    weather(carriers, latency_ms=4500)
    alert = issued()
    with role(store, "worker"), role(store, "clock"):
        until(lambda: states().get("sending") and leader()[1])
        before = leader()
        for days in (1, -1):
            moved.write_text(str(days * 86400))
            assert abs(time_of_day.now().timestamp() - time_of_day.wall() - days * 86400) < 5
            time.sleep(2)  # longer than a tick of the clock and a sweep of the worker
        until(lambda: "sending" not in states() and "pending" not in states())
        assert leader() == before

    with db.reading() as session:
        orders = session.execute(
            select(Notice.attempts, Notice.state, Notice.error).where(Notice.kind == NoticeKind.ORDER)
        ).all()
    assert set(orders) == {(1, "accepted", "")}
    told = {to for to in taken(store) if to.startswith("+86138")}  # plants: the desk may have been called meanwhile
    assert len(told) == PLANTS
    assert state_of(alert) == "active"
    books_close()
