"""Who writes an issue's notices dies, or two begin at once: every notice is written, and once."""

from types import SimpleNamespace

from sqlalchemy import func, select

from coordinator import db, issuing, leases, response, verify
from coordinator.models import Notice
from rules.levels import Level
from tests.coordinator.conftest import officer, proposed, state_of


def written() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Notice)) or 0


def test_an_issue_is_written_by_one_process_and_by_the_next_when_that_one_died(any_region: SimpleNamespace) -> None:
    alert_id = proposed(Level.YELLOW)
    with db.transaction() as session:
        response.approve(session, response.load(session, alert_id), officer(session, "s1"))
    assert leases.take(f"issue:{alert_id}:1", "another process") is not None

    issuing.materialise(alert_id, 1)
    assert written() == 0

    leases.give_back(f"issue:{alert_id}:1", "another process")  # as ten seconds after its death
    issuing.materialise(alert_id, 1)
    issuing.materialise(alert_id, 1)
    assert (written(), state_of(alert_id)) == (2 * any_region.plants, "active")
    assert verify.run()["ok"]
