"""Ticks, inputs or receipts stop: a person is called, around what is broken, not twice in an hour."""

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from coordinator import alarms, clock, db
from coordinator.models import CarrierEvent, FeedState, Lease, Notice, State, Trouble
from tests.coordinator.conftest import issued, said


@pytest.fixture(autouse=True)
def looked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(alarms, "LOOK_EVERY_S", 0.0)
    yield


def calls() -> list[Notice]:
    with db.reading() as session:
        return list(session.scalars(select(Notice).where(Notice.number.startswith("XT")).order_by(Notice.id)))


def lead(seconds_ago: float) -> None:
    with db.transaction() as session:
        session.merge(
            Lease(
                name="clock",
                holder="gone",
                epoch=1,
                until_s=(session.scalar(select(db.seconds())) or 0) + 10 - seconds_ago,
            )
        )


def pass_hours(hours: float) -> None:
    with db.transaction() as session:
        session.execute(update(Trouble).values(paged_s=Trouble.paged_s - 3600 * hours))


def test_a_clock_that_stopped_is_noticed_by_a_worker_once_an_hour(any_region: SimpleNamespace) -> None:
    alarms.watch_clock()  # nobody ever led: /readyz says so, nobody is called
    lead(30)
    alarms.watch_clock()
    assert calls() == []

    lead(90)
    alarms.watch_clock()
    alarms.watch_clock()

    assert {call.receiver for call in calls()} == {"officer:d1", "officer:d2"}
    assert len(calls()) == 4 and all("定时已停" in said(call) for call in calls())
    pass_hours(1)
    alarms.watch_clock()
    assert len(calls()) == 8
    lead(1)
    alarms.watch_clock()
    with db.reading() as session:
        assert alarms.standing(session) == []


def test_a_clock_that_flaps_is_still_called_about_once_an_hour(region: SimpleNamespace) -> None:
    for _ in range(3):
        lead(90)
        alarms.watch_clock()
        lead(1)
        alarms.watch_clock()

    assert len(calls()) == 4


def test_inputs_that_stopped_are_told_once_for_each_silence(region: SimpleNamespace) -> None:
    old = clock.now() - timedelta(hours=5)
    with db.transaction() as session:
        session.add_all(
            FeedState(name=name, kind="readings", tried_at=old, heard_at=old, newest_at=old)
            for name in ("cnemc", "bureau")
        )

    alarms.watch_inputs()
    pass_hours(9)
    alarms.watch_inputs()

    assert len(calls()) == 4  # two officers, two addresses, both sources in one call
    assert all("cnemc" in said(call) and "bureau" in said(call) for call in calls())
    with db.transaction() as session:
        session.execute(update(FeedState).values(newest_at=clock.now()))
    alarms.watch_inputs()
    with db.reading() as session:
        assert alarms.standing(session) == []


def accepted(minutes_ago: float) -> None:
    with db.connection() as connection:
        connection.exec_driver_sql("DROP TRIGGER IF EXISTS notice_moves" + ("" if db.is_sqlite() else " ON notice"))
        connection.execute(
            update(Notice)
            .where(Notice.channel == "sms", Notice.kind == "order")
            .values(state=State.ACCEPTED, account="twilio", accepted_at=clock.now() - timedelta(minutes=minutes_ago))
        )


def heard(minutes_ago: float) -> None:
    with db.transaction() as session:
        notice = session.scalars(select(Notice.id).where(Notice.channel == "sms", Notice.kind == "order")).first()
        session.add(
            CarrierEvent(event_key=f"{minutes_ago}", kind="status", notice_id=notice, form={}, applied="applied",
                         received_at=clock.now() - timedelta(minutes=minutes_ago))
        )  # fmt: skip


def test_receipts_that_stopped_are_told_around_the_account(any_region: SimpleNamespace, carriers: Any) -> None:
    issued()
    accepted(15)
    alarms.watch_receipts()
    assert calls() == []  # it never called back: a matter of setting up

    heard(40)
    alarms.watch_receipts()
    alarms.watch_receipts()

    assert {call.channel for call in calls()} == {"email", "voice"}
    assert all("没有任何送达回执" in said(call) for call in calls())
    heard(1)
    alarms.watch_receipts()
    with db.reading() as session:
        assert alarms.standing(session) == []


@pytest.mark.parametrize(("accepted_ago", "heard_ago"), [(5, 40), (15, 12), (15, 3)])
def test_an_account_that_is_merely_slow_calls_nobody(
    region: SimpleNamespace, carriers: Any, accepted_ago: float, heard_ago: float
) -> None:
    issued()
    accepted(accepted_ago)
    heard(heard_ago)

    alarms.watch_receipts()

    assert calls() == []


def test_without_another_way_the_broken_one_is_used(region: SimpleNamespace) -> None:
    from contacts.models import Officer

    with db.transaction() as session:
        session.execute(update(Officer).values(email=None))

    assert alarms.tell({"receipts:twilio": "没有回执"}, avoiding="sms") == ["receipts:twilio"]

    assert {call.channel for call in calls()} == {"sms"}
