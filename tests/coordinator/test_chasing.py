"""Silence is chased: reminded, then the next person, then the desk; an answer ends it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from coordinator import answers, chasing, clock, db, progress
from coordinator.errors import Refusal
from coordinator.models import Alert, Notice, Receiver
from rules.levels import Level
from tests.coordinator.conftest import issued


def later(minutes: int) -> None:
    """As if the order had been given that long ago."""
    from coordinator.models import Issue

    with db.transaction() as session:
        session.execute(update(Receiver).values(chase_at=Receiver.chase_at))
        for receiver in session.scalars(select(Receiver).where(Receiver.chase_at.is_not(None))):
            assert receiver.chase_at
            receiver.chase_at -= timedelta(minutes=minutes)
        for issue in session.scalars(select(Issue)):
            issue.issued_at -= timedelta(minutes=minutes)


def reminders() -> list[Notice]:
    with db.reading() as session:
        return list(session.scalars(select(Notice).where(Notice.kind == "reminder", Notice.lane != 0)))


def test_no_reminder_comes_before_ten_minutes(region: SimpleNamespace) -> None:
    issued(Level.ORANGE)
    later(9)

    chasing.chase_due()

    assert reminders() == []


def test_the_silent_are_reminded_then_the_next_is_told(any_region: SimpleNamespace) -> None:
    issued(Level.ORANGE)
    later(16)
    chasing.chase_due()
    first = {notice.person for notice in reminders()}
    later(30)
    chasing.chase_due()

    assert len(reminders()) == 4 * any_region.plants
    assert {name[-1] for name in first} == {"1"}
    assert {notice.person[-1] for notice in reminders()} == {"1", "2"}


def test_chasing_twice_at_once_reminds_once(region: SimpleNamespace) -> None:
    issued(Level.ORANGE)
    later(16)

    chasing.chase_due()
    chasing.chase_due()

    assert len(reminders()) == 2 * region.plants


def test_who_has_acknowledged_is_left_alone(region: SimpleNamespace) -> None:
    alert_id = issued(Level.ORANGE)
    with db.transaction() as session:
        for receiver in session.scalars(select(Receiver)):
            assert answers.acknowledge(session, receiver, code=receiver.code, by="x", channel="link")
    later(120)

    chasing.chase_due()

    assert reminders() == []
    with db.reading() as session:
        assert progress.of(session, alert_id)["acknowledged"] == region.plants


def test_nobody_is_chased_while_the_alert_is_held(region: SimpleNamespace) -> None:
    alert_id = issued(Level.ORANGE)
    later(30)
    with db.transaction() as session:
        session.execute(update(Alert).where(Alert.id == alert_id).values(hold=True))

    chasing.chase_due()

    assert reminders() == []


def test_a_wrong_code_is_forgiven_five_times_and_then_locks(region: SimpleNamespace) -> None:
    issued(Level.YELLOW)
    with db.transaction() as session:
        receiver = session.scalars(select(Receiver)).first()
        assert receiver is not None
        wrong = f"{(int(receiver.code) + 1) % 10000:04d}"
        for _ in range(5):
            assert not answers.acknowledge(session, receiver, code=wrong, by="x", channel="link")
        assert isinstance(answers.refusal(receiver, wrong), answers.WrongCode)
        answers.acknowledge(session, receiver, code=wrong, by="x", channel="link")
        assert isinstance(answers.refusal(receiver, wrong), answers.Locked)
        assert not answers.acknowledge(session, receiver, code=receiver.code, by="x", channel="link")
        receiver.locked_until = clock.now() - timedelta(seconds=1)
        assert answers.acknowledge(session, receiver, code=receiver.code, by="x", channel="link")


@pytest.mark.parametrize("typed", ["{0}{1}{2}{3}", " {0} {1} {2} {3} ", "{0}{1} {2}{3}"])
def test_blanks_in_a_code_do_not_count(region: SimpleNamespace, typed: str) -> None:
    issued(Level.YELLOW)
    with db.transaction() as session:
        receiver = session.scalars(select(Receiver)).first()
        assert receiver is not None
        assert answers.acknowledge(session, receiver, code=typed.format(*receiver.code), by="x", channel="link")


def test_cannot_needs_a_reason_and_is_not_done(region: SimpleNamespace) -> None:
    alert_id = issued(Level.YELLOW)
    with db.transaction() as session:
        receiver = session.scalars(select(Receiver)).first()
        assert receiver is not None
        with pytest.raises(Refusal, match="原因"):
            answers.answer(session, receiver, kind="cannot", by="x", channel="link")
        answers.answer(session, receiver, kind="cannot", by="x", channel="link", words="焦炉保温")

    with db.reading() as session:
        now = progress.of(session, alert_id)
    assert (now["cannot"], now["executed"], now["acknowledged"]) == (1, 0, 1)
