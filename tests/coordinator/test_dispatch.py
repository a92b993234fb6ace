"""The send protocol: leases, fences, look-ups, lanes; the carrier's ledger is the judge."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from coordinator import db, dispatch, receipts, sweeps, verify
from coordinator.channels import Handed, Outcome
from coordinator.errors import CoordinatorError
from coordinator.models import Alert, Breaker, CarrierEvent, Mode, Notice, State
from rules.levels import Level
from tests.coordinator.conftest import issued
from tests.coordinator.test_path import drained, ledger


def way(channel: str, mode: Mode = Mode.ACTUAL) -> dispatch.Way:
    return next(way for way in dispatch.ways() if way.channel == channel and mode in way.modes)


def ended(claimed: dispatch.Claimed, handed: Handed) -> dispatch.Ended:
    return dispatch.Ended(claimed.id, claimed.token, "twilio", handed)


def states(**where: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    with db.reading() as session:
        for state in session.scalars(select(Notice.state).filter_by(**where)):
            found[state] = found.get(state, 0) + 1
    return found


def test_two_claims_never_share_a_notice(any_region: SimpleNamespace, carriers: Any) -> None:
    issued()
    sms = way("sms")

    first, second = dispatch.claim(sms, sms.accounts[0]), dispatch.claim(sms, sms.accounts[0])

    assert len(first) == any_region.plants
    assert second == []


def test_the_books_close_while_notices_are_in_a_senders_hands(any_region: SimpleNamespace, carriers: Any) -> None:
    issued()
    sms = way("sms")
    dispatch.claim(sms, sms.accounts[0])

    assert verify.run()["ok"], verify.run()


def test_a_process_that_overslept_writes_nothing(region: SimpleNamespace, carriers: Any) -> None:
    issued()
    sms = way("sms")
    [sleeper, *_] = dispatch.claim(sms, sms.accounts[0])
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.id == sleeper.id).values(lease_token=9))

    dispatch.settle("sms", [ended(sleeper, Handed(Outcome.ACCEPTED, reference="SMlate"))])

    with db.reading() as session:
        assert session.get_one(Notice, sleeper.id).state == State.SENDING


def test_a_killed_hand_over_is_looked_up_and_not_repeated(region: SimpleNamespace, carriers: Any, store: Path) -> None:
    """The carrier took it, the process died before it could write that down."""
    issued()
    drained()
    before = len(ledger(store))
    with db.connection() as connection:
        for guard in ("notice_moves",):
            connection.exec_driver_sql(f"DROP TRIGGER {guard}")
        connection.execute(
            update(Notice).where(Notice.channel == "sms").values(state=State.SENDING, lease_s=1, reference=None)
        )

    sweeps.expire_leases()
    assert states(channel="sms") == {"uncertain": region.plants}
    drained_doubts()

    assert states(channel="sms") == {"accepted": region.plants}
    assert len(ledger(store)) == before


def test_a_claim_that_never_left_is_sent_after_two_look_ups(
    region: SimpleNamespace, carriers: Any, store: Path
) -> None:
    issued()
    sms = way("sms")
    dispatch.claim(sms, sms.accounts[0])
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.state == State.SENDING).values(lease_s=1))

    sweeps.expire_leases()
    drained_doubts()
    drained_doubts()
    drained()

    sent = [row["to"] for row in ledger(store) if row["channel"] == "sms"]
    assert len(sent) == len(set(sent)) == region.plants


def drained_doubts() -> None:
    """Every look-up that is due, and those that would be due soon."""
    import asyncio

    sms = way("sms")
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.state == State.UNCERTAIN).values(lease_s=0))

    async def ask() -> None:
        carrier = sms.module.Carrier(sms.accounts[0], "http://127.0.0.1:9")
        await sweeps.resolve(sms, carrier, sweeps.take_doubts(sms))
        await carrier.close()

    asyncio.run(ask())


def test_hold_stops_what_is_not_yet_claimed(region: SimpleNamespace, carriers: Any) -> None:
    alert_id = issued()
    with db.transaction() as session:
        session.get_one(Alert, alert_id).hold = True

    sms = way("sms")

    assert not dispatch.any_due(sms)
    assert dispatch.claim(sms, sms.accounts[0]) == []


def test_red_overtakes_yellow(region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    issued(Level.YELLOW)
    red = issued_red()
    monkeypatch.setitem(dispatch.BATCH, "sms", 5)
    sms = way("sms")

    claimed = dispatch.claim(sms, sms.accounts[0])

    with db.reading() as session:
        assert {session.get_one(Notice, one.id).alert_id for one in claimed} == {red}


def issued_red() -> int:
    from tests.coordinator.conftest import proposed, sign

    alert_id = proposed(Level.RED)
    sign(alert_id, "s1", "l1")
    return alert_id


def test_a_drill_leaves_by_the_drill_account_in_drill_dress(
    region: SimpleNamespace, carriers: Any, store: Path
) -> None:
    issued(Level.YELLOW, mode=Mode.EXERCISE)

    drained()

    sent = ledger(store)
    assert sent
    assert {row["account"] for row in sent} == {"drill_twilio", "drill_smtp"}
    for row in sent:
        said = row["body"] if row["channel"] == "sms" else row["subject"]
        assert said.startswith("【演练】")
    assert verify.run()["ok"], verify.run()


def test_wrong_credentials_stop_the_account_not_the_notices(
    region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "no longer right, and long enough to be one")
    issued()
    sms = way("sms")

    import asyncio

    async def hand() -> None:
        carrier = sms.module.Carrier(sms.accounts[0], "http://127.0.0.1:9")
        for one in dispatch.claim(sms, sms.accounts[0]):
            handed = await dispatch.hand_over(sms, carrier, one, begin=lambda: None)
            dispatch.settle("sms", [ended(one, handed)])
        await carrier.close()

    asyncio.run(hand())

    assert states(channel="sms") == {"pending": region.plants}
    with db.reading() as session:
        assert session.get_one(Breaker, "twilio").reason
    left = dispatch.usable(sms)
    assert left is None or left.account.name == "sms_b"


@pytest.mark.parametrize("order", [["sent", "delivered"], ["delivered", "sent"], ["delivered", "delivered"]])
def test_receipts_come_in_any_order(region: SimpleNamespace, carriers: Any, order: list[str]) -> None:
    issued()
    drained()
    with db.reading() as session:
        notice = session.scalars(select(Notice).where(Notice.channel == "sms")).first()
        assert notice is not None

    for word in order:
        with db.transaction() as session:
            receipts.record(
                session, {"MessageSid": notice.reference or "", "MessageStatus": word}, attempt=f"{notice.id}.1"
            )

    with db.reading() as session:
        assert session.get_one(Notice, notice.id).state == State.DELIVERED


def test_a_receipt_that_overtakes_the_reply_waits_for_it(region: SimpleNamespace, carriers: Any) -> None:
    issued()
    sms = way("sms")
    [claimed, *_] = dispatch.claim(sms, sms.accounts[0])
    with db.transaction() as session:
        receipts.record(session, {"MessageSid": "SM7", "MessageStatus": "delivered"}, attempt=claimed.attempt)
    dispatch.settle("sms", [ended(claimed, Handed(Outcome.ACCEPTED, reference="SM7"))])

    sweeps.early_receipts()

    with db.reading() as session:
        assert session.get_one(Notice, claimed.id).state == State.DELIVERED
        assert session.scalars(select(CarrierEvent.applied)).all() == ["applied"]


def test_the_database_refuses_a_move_that_is_not_in_the_table(any_region: SimpleNamespace) -> None:
    from sqlalchemy.exc import DatabaseError

    issued()
    with pytest.raises((DatabaseError, CoordinatorError)), db.transaction() as session:
        session.execute(update(Notice).values(state=State.DELIVERED))


def test_an_order_that_has_ended_is_not_sent(region: SimpleNamespace) -> None:
    from datetime import timedelta

    from coordinator import clock

    issued()
    with db.transaction() as session:
        session.execute(update(Notice).values(valid_until=clock.now() - timedelta(seconds=1)))

    sweeps.expire_orders()

    assert states() == {"expired": 2 * region.plants}
