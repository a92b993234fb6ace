"""What an account spends is written down batch by batch; past the ceiling of an hour it rests."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from coordinator import db, dispatch, spending, wordings
from coordinator.blanks import parts
from coordinator.channels import terms
from coordinator.models import Breaker, Notice, Spent
from rules.levels import Level
from tests.coordinator.conftest import issued
from tests.coordinator.test_path import drained

MAINLAND, THREE_SEGMENTS = "+8613800000001", "停" * 180


def ceiling(store: Path, most: str) -> None:
    shipped = terms.OURS.read_text(encoding="utf-8")
    (store / "carriers.toml").write_text(shipped.replace('"100000"', f'"{most}"'), encoding="utf-8")


def booked(count: int, account: str = "twilio") -> str:
    with db.connection() as connection:
        return spending.book(connection, account, [(MAINLAND, THREE_SEGMENTS)] * count)


def test_the_ceiling_itself_is_allowed_and_a_text_more_is_not(store: Path) -> None:
    ceiling(store, "1.5")

    assert booked(10) == ""
    assert booked(0) == ""
    assert "超过上限 1.5" in booked(1)
    assert booked(1, "sms_b") == ""


def test_what_was_spent_an_hour_ago_is_forgotten(store: Path) -> None:
    ceiling(store, "1.5")
    booked(10)
    with db.connection() as connection:
        connection.execute(update(Spent).values(at=spending.clock.now() - timedelta(hours=1)))

    assert booked(10) == ""


@pytest.mark.parametrize("most", ["0.01", "100000"])
def test_an_account_that_spends_too_much_is_fed_no_more(
    region: SimpleNamespace, carriers: Any, store: Path, most: str
) -> None:
    ceiling(store, most)
    issued(Level.ORANGE)
    drained()

    sms = next(way for way in dispatch.ways() if way.channel == "sms")
    with db.reading() as session:
        spent, breaker = session.scalars(select(Spent)).all(), session.get(Breaker, "twilio")
        taken = session.scalars(select(Notice).where(Notice.channel == "sms", Notice.state == "accepted")).all()
        texts = [wordings.said(session, notice).text for notice in taken]

    assert sum(row.texts for row in spent) == len(texts) == region.plants
    assert sum(row.segments for row in spent) == sum(map(parts, texts))
    assert sum(row.cost_milli for row in spent) == sum(map(parts, texts)) * 50
    if most == "0.01":
        assert breaker is not None
        assert "超过上限" in breaker.reason
        assert dispatch.usable(sms) == dispatch.Open(sms.accounts[1], on_trial=False)
    else:
        assert breaker is None
