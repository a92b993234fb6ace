"""Short scenarios, each of which one guard keeps green; what others of the tests already show is taken from them."""

import asyncio
import os
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from contacts.models import Enterprise
from coordinator import audit, clock, db, dispatch, fingerprint, journal, leases, response, schedule, sweeps, verify
from coordinator.channels import GivenBack, Handed, Outcome
from coordinator.dispatch import Claimed, Ended
from coordinator.errors import Forbidden, Refusal, Stale
from coordinator.lines import Dispatcher, Line
from coordinator.models import Alert, Audited, Mode, Notice, ScheduleRun, Signature, State
from rules.levels import Level
from tests.coordinator import test_audit, test_fingerprint
from tests.coordinator.conftest import CITIES, issued, officer, proposed, sign, state_of
from tests.coordinator.test_dispatch import drained_doubts, states, way

Fixtures = Any


def an_alert_before_issue_can_not_be_lifted(region: Fixtures) -> None:
    alert_id = proposed()
    with pytest.raises(Stale), db.transaction() as session:
        response.lift(session, response.load(session, alert_id), by="d1", wanted={"reason": "空气质量已改善"})


def nobody_signs_their_own(region: Fixtures) -> None:
    alert_id = proposed(Level.YELLOW)
    with db.transaction() as session:
        session.get_one(Alert, alert_id).proposer = "s1"
    with pytest.raises(Forbidden):
        sign(alert_id, "s1")


def a_signature_under_other_words_does_not_count(region: Fixtures) -> None:
    issued()
    with db.transaction() as session:
        session.execute(update(Signature).values(body_hash="0" * 64))
    with db.reading() as session:
        assert list(verify.issued_was_signed(session))


def an_edit_voids_what_was_signed(region: Fixtures) -> None:
    alert_id = proposed()
    sign(alert_id, "s1")
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        response.change(session, alert, by="d1", wanted={"reason": "预计持续三天"})
        response.submit(session, alert, officer(session, "d1"))
    sign(alert_id, "s2")
    assert state_of(alert_id) == "pending_approval"


def a_drill_reaches_nobody_outside_its_roster(region: Fixtures) -> None:
    issued(Level.YELLOW, mode=Mode.EXERCISE)
    with db.reading() as session:
        told = set(session.scalars(select(Notice.receiver)))
        invited = set(session.scalars(select(Enterprise.credit_code).where(Enterprise.in_drill)))
    assert told
    assert {key for key in told if not key.startswith("officer:")} == invited


def a_restored_database_is_not_ours(store: Fixtures) -> None:
    kept, mine = test_fingerprint.KEPT, test_fingerprint.MINE
    assert "旧备份" in fingerprint.why(kept, mine, fingerprint.Mark("a", 8), notices=True)


def a_row_of_the_audit_sealed_anew_is_found(store: Fixtures) -> None:
    test_audit.written(12)
    with db.reading() as session:
        row = session.get_one(Audited, 7)
        row.who = "somebody else"
        forged = audit.seal(row)
        session.expunge(row)
    test_audit.unguarded(f"UPDATE audited SET who = 'somebody else', hash = '{forged}' WHERE seq = 7")
    with db.reading() as session:
        assert audit.breaks(session)


def a_real_reason_never_says_drill(region: Fixtures) -> None:
    begins = clock.now() + timedelta(hours=24)
    with pytest.raises(Refusal), db.transaction() as session:
        response.propose(
            session,
            response.Proposal(mode=Mode.ACTUAL, kind="air", level=Level.RED, cities=CITIES, effective_from=begins,
                              effective_to=None, reason="这不是演练"),
            proposer="d1",
        )  # fmt: skip


def one_revision_is_issued_once(region: Fixtures) -> None:
    alert_id = issued()
    with pytest.raises(IntegrityError), db.transaction() as session:
        response.issue(session, response.load(session, alert_id), "start")


def a_claim_passes_over_what_another_process_is_claiming(region: Fixtures, carriers: Fixtures) -> None:
    """PostgreSQL alone lets two claim at the same moment."""
    issued()
    sms, got = way("sms"), list[Claimed]()
    with db.engine().begin() as other:
        held = other.execute(
            text("SELECT id FROM notice WHERE channel = 'sms' ORDER BY id LIMIT 5 FOR UPDATE")
        ).scalars()
        taken = set(held)
        claiming = threading.Thread(target=lambda: got.extend(dispatch.claim(sms, sms.accounts[0])))
        claiming.start()
        claiming.join(2)
        waited = claiming.is_alive()
    claiming.join()
    assert not waited
    assert not taken & {one.id for one in got}


def who_is_late_changes_nothing_that_is_in_doubt(region: Fixtures, carriers: Fixtures) -> None:
    issued()
    sms = way("sms")
    claimed = dispatch.claim(sms, sms.accounts[0])
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.state == State.SENDING).values(lease_s=1))
    sweeps.expire_leases()
    dispatch.settle("sms", [Ended(one.id, one.token, "twilio", Handed(Outcome.BUSY)) for one in claimed])
    assert states(channel="sms") == {"uncertain": region.plants}


