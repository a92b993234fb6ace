"""Who is reached by no way is called, then the next is told, then the desk; a phone that was off gets its order once more."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from contacts.models import Contact, Shift
from coordinator import chasing, clock, db, detours, progress, receipts, verify
from coordinator.models import Alert, Audited, Notice, Receiver, State
from rules.levels import Level
from tests.coordinator.conftest import issued, said
from tests.coordinator.test_chasing import later
from tests.coordinator.test_path import drained, ledger

PLANT = "91110000MA00000000"
REFUSED, OFF = "+8619000021211", "+8619000030003"
SECOND = "+8613800000002"


@pytest.fixture
def lost(region: SimpleNamespace, carriers: Any) -> SimpleNamespace:
    """One plant whose first contact has no mail and a number that does not exist."""
    moved_to(REFUSED)
    return region


def moved_to(number: str) -> None:
    with db.transaction() as session:
        first = (Contact.enterprise_code == PLANT) & (Contact.order == 1)
        session.execute(update(Contact).where(first).values(phone=number, email=""))


def of_plant(**where: Any) -> list[Notice]:
    with db.reading() as session:
        query = select(Notice).where(Notice.receiver == PLANT).filter_by(**where).order_by(Notice.id)
        return list(session.scalars(query))


def sheet(alert_id: int) -> list[str]:
    with db.reading() as session:
        return [receiver.key for receiver in progress.unreachable(session, alert_id)]


def sent_to(store: Path, *numbers: str) -> Counter[tuple[str, str]]:
    rows = [(row["channel"], row["to"]) for row in ledger(store)]
    return Counter(row for row in rows if row[1] in numbers)


def undelivered(code: str) -> None:
    """The carrier calls back about the order to the plant."""
    [order] = of_plant(kind="order", channel="sms")
    form = {"MessageSid": order.reference or "", "MessageStatus": "undelivered", "ErrorCode": code}
    with db.transaction() as session:
        receipts.record(session, form, attempt=f"{order.id}.{order.lease_token}")


def test_a_refused_number_is_called_then_the_next_person_is_told(
    lost: SimpleNamespace, carriers: Any, store: Path
) -> None:
    alert_id = issued(Level.ORANGE)
    drained()
    assert sheet(alert_id) == [PLANT]

    assert detours.take() == 1
    [call] = of_plant(channel="voice")
    assert (call.address, call.kind, call.lane) == (REFUSED, "reminder", of_plant(kind="order")[0].lane)
    assert detours.take() == 0
    drained()
    assert [one.state for one in of_plant(channel="voice")] == ["failed"]
    assert detours.take() == 2
    drained()

    assert sent_to(store, SECOND) == {("sms", SECOND): 1}
    assert [one.person for one in of_plant(channel="sms", kind="reminder")] == ["联系人0-2"]
    assert detours.take() == 0
    with db.reading() as session:
        stands = progress.of(session, alert_id)
    assert stands["listed"] == 2 * lost.plants - 1 and sum(stands["apart"].values()) == 3
    assert sheet(alert_id) == [PLANT]
    assert verify.run()["ok"], verify.run()


def test_the_ladder_goes_on_from_who_was_told(lost: SimpleNamespace, carriers: Any) -> None:
    issued(Level.ORANGE)
    drained()
    detours.take()
    drained()
    detours.take()
    later(31)

    chasing.chase_due()

    assert [one.person for one in of_plant(channel="sms", kind="reminder")] == ["联系人0-2"]


def test_who_has_a_mail_on_its_way_is_left_to_the_ladder(region: SimpleNamespace, carriers: Any) -> None:
    with db.transaction() as session:
        first = (Contact.enterprise_code == PLANT) & (Contact.order == 1)
        session.execute(update(Contact).where(first).values(phone=REFUSED))
    issued(Level.ORANGE)
    drained()

    assert detours.take() == 0


def test_with_nobody_left_the_desk_is_called_at_once_with_the_number(lost: SimpleNamespace, carriers: Any) -> None:
    with db.transaction() as session:
        session.add(Shift(officer_id="d1", from_at=clock.now() - timedelta(hours=1),
                          to_at=clock.now() + timedelta(hours=1)))  # fmt: skip
        session.execute(delete(Contact).where(Contact.enterprise_code == PLANT, Contact.order == 2))
    alert_id = issued(Level.YELLOW)
    drained()
    detours.take()
    drained()

    detours.take()

    with db.reading() as session:
        assert session.scalars(select(Receiver.chase_at).where(Receiver.key == PLANT)).one() is None
        pages = session.scalars(select(Notice).where(Notice.receiver == "officer:d1", Notice.lane == 0)).all()
    assert {one.channel for one in pages} == {"sms", "email"}
    assert all("有1家联系不上" in said(one) for one in pages)
    assert sheet(alert_id) == [PLANT]
    assert detours.take() == 0


def test_nothing_while_the_alert_is_held_and_nothing_after_an_answer(lost: SimpleNamespace, carriers: Any) -> None:
    alert_id = issued(Level.ORANGE)
    drained()
    with db.transaction() as session:
        session.get_one(Alert, alert_id).hold = True
    assert detours.take() == 0
    with db.transaction() as session:
        session.get_one(Alert, alert_id).hold = False
        session.execute(update(Receiver).where(Receiver.key == PLANT).values(acknowledged_rev=1, chase_at=None))

    assert detours.take() == 0


def test_a_phone_that_was_off_is_called_now_and_texted_once_more_after_ten_minutes(
    region: SimpleNamespace, carriers: Any, store: Path
) -> None:
    moved_to(OFF)
    alert_id = issued(Level.ORANGE)
    drained()
    undelivered("30003")

    assert detours.take() == 1
    drained()
    assert sent_to(store, OFF) == {("sms", OFF): 1, ("voice", OFF): 1}
    _ten_minutes_on()
    assert detours.take() == 1
    assert detours.take() == 0
    drained()

    assert sent_to(store, OFF) == {("sms", OFF): 2, ("voice", OFF): 1}
    [order], [again] = of_plant(kind="order"), of_plant(kind="manual")
    assert (again.step, again.wording_id, again.state) == (order.id, order.wording_id, "accepted")
    assert again.marker != order.marker and again.reference != order.reference
    with db.reading() as session:
        [act] = session.scalars(select(Audited).where(Audited.what == "requeue")).all()
        assert (act.who, act.subject, act.detail["notices"]) == ("program", f"alert:{alert_id}", [order.id])
    assert verify.run()["ok"], verify.run()


def _ten_minutes_on() -> None:
    with db.transaction() as session:
        lost_at = clock.now() - timedelta(minutes=11)
        session.execute(update(Notice).where(Notice.state == State.UNDELIVERED).values(finished_at=lost_at))


@pytest.mark.parametrize("code", ["30005", "30007"])
def test_what_is_final_is_not_tried_again(region: SimpleNamespace, carriers: Any, code: str) -> None:
    moved_to(OFF)
    issued(Level.ORANGE)
    drained()
    undelivered(code)
    detours.take()
    _ten_minutes_on()

    detours.take()

    assert of_plant(kind="manual") == []


def test_without_calls_the_next_is_told_at_once(
    any_region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved_to(REFUSED)
    issued(Level.ORANGE)
    drained()
    for prefix in ("", "SMS_B_", "DRILL_"):
        monkeypatch.delenv(f"{prefix}TWILIO_FROM", raising=False)
        monkeypatch.setenv(f"{prefix}TWILIO_MESSAGING_SERVICE_SID", "MG1")

    assert detours.take() == 2

    assert {one.person for one in of_plant(kind="reminder")} == {"联系人0-2"}
