"""At night what can wait waits for morning, visibly; orders, the grave, corrections, pages and emergencies never."""

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from coordinator import chasing, clock, config, db, pace, quiet, response, sweeps, underway, verify
from coordinator.clock import BEIJING
from coordinator.errors import Misconfigured
from coordinator.models import Mode, Notice, Receiver
from coordinator.quiet import Quiet, hours, waits
from rules.levels import Level
from tests.coordinator.conftest import issued, sign
from tests.coordinator.samples import order
from tests.coordinator.test_chasing import later, reminders
from tests.coordinator.test_path import drained, ledger

SET = {"QUIET_HOURS": "22:00-06:00"}
MIDNIGHT = datetime(2026, 11, 23, 1, tzinfo=BEIJING)
DAYS = {"effective_from": MIDNIGHT - timedelta(days=1), "effective_to": MIDNIGHT + timedelta(days=2)}


@pytest.mark.parametrize(
    ("at", "ends"),
    [("21:59", None), ("22:00", 1), ("23:30", 1), ("00:00", 0), ("05:59", 0), ("06:00", None), ("12:00", None)],
)
def test_the_night_goes_over_midnight(at: str, ends: int | None) -> None:
    now = datetime.fromisoformat(f"2026-11-25T{at}:00+08:00")

    until = hours(SET).until(now)  # type: ignore[union-attr]

    assert until == (None if ends is None else datetime(2026, 11, 25 + ends, 6, tzinfo=BEIJING))


def test_a_rest_at_noon_does_not() -> None:
    noon = quiet.parse("12:00-14:00")

    assert noon.until(datetime(2026, 11, 25, 13, tzinfo=BEIJING)) == datetime(2026, 11, 25, 14, tzinfo=BEIJING)
    assert noon.until(datetime(2026, 11, 25, 14, tzinfo=BEIJING)) is None
    assert noon.until(datetime(2026, 11, 25, 3, tzinfo=BEIJING)) is None


def test_night_is_the_law_s_marked_unconfirmed() -> None:
    assert hours({"QUIET_HOURS": "night"}) == Quiet(*(datetime(2026, 1, 1, h).time() for h in (22, 6)))
    assert "confirmed = false" in quiet.OURS.read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", ["22", "22:00-22:00", "25:00-06:00", "always"])
def test_what_can_not_be_read_is_a_fault_by_name(wrong: str) -> None:
    with pytest.raises(Misconfigured, match="QUIET_HOURS"):
        hours({"QUIET_HOURS": wrong})
    assert any("QUIET_HOURS" in fault for fault in config.find_faults({"QUIET_HOURS": wrong}))


@pytest.mark.parametrize(
    ("lane", "fields", "expected"),
    [
        ("reminder", {"level": Level.YELLOW}, True),
        ("reminder", {"level": Level.ORANGE}, False),
        ("reminder", {"level": Level.YELLOW, "previous": Level.RED}, False),
        ("lift", {"level": Level.YELLOW, "change": "lift"}, True),
        ("lift", {"level": Level.RED, "change": "lift"}, False),
        ("drill", {"level": Level.RED, "mode": "exercise"}, True),
        ("yellow", {"level": Level.YELLOW}, False),
        ("red", {"level": Level.RED}, False),
        ("reminder", {"level": Level.YELLOW, "kind": "incident"}, False),
        ("reminder", {"level": Level.YELLOW, "effective_from": MIDNIGHT + timedelta(hours=5)}, False),
        ("reminder", {"level": Level.YELLOW, "effective_from": MIDNIGHT + timedelta(hours=6)}, True),
        ("lift", {"level": Level.YELLOW, "effective_to": MIDNIGHT + timedelta(hours=3)}, False),
    ],
)
def test_what_waits(lane: str, fields: dict[str, Any], expected: bool) -> None:
    assert waits(order(**DAYS | {"previous": None} | fields), lane, MIDNIGHT, SET) is expected


def test_off_unless_it_is_set() -> None:
    assert not waits(order(**DAYS, level=Level.YELLOW), "reminder", MIDNIGHT, {})


