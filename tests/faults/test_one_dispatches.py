"""On SQLite one worker dispatches and the others stand by; when it is killed another takes over."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from coordinator import db, schema, standby
from coordinator.models import Lease, State
from tests import services
from tests.coordinator.conftest import issued
from tests.faults.ground import Role, crowd, nothing_lost_or_repeated, role, settled, states, taken, until, weather

PLANTS = 300


def leading() -> int:
    """The process that dispatches, 0 while nobody does."""
    with db.reading() as session:
        held = session.get(Lease, standby.LEAD)
        return int(held.holder.split(":")[0]) if held and held.until_s > 0 else 0


def ten_seconds_pass() -> None:
    with db.transaction() as session:
        session.execute(update(Lease).where(Lease.name == standby.LEAD).values(until_s=Lease.until_s - 10))


@contextmanager
def two_workers(store: Path) -> Iterator[tuple[Role, Role]]:
    """The one that dispatches, and the one that stands by."""
    with role(store, "worker") as first:
        until(lambda: leading() == first.child.pid)
        with role(store, "worker") as second:
            yield first, second


def test_the_dispatcher_is_killed_and_the_one_that_stood_by_loses_and_repeats_nothing(
    store: Path, carriers: Any
) -> None:
    crowd(PLANTS)
    weather(carriers, latency_ms=200)
    with two_workers(store) as (first, second):
        issued()
        until(lambda: len(taken(store)) > PLANTS / 5)
        assert leading() == first.child.pid
        first.kill()
        ten_seconds_pass()
        until(lambda: leading() == second.child.pid)
        settled(State.UNCERTAIN, State.SENDING)

    assert states() == {"accepted": PLANTS}
    nothing_lost_or_repeated(store, PLANTS)


def test_the_dispatcher_ends_and_the_other_follows_without_waiting_for_the_lease(store: Path, carriers: Any) -> None:
    crowd(20)
    with two_workers(store) as (first, second):
        assert first.end() == 0
        issued()
        until(lambda: leading() == second.child.pid, seconds=8)
        settled()
    nothing_lost_or_repeated(store, 20)


def test_whoever_stands_by_claims_nothing(store: Path, carriers: Any) -> None:
    crowd(20)
    with role(store, "worker") as bystander:
        until(lambda: leading() == bystander.child.pid)
        with db.transaction() as session:  # another process takes the lead, and does nothing with it
            session.execute(update(Lease).values(holder="1:another", until_s=db.seconds() + 3600))
        until(lambda: leading() == 1)
        time.sleep(standby.RENEW_EVERY_S + 2)  # it has asked again, and been told
        issued()
        time.sleep(3)
        assert states() == {"pending": 20}
        with db.transaction() as session:
            session.execute(update(Lease).values(until_s=0.0))
        settled()
    nothing_lost_or_repeated(store, 20)


def test_on_postgresql_all_workers_dispatch(
    store: Path, carriers: Any, postgresql_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", services.new_database(postgresql_server))
    schema.upgrade()

    one, other = standby.Standby(), standby.Standby()
    one.renew()
    other.renew()

    assert one.leads()
    assert other.leads()
    with db.reading() as session:
        assert session.get(Lease, standby.LEAD) is None
    db.engine().dispose()
