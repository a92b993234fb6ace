"""An emergency: reported, graded, its clocks set, the desks of the place and its neighbours called."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from coordinator import clock, db, incidents, wordings
from coordinator.errors import Forbidden, Refusal, Unprocessable
from coordinator.models import Duty, Mode, Notice, Receiver
from tests.coordinator.conftest import officer


def reported(facts: dict[str, Any] | None = None, *, by: str = "d1", mode: Mode = Mode.ACTUAL) -> int:
    with db.transaction() as session:
        incident = incidents.report(
            session,
            {"learned_at": clock.now().isoformat()} | (facts or {}),
            city="石家庄",
            title="G4高速苯罐车侧翻,泄漏入滹沱河",
            mode=mode,
            officer=officer(session, by),
        )
        return incident.id


def test_a_report_sets_the_clock_and_calls_the_desk(any_region: SimpleNamespace) -> None:
    incident_id = reported({"deaths": 3})

    with db.reading() as session:
        incident = session.get_one(incidents.Incident, incident_id)
        [duty] = session.scalars(select(Duty).where(Duty.name == "bureau_report"))
        called = set(session.scalars(select(Notice.receiver).where(Notice.incident_id == incident_id)))
    assert incidents.grade_of(incident) == "III"
    assert duty.due_at == incident.learned_at + timedelta(hours=4)
    assert {"officer:d1", "officer:d2", "officer:l1"} <= called


def test_what_may_cross_the_border_calls_the_neighbours_too(region: SimpleNamespace) -> None:
    incident_id = reported({"possible_cross_boundary": "province"})

    with db.reading() as session:
        incident = session.get_one(incidents.Incident, incident_id)
        assert "130600" in incidents.neighbours(incident)
        assert incident.findings["reporting_track"] == "2h"


def test_a_graver_fact_calls_again_and_supersedes_the_milder_clock(region: SimpleNamespace) -> None:
    incident_id = reported({"deaths": 3})
    with db.transaction() as session:
        incidents.learn(session, incidents.load(session, incident_id), {"deaths": 12}, officer=officer(session, "d2"))

    with db.reading() as session:
        incident = session.get_one(incidents.Incident, incident_id)
        revs = set(session.scalars(select(Notice.rev).where(Notice.incident_id == incident_id)))
    assert incidents.grade_of(incident) == "II"
    assert revs == {1, 2}


def test_it_closes_only_when_every_clock_is_answered(region: SimpleNamespace) -> None:
    incident_id = reported({"deaths": 1})
    with db.transaction() as session, pytest.raises(Unprocessable, match="bureau_report"):
        incidents.close(session, incidents.load(session, incident_id), officer=officer(session, "d1"), reason="已处置")
    with db.transaction() as session:
        for duty in session.scalars(select(Duty)):
            incidents.done(session, duty.id, officer=officer(session, "d1"))
        incidents.close(session, incidents.load(session, incident_id), officer=officer(session, "d1"), reason="已处置")

    with db.reading() as session:
        assert session.get_one(incidents.Incident, incident_id).state == "closed"


def test_a_rehearsed_incident_says_so_at_both_ends(region: SimpleNamespace) -> None:
    incident_id = reported({"deaths": 3}, mode=Mode.EXERCISE)

    with db.reading() as session:
        notices = session.scalars(select(Notice).where(Notice.incident_id == incident_id)).all()
        bodies = [wordings.said(session, notice).text for notice in notices]
    assert bodies
    assert all(body.startswith("【演练】") and body.endswith("【演练】") for body in bodies)


def test_the_desk_acknowledges_with_the_code_of_its_page(region: SimpleNamespace) -> None:
    from coordinator import answers

    incident_id = reported({"deaths": 3})
    with db.transaction() as session:
        receiver = session.scalars(select(Receiver).where(Receiver.incident_id == incident_id)).first()
        assert receiver is not None
        assert answers.acknowledge(session, receiver, code=receiver.code, by="d1", channel="link")


def test_a_report_without_a_time_is_refused(region: SimpleNamespace) -> None:
    with pytest.raises(Refusal, match="learned_at"):
        reported({"learned_at": None})


def test_a_clerk_does_not_report(region: SimpleNamespace) -> None:
    with pytest.raises(Forbidden):
        reported(by="c1")