def quiet_now(monkeypatch: pytest.MonkeyPatch, minutes: int = 60) -> None:
    """From a minute ago, for so long."""
    now = clock.now().astimezone(BEIJING)
    span = [now - timedelta(minutes=1), now + timedelta(minutes=minutes)]
    monkeypatch.setenv("QUIET_HOURS", "-".join(f"{at:%H:%M}" for at in span))


def over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIET_HOURS", f"{clock.now().astimezone(BEIJING) + timedelta(hours=2):%H:%M}-"
                                      f"{clock.now().astimezone(BEIJING) + timedelta(hours=3):%H:%M}")  # fmt: skip


def test_orders_go_out_reminders_wait_and_say_so_then_go_out_in_the_morning(
    any_region: SimpleNamespace, carriers: Any, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_now(monkeypatch)
    alert_id = issued(Level.YELLOW)
    drained()
    assert len(ledger(store)) == 2 * any_region.plants
    later(21)
    chasing.chase_due()
    sweeps.books()
    drained()

    assert {one.state for one in reminders()} == {"planned"}
    assert len(ledger(store)) == 2 * any_region.plants
    with db.reading() as session:
        [group, _] = [one for one in underway.look(session) if one.phase == "quiet"]
        eta = pace.of_alert(session, alert_id)
    assert group.explained and 3000 < (group.next_in_s or 0) < 3700 and "夜间" in group.as_json()["why"]
    assert 3000 < (eta.seconds or 0) < 3700
    assert verify.run()["ok"], verify.run()

    with db.transaction() as session:
        awake = session.scalars(select(Receiver).order_by(Receiver.id)).first()
        assert awake is not None
        awake.acknowledged_rev, awake.chase_at = 1, None
        key = awake.key
    over(monkeypatch)
    sweeps.books()
    drained()

    assert {one.state for one in reminders() if one.receiver == key} == {"cancelled"}
    assert {one.state for one in reminders() if one.receiver != key} == {"accepted"}
    assert len(ledger(store)) == 4 * any_region.plants - 2


def test_an_orange_reminder_and_a_correction_wake_people(
    region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_now(monkeypatch)
    issued(Level.ORANGE)
    drained()
    later(16)
    chasing.chase_due()
    yellow = issued(Level.YELLOW)
    drained()
    with db.transaction() as session:
        response.retract(session, response.load(session, yellow), by="d1", reason="误发")
    sign(yellow, "s1")

    assert {one.state for one in reminders()} <= {"accepted", "pending"}
    with db.reading() as session:
        corrections = session.scalars(select(Notice.state).where(Notice.kind == "correction")).all()
    assert set(corrections) == {"pending"}


def test_a_lift_of_yellow_and_a_rehearsal_wait(
    region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert_id = issued(Level.YELLOW)
    drained()
    quiet_now(monkeypatch)
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        response.lift(session, alert, by="d1", wanted={"reason": "冷空气到达", "evidence": {"observed": "AQI 60"}})
    sign(alert_id, "s1", "s2")
    drill = issued(Level.RED, mode=Mode.EXERCISE)

    with db.reading() as session:
        lifts = session.scalars(select(Notice.state).where(Notice.alert_id == alert_id, Notice.rev == 2)
                                .where(Notice.kind == "order", Notice.lane != 0)).all()  # fmt: skip
        rehearsed = session.scalars(select(Notice.state).where(Notice.alert_id == drill, Notice.lane != 0)).all()
    assert set(lifts) == set(rehearsed) == {"planned"}


def test_a_lift_that_waits_is_overtaken_by_nothing_older(
    region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reminders of the order it lifts, kept back in the same night, are never sent."""
    quiet_now(monkeypatch)
    alert_id = issued(Level.YELLOW)
    drained()
    later(21)
    chasing.chase_due()
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        response.lift(session, alert, by="d1", wanted={"reason": "冷空气到达", "evidence": {"observed": "AQI 60"}})
    sign(alert_id, "s1", "s2")
    over(monkeypatch)
    sweeps.books()

    assert {one.state for one in reminders()} == {"superseded"}
