"""What waits says why, for how long, and what comes next; what nobody can explain is a violation."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from coordinator import clock, db, dispatch, status, underway, verify
from coordinator.models import Alert, Notice, State
from coordinator.underway import Outlet, why_due
from coordinator.web import create_app
from tests.coordinator.conftest import issued

FLOWING, STANDING, SHUT = Outlet("twilio", True, 0.0), Outlet("twilio", False, 0.0), Outlet("", False, 40.0)


@pytest.mark.parametrize(
    ("held", "stopped", "outlet", "age_s", "cause"),
    [
        ("", "", FLOWING, 900.0, "turn"),
        ("", "", STANDING, 59.0, "turn"),
        ("", "", STANDING, 61.0, "unexplained"),
        ("", "", SHUT, 900.0, "breaker"),
        ("", "", None, 900.0, "no_way"),
        ("held", "", STANDING, 900.0, "hold"),
        ("held", "a copy", None, 900.0, "adoption"),
    ],
)
def test_why_a_due_notice_waits(held: str, stopped: str, outlet: Outlet | None, age_s: float, cause: str) -> None:
    assert why_due(held=held, stopped=stopped, outlet=outlet, age_s=age_s) == cause


def older(seconds: float = 300.0, **where: Any) -> None:
    with db.transaction() as session:
        session.execute(update(Notice).filter_by(**where).values(created_at=clock.now() - timedelta(seconds=seconds)))


def found() -> dict[tuple[str, str], int]:
    counted: dict[tuple[str, str], int] = {}
    with db.reading() as session:
        for one in underway.look(session):
            counted[one.phase, one.cause] = counted.get((one.phase, one.cause), 0) + one.n
    return counted


def check(name: str) -> list[str]:
    return next(one["violations"] for one in verify.run()["checks"] if one["name"] == name)


def test_what_nobody_sends_is_named_by_verify_and_counted_by_age(any_region: SimpleNamespace, carriers: Any) -> None:
    issued()
    assert check("due_is_explained") == []
    older()

    with db.reading() as session:
        due = session.scalars(select(Notice.id).where(Notice.state == State.PENDING)).all()
    assert found() == {("due", "unexplained"): len(due)}
    assert len(check("due_is_explained")) == min(len(due), verify.MOST)
    with db.reading() as session:
        assert all(290 < one.oldest_s < 330 for one in underway.look(session))


def test_held_broken_and_unequipped_are_reasons(
    region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert_id = issued()
    older()
    dispatch.trip("smtp", "535")
    orders = 2 * region.plants
    with db.transaction() as session:
        session.get_one(Alert, alert_id).hold = True
        session.execute(update(Notice).where(Notice.lane == 0).values(state=State.SUPPRESSED))
    assert found() == {("due", "hold"): orders}
    with db.transaction() as session:
        session.get_one(Alert, alert_id).hold = False
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "SMS_B_TWILIO_ACCOUNT_SID", "SMS_B_TWILIO_AUTH_TOKEN"):
        monkeypatch.delenv(name)

    assert found() == {("due", "breaker"): region.plants, ("due", "no_way"): region.plants}
    assert check("due_is_explained") == []


def test_every_doubt_has_an_age_a_next_step_and_a_remedy(any_region: SimpleNamespace, carriers: Any) -> None:
    issued()
    sms = next(way for way in dispatch.ways() if way.channel == "sms")
    claimed = dispatch.claim(sms, sms.accounts[0])
    ids = [one.id for one in claimed]
    with db.transaction() as session:
        s = session.scalar(select(db.seconds()))
        assert s is not None
        move = {
            State.UNCERTAIN: (ids[:2], {"lease_s": s + 9}),
            State.ACCEPTED: (ids[2:5], {"lease_s": s - 400, "accepted_at": clock.now(), "reference": "SM1"}),
        }
        for state, (which, values) in move.items():
            session.execute(update(Notice).where(Notice.id.in_(which)).values(state=state, **values))
        session.execute(update(Notice).where(Notice.id == ids[5]).values(lease_s=s - 5))
        session.execute(update(Notice).where(Notice.channel == "email").values(try_s=s + 30))

    with db.reading() as session:
        groups = {one.phase: one for one in underway.look(session)}
    assert {phase: one.n for phase, one in groups.items() if phase not in ("due", "back_off")} == {
        "uncertain": 2, "silent": 3, "stuck": 1, "sending": len(ids) - 6,
    }  # fmt: skip
    assert 8 <= (groups["uncertain"].next_in_s or 0) <= 9 and 25 < (groups["back_off"].next_in_s or 0) <= 30
    assert groups["uncertain"].account == "twilio"
    for one in groups.values():
        assert all(one.as_json()[name] for name in ("why", "next", "remedy"))


def test_status_readyz_and_metrics_show_it(region: SimpleNamespace, carriers: Any) -> None:
    issued()
    older()

    client, now = create_app().test_client(), status.now()

    assert now["in_doubt"]["due"]["n"] == sum(one["n"] for one in now["underway"])
    assert any("没有查到原因" in why for why in client.get("/readyz").json["reasons"])
    text = client.get("/metrics").text
    assert 'liandong_underway{account="twilio",cause="unexplained",channel="sms",lane="orange",state="due"}' in text
    assert 'liandong_underway_oldest_seconds{account="smtp"' in text
    assert {"eta_s"} <= set(now["lanes"][0]) and {"eta_s", "eta_at"} <= set(now["alerts"][0])
