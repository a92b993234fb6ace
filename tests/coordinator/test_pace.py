"""When is the telling done? The backlog before the last notice, over what the carrier allows."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from coordinator import clock, config, db, fingerprint, pace
from coordinator.models import Alert, Notice, Setting, State
from coordinator.web import create_app
from rules.levels import Level
from tests.coordinator.callers import Desk
from tests.coordinator.conftest import issued


def eta(alert_id: int) -> pace.Eta:
    with db.reading() as session:
        return pace.of_alert(session, alert_id)


@pytest.mark.parametrize(
    ("backlog", "rate", "seconds"),
    [(300_000, 100.0, 3000.0), (1, 1.0, 1.0), (0, None, 0.0), (0, 5.0, 0.0), (7, None, None), (7, 0.0, None)],
)
def test_backlog_over_allowance(backlog: int, rate: float | None, seconds: float | None) -> None:
    assert pace.seconds_left(backlog, rate) == seconds


@pytest.mark.parametrize(("handed", "span_s", "rate"), [(0, 120.0, None), (240, 120.0, 2.0), (5, 0.2, 5.0)])
def test_measured_over_the_last_minutes(handed: int, span_s: float, rate: float | None) -> None:
    assert pace.measured(handed, span_s) == rate


def test_the_slowest_channel_counts(
    any_region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_RATE", "4")
    monkeypatch.setenv("SMTP_RATE", "2")
    alert_id = issued()
    with db.transaction() as session:  # duty pages go before it: out of the way
        session.execute(update(Notice).where(Notice.lane == 0).values(state=State.SUPPRESSED))

    assert eta(alert_id).seconds == any_region.plants / 2


def test_what_stands_in_front_counts_and_what_stands_behind_does_not(
    region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_RATE", "1")
    monkeypatch.setenv("SMTP_RATE", "1000")
    yellow, red = issued(Level.YELLOW), issued(Level.ORANGE)
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.lane == 0).values(state=State.SUPPRESSED))

    assert (eta(red).seconds, eta(yellow).seconds) == (region.plants, 2 * region.plants)


def test_unset_it_is_measured_and_held_it_cannot_be_said(region: SimpleNamespace, carriers: Any) -> None:
    alert_id = issued()
    assert eta(alert_id).seconds is None  # nothing has moved yet
    with db.connection() as connection:
        connection.exec_driver_sql("DROP TRIGGER notice_moves")
        first = select(Notice.id).where(Notice.alert_id == alert_id, Notice.kind == "order").limit(6)
        connection.execute(
            update(Notice)
            .where(Notice.id.in_(first) | (Notice.channel == "email") | (Notice.lane == 0))
            .values(state=State.ACCEPTED, accepted_at=clock.now() - timedelta(seconds=60))
        )
    found = eta(alert_id)
    assert found.seconds == pytest.approx(60 * 9 / 3, abs=1)  # three of twelve texts in the last minute
    with db.transaction() as session:
        session.get_one(Alert, alert_id).hold = True
    assert eta(alert_id) == pace.Eta(None, None)


def test_while_nothing_at_all_is_sent_nobody_can_say(
    region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_RATE", "10")
    monkeypatch.setenv("SMTP_RATE", "10")
    alert_id = issued()
    with db.reading() as session:
        assert set(pace.of_lanes(session).values()) != {None}
    with db.transaction() as session:
        session.add(Setting(name=fingerprint.HELD, value="a copy"))

    assert eta(alert_id) == pace.Eta(None, None)
    with db.reading() as session:
        assert set(pace.of_lanes(session).values()) == {None}


def test_progress_says_it(region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in config.ALLOWANCES.values():
        monkeypatch.setenv(name, "10")
    alert_id = issued()

    said = Desk(create_app().test_client())("d1", "get", f"/alerts/{alert_id}/progress").json

    assert said["eta_s"] > 0 and said["eta_at"] > said["as_of"]


def test_an_allowance_that_is_no_number_is_refused() -> None:
    for bad in ("0", "-1", "fast", "nan", "inf"):
        assert any(line.startswith("TWILIO_RATE") for line in config.find_faults({"TWILIO_RATE": bad})), bad
    assert config.allowances({"SMS_B_TWILIO_RATE": "2.5"}) == {("sms", "sms_b"): 2.5}
