"""The self-check: a text to ourselves by the real account, back by callback in time, or somebody is called another way."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from coordinator import canary, checkup, clock, db, fingerprint, status, verify
from coordinator.models import Canary, Notice
from coordinator.simulator import server
from coordinator.simulator.subscribers import settings
from coordinator.web import create_app
from tests.coordinator.callers import served
from tests.coordinator.conftest import said
from tests.coordinator.test_path import drained, ledger
from tests.faults.ground import until

OURS, BOX = "+8613900009999", "zijian@example.cn"


@pytest.fixture
def flown(region: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("CANARY_PHONE", "139 0000 9999")
    monkeypatch.setenv("CANARY_EMAIL", BOX)
    return monkeypatch


@pytest.fixture
def calling(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Carriers that call back to our own web over HTTP."""
    ready, done, kept = threading.Event(), asyncio.Event(), SimpleNamespace()

    async def serve(web: str) -> None:
        kept.loop = asyncio.get_running_loop()
        kept.simulator = server.Simulator(
            home=store / "carriers", port=0, smtp_port=0, web=web, faults={"callback_ms": 0}
        )
        await kept.simulator.start()
        ready.set()
        await done.wait()
        await kept.simulator.stop()

    with served(create_app()) as web:
        monkeypatch.setenv("PUBLIC_BASE_URL", web)
        thread = threading.Thread(target=lambda: asyncio.run(serve(web)))
        thread.start()
        ready.wait(10)
        for name, value in settings(kept.simulator.port, kept.simulator.smtp_port).items():
            monkeypatch.setenv(name, value)
        yield
        kept.loop.call_soon_threadsafe(done.set)
        thread.join(10)


def flights() -> dict[str, str]:
    with db.reading() as session:
        return {row.channel: row.outcome for row in session.scalars(select(Canary))}


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    moment = clock.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(clock, "now", lambda: moment)


def test_it_goes_down_the_same_way_and_comes_back_by_callback(
    flown: pytest.MonkeyPatch, calling: None, store: Path
) -> None:
    slot = clock.now()
    assert (canary.send(slot), canary.send(slot)) == (2, 2)  # the slot taken up again puts nothing down twice
    drained()

    def back() -> bool:
        canary.judge()
        return flights() == {"sms": "good", "email": "good"}

    until(back, 20)
    sent = {row["to"]: row for row in ledger(store) if row["channel"] in ("sms", "email")}
    assert set(sent) == {OURS, BOX} and len([row for row in ledger(store) if row["channel"] in ("sms", "email")]) == 2
    with db.reading() as session:
        for notice in session.scalars(select(Notice)):
            assert "链路自检" in said(notice) and "不是预警" in said(notice) and "演练" not in said(notice)
            assert (notice.kind, notice.mode, notice.lane) == ("manual", "actual", 0)
    ages = {age["channel"]: age for age in status.now()["canaries"]}
    assert ages["sms"]["last_good_age_s"] < 60 and ages["sms"]["took_s"] < canary.BACK_WITHIN_S
    assert 'liandong_canary_age_seconds{channel="sms"}' in create_app().test_client().get("/metrics").text
    assert verify.run()["ok"], verify.run()


def test_one_that_does_not_come_back_calls_by_another_channel_once(flown: pytest.MonkeyPatch, carriers: Any) -> None:
    canary.send(clock.now())
    drained()
    canary.judge()
    assert flights() == {"sms": "", "email": "good"}

    later(flown, 121)
    canary.judge()
    flown.delenv("CANARY_EMAIL")
    canary.send(clock.now())
    later(flown, 121)
    canary.judge()

    with db.reading() as session:
        calls = session.scalars(select(Notice).where(Notice.receiver.startswith("officer:"))).all()
        assert {call.channel for call in calls} == {"email", "voice"}
        assert len(calls) == 2 * 2  # both duty officers, by mail and by voice, for two failures within the hour
        assert all("链路自检没有按时回来" in said(call) for call in calls)
    reasons = create_app().test_client().get("/readyz").json["reasons"]
    assert "链路自检 sms 没有按时回来" in reasons


def test_the_carrier_asked_by_us_is_no_callback(flown: pytest.MonkeyPatch, carriers: Any) -> None:
    canary.send(clock.now())
    drained()
    with db.transaction() as session:
        notice = session.scalars(select(Notice).where(Notice.channel == "sms")).one()
        notice.state, notice.asked = "delivered", 1

    later(flown, 121)
    canary.judge()

    assert flights()["sms"] == "lost"


def test_an_account_that_is_held_or_off_flies_nothing(flown: pytest.MonkeyPatch, carriers: Any, store: Path) -> None:
    flown.setenv("PUBLIC_BASE_URL", "https://desk.example")
    fingerprint.forget()
    fingerprint.keep()
    flown.setenv("PUBLIC_BASE_URL", "http://127.0.0.1:9999")
    fingerprint.forget()
    assert canary.send(clock.now()) == 0
    flown.delenv("CANARY_PHONE")
    flown.delenv("CANARY_EMAIL")
    assert canary.targets({}) == {} and status.now()["canaries"] == []
    lines = {line.name: line for line in checkup.run()}
    assert "CANARY_PHONE" in lines["canary"].warning and "DEADMAN_URL" in lines["deadman"].warning


def test_a_number_that_is_none_is_a_fault(flown: pytest.MonkeyPatch) -> None:
    flown.setenv("CANARY_PHONE", "12369")

    assert any(line.fault.startswith("CANARY_PHONE") for line in checkup.run())