def one_miss_is_not_enough(region: Fixtures, carriers: Fixtures) -> None:
    _in_doubt()
    drained_doubts()
    assert states(channel="sms") == {"uncertain": region.plants}


def what_can_not_be_asked_about_waits(region: Fixtures, carriers: Fixtures) -> None:
    _in_doubt()
    carriers.loop.call_soon_threadsafe(carriers.simulator.weather.turn, {"look_up_down": 1})
    for _ in range(3):
        drained_doubts()
    assert states(channel="sms") == {"uncertain": region.plants}


def _in_doubt() -> None:
    issued()
    sms = way("sms")
    dispatch.claim(sms, sms.accounts[0])
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.state == State.SENDING).values(lease_s=1))
    sweeps.expire_leases()


def a_mail_in_doubt_goes_out_once_more_and_no_oftener(region: Fixtures, carriers: Fixtures) -> None:
    issued()
    mail = way("email")
    for fate in ("pending", "unknown"):
        dispatch.claim(mail, mail.accounts[0])
        with db.transaction() as session:
            session.execute(update(Notice).where(Notice.state == State.SENDING).values(lease_s=1))
        sweeps.expire_leases()
        with db.transaction() as session:
            session.execute(update(Notice).where(Notice.state == State.UNCERTAIN).values(lease_s=0))
        asyncio.run(sweeps.resolve(mail, None, sweeps.take_doubts(mail)))
        assert set(states(channel="email")) == {fate}


class Begun:
    """A page that only remembers."""

    def begun(self, notice_id: int) -> None:
        self.last = notice_id


ONE = Claimed(7, 1, 1, "+8613800000001", "ABCD2345", "7", 60, None)


def _line(*, stopped: frozenset[int] = frozenset(), known_s_ago: float = 0) -> Line:
    dispatcher = Dispatcher()
    dispatcher.stopped, dispatcher.stopped_known_at = stopped, clock.monotonic() - known_s_ago
    return Line(way("sms"), dispatcher, SimpleNamespace())  # type: ignore[arg-type]


def what_is_late_is_not_begun(region: Fixtures, carriers: Fixtures) -> None:
    with pytest.raises(GivenBack):
        _line()._begin(ONE, Begun(), clock.monotonic() - 0.01)  # type: ignore[arg-type]


def what_is_held_is_not_begun(region: Fixtures, carriers: Fixtures) -> None:
    with pytest.raises(GivenBack):
        _line(stopped=frozenset({7}))._begin(ONE, Begun(), clock.monotonic() + 60)  # type: ignore[arg-type]


def who_does_not_know_what_is_held_begins_nothing(region: Fixtures, carriers: Fixtures) -> None:
    with pytest.raises(GivenBack):
        _line(known_s_ago=30)._begin(ONE, Begun(), clock.monotonic() + 60)  # type: ignore[arg-type]


def what_can_not_be_written_down_is_not_begun(region: Fixtures, carriers: Fixtures) -> None:
    page = journal.Journal().open({"channel": "sms", "account": "twilio", "claimed": [[7, 1, 1, ""]]})
    os.close(page._file)
    page._file = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(GivenBack):
        _line()._begin(ONE, page, clock.monotonic() + 60)


def what_was_held_after_the_claim_is_known(region: Fixtures, carriers: Fixtures) -> None:
    alert_id, sms = issued(), way("sms")
    claimed = dispatch.claim(sms, sms.accounts[0])
    with db.transaction() as session:
        response.hold(session, response.load(session, alert_id), officer(session, "d2"), reason="核实")
    assert dispatch.stopped_notices() == {one.id for one in claimed}


def a_notice_is_written_once(region: Fixtures) -> None:
    issued()
    with pytest.raises(IntegrityError), db.transaction() as session:
        names = [column.name for column in Notice.__table__.columns if column.name not in ("id", "marker")]
        session.execute(text(f"INSERT INTO notice ({', '.join(names)}, marker) SELECT {', '.join(names)}, 'ZZZZ2222'"
                             " FROM notice ORDER BY id LIMIT 1"))  # fmt: skip


def a_carrier_may_not_deliver_after_the_end(region: Fixtures, carriers: Fixtures) -> None:
    issued()
    with db.transaction() as session:
        session.execute(update(Notice).values(valid_until=clock.now() + timedelta(seconds=600)))
    sms = way("sms")
    assert max(one.valid_s for one in dispatch.claim(sms, sms.accounts[0])) <= 600


def a_clock_that_was_overtaken_writes_nothing(region: Fixtures) -> None:
    epoch = leases.take(schedule.LEAD, "a")
    assert epoch is not None
    leases.give_back(schedule.LEAD, "a")
    leases.take(schedule.LEAD, "b")
    schedule.tick(epoch)
    with db.reading() as session:
        assert session.scalars(select(ScheduleRun)).all() == []
