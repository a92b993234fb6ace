"""A mailbox that is not ready is tried again after minutes, then an hour; the others do not wait for it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from contacts.models import Contact
from coordinator import db
from coordinator.channels import email
from coordinator.lines import Dispatcher
from coordinator.models import Attempt, Notice
from coordinator.simulator import post_office
from rules.levels import Level
from tests.coordinator.conftest import issued
from tests.coordinator.test_path import drained, ledger

GREY = "later@example.com"


@pytest.fixture
def greylisted(region: SimpleNamespace) -> None:
    with db.transaction() as session:
        first = select(Contact.id).where(Contact.order == 1).order_by(Contact.id).limit(1).scalar_subquery()
        session.execute(update(Contact).where(Contact.id == first).values(email=GREY))


def waiting() -> tuple[str, float, int]:
    """Of the mail to that box: its state, the seconds until it is tried again, and how often it was tried."""
    with db.reading() as session:
        found = session.execute(
            select(Notice.state, Notice.try_s - db.seconds(), Notice.attempts).where(Notice.address == GREY)
        ).one()
    return found[0], found[1], found[2]


def tried_now() -> None:
    """As if its time had come."""
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.address == GREY).values(try_s=0.0))
    tries = waiting()[2]
    until_tried(tries)


def until_tried(tries: int) -> None:
    import threading
    import time

    dispatcher = Dispatcher()
    thread = threading.Thread(target=dispatcher.run)
    thread.start()
    until = time.monotonic() + 20
    while time.monotonic() < until and not (waiting()[2] > tries and waiting()[0] != "sending"):
        time.sleep(0.05)
    dispatcher.stopping.set()
    thread.join()


def test_it_waits_1_5_15_60_minutes_and_is_taken_when_the_relay_lets_it(
    greylisted: None, carriers: Any, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(Level.YELLOW)
    for nth, wait_s in enumerate((*email.WAITS_S, email.WAITS_S[-1]), start=1):
        tried_now()
        state, left_s, tries = waiting()
        assert (state, tries) == ("pending", nth)
        assert wait_s - 10 < left_s <= wait_s * 1.1
    with db.reading() as session:
        outcomes = session.scalars(select(Attempt.outcome).join(Notice).where(Notice.address == GREY)).all()
    assert outcomes == ["later"] * 5
    assert GREY not in {row["to"] for row in ledger(store)}
    assert len({row["to"] for row in ledger(store) if row["channel"] == "email"}) == 11

    monkeypatch.setattr(post_office, "LATER", "no such name")
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.address == GREY).values(try_s=0.0))
    drained()

    assert waiting()[0] == "accepted"
    assert [row["to"] for row in ledger(store)].count(GREY) == 1
