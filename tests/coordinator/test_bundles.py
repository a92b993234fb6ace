"""One phone, many plants: orders stay apart, their reminders become one text, and the desk gets one page that counts."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from contacts.models import Contact, Shift
from coordinator import bundles, chasing, clock, db, progress, render, verify
from coordinator.channels import terms
from coordinator.models import Mode, Notice, Receiver
from coordinator.orders import says_drill
from rules.levels import Level
from tests.coordinator import samples
from tests.coordinator.conftest import issued, said
from tests.coordinator.test_chasing import later, reminders
from tests.coordinator.test_path import drained, ledger

PHONE = "+85290000000"


@pytest.fixture
def groups(any_region: SimpleNamespace) -> SimpleNamespace:
    """Six plants of one contact, six of their own."""
    with db.transaction() as session:
        theirs = select(Contact.id).where(Contact.order == 1).order_by(Contact.id).limit(6)
        session.execute(update(Contact).where(Contact.id.in_(theirs)).values(phone=PHONE, name="集团环保部"))
    return any_region


def texts(kind: str) -> list[Notice]:
    with db.reading() as session:
        query = select(Notice).where(Notice.channel == "sms", Notice.kind == kind, Notice.address == PHONE)
        return list(session.scalars(query.order_by(Notice.id)))


def test_orders_are_never_bundled_and_reminders_are(groups: SimpleNamespace, carriers: Any, store: Path) -> None:
    alert_id = issued(Level.ORANGE)
    drained()
    later(16)
    chasing.chase_due()
    drained()

    to = [row["body"] for row in ledger(store) if row["to"] == PHONE]
    assert len(to) == 6 + 1
    assert "你负责的6家企业" in to[-1] and "示例第000水泥厂" in to[-1]
    carrying, *carried = texts("reminder")
    assert (carrying.state, Counter(one.state for one in carried)) == ("accepted", {"cancelled": 5})
    assert all(carrying.marker in one.error and carrying.number in one.error for one in carried)
    assert len({one.receiver for one in texts("reminder")}) == 6
    with db.reading() as session:
        stands = progress.of(session, alert_id)
    assert stands["listed"] == 2 * groups.plants and stands["apart"] == {"reminder": 2 * groups.plants}
    assert stands["unreachable"] == 0
    assert verify.run()["ok"], verify.run()


def test_what_stops_the_one_text_stops_it_for_all_of_them(groups: SimpleNamespace, carriers: Any) -> None:
    """Meanwhile the site has closed its SMS to that country: every plant of the phone is rung."""
    alert_id = issued(Level.ORANGE)
    drained()
    ours = terms.OURS.read_text(encoding="utf-8")
    (db.home() / "carriers.toml").write_text(ours.replace('prefix = "+"', 'prefix = "+999"', 1), encoding="utf-8")
    later(16)
    chasing.chase_due()

    stopped = [one for one in reminders() if one.address == PHONE]
    assert Counter(one.state for one in stopped) == {"suppressed": 6} and len({one.error for one in stopped}) == 1
    with db.reading() as session:
        assert {one.receiver for one in stopped} <= {one.key for one in progress.unreachable(session, alert_id)}


def test_each_mail_stays_its_own(groups: SimpleNamespace, carriers: Any) -> None:
    issued(Level.ORANGE)
    drained()
    later(16)
    chasing.chase_due()

    assert len([one for one in reminders() if one.channel == "email" and one.state == "pending"]) == groups.plants


def test_below_the_threshold_or_switched_off_each_gets_its_own(
    region: SimpleNamespace, carriers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.transaction() as session:
        session.execute(update(Contact).where(Contact.order == 1).values(phone=PHONE))
    monkeypatch.setenv("BUNDLE_REMINDERS_FROM", "0")
    issued(Level.ORANGE)
    drained()
    later(16)
    chasing.chase_due()

    assert "cancelled" not in {one.state for one in texts("reminder")}
    assert bundles.least({"BUNDLE_REMINDERS_FROM": "40"}) == 40 and bundles.least({}) == bundles.FROM


def test_a_phone_that_never_got_the_codes_is_reminded_plant_by_plant(groups: SimpleNamespace, carriers: Any) -> None:
    """The next on the ladder, or a text that was never sent: one text without a code would be of no use."""
    issued(Level.ORANGE)
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.channel == "sms").values(state="cancelled"))
    later(16)

    chasing.chase_due()

    assert len([one for one in texts("reminder") if "签收码" in said(one)]) == 6
    assert "cancelled" not in {one.state for one in texts("reminder")}


def test_the_desk_gets_one_page_that_counts(groups: SimpleNamespace, carriers: Any) -> None:
    with db.transaction() as session:
        session.add(Shift(officer_id="d1", from_at=clock.now() - timedelta(hours=1),
                          to_at=clock.now() + timedelta(hours=1)))  # fmt: skip
    issued(Level.YELLOW)
    with db.transaction() as session:
        first = session.scalars(select(Receiver).order_by(Receiver.id)).first()
        assert first is not None
        first.acknowledged_rev, first.chase_at = 1, None
    later(61)
    for _ in range(4):
        chasing.chase_due()

    with db.reading() as session:
        pages = session.scalars(select(Notice).where(Notice.receiver == "officer:d1", Notice.step == 1)).all()
    assert Counter(one.channel for one in pages) == {"sms": 1, "email": 1}
    assert all(f"有{groups.plants - 1}家联系不上" in said(one) for one in pages)


@pytest.mark.parametrize("mode", ["actual", "exercise"])
def test_its_words_fit_and_a_drill_says_so(mode: str) -> None:
    names = ["石家庄示例非常非常长的水泥制造有限责任公司第一分公司"] * 3
    words = render.reminder_of_many(samples.order(mode=mode), person="王建国", names=names, n=40, marker=samples.MARKER)

    assert "你负责的40家企业" in words.text and f"#{samples.MARKER}" in words.text
    assert says_drill(words.text) == (mode == Mode.EXERCISE)
    assert len(words.text) <= 4 * 67
