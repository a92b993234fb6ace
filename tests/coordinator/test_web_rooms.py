"""Incidents, drills and feeds over HTTP."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from coordinator import clock, db, tokens, verify, wordings
from coordinator.models import Alert, Notice, Reading
from coordinator.web import create_app
from tests.coordinator.callers import Desk
from tests.coordinator.conftest import OFFICERS, state_of

SPILL = {"learned_at": "2026-03-01T08:30+08:00", "sensitive": ["water_source"]}


@pytest.fixture
def desk(region: SimpleNamespace) -> Desk:
    return Desk(create_app().test_client())


def test_an_incident_is_reported_learned_about_answered_and_closed(desk: Desk) -> None:
    made = desk("d1", "post", "/incidents", {"title": "河道油污", "city": "北京", "facts": SPILL})
    assert made.status_code == 201, made.json
    path = made.headers["Location"].removeprefix("/api/v1")
    assert made.json["findings"]["reporting_track"] == "2h"
    worse = desk("d2", "post", f"{path}/update", {"facts": {"deaths": 10}})
    assert worse.json["grade"] == "II"
    assert desk("d1", "post", f"{path}/close", {}).status_code == 422
    for duty in desk("a1", "get", path).json["duties"]:
        assert desk("d1", "post", f"{path}/duties/{duty['id']}/done", {}).status_code == 200
    assert desk("d1", "post", f"{path}/close", {"reason": "处置完毕"}).json["state"] == "closed"
    assert desk("d1", "post", f"{path}/update", {"facts": {"deaths": 11}}).status_code == 422
    assert desk("a1", "get", f"{path}/grade").json["grades"][0]["grade"] == "II"
    assert desk("a1", "get", "/incidents").json["total"] == 1


def test_a_desk_that_was_called_acknowledges_by_its_link(desk: Desk) -> None:
    made = desk("d1", "post", "/incidents", {"title": "河道油污", "city": "北京", "facts": SPILL})
    subject, key = f"incident:{made.json['id']}", made.json["called"][0]["key"]
    link = f"/a/{tokens.link(subject, key)}"
    assert "河道油污" in desk.client.get(link).text
    assert "已签收" in desk.client.post(link, data={"code": tokens.code(subject, key)}).text
    with db.reading() as session:
        number = session.scalars(select(Notice.number).where(Notice.incident_id.is_not(None))).first()
    assert "真实有效" in desk.client.get(f"/check/{number}").text


def test_an_incident_file_may_be_posted_as_it_is(desk: Desk) -> None:
    made = desk("d1", "post", "/incidents", SPILL)
    assert made.status_code == 201, made.json
    assert made.json["facts"]["sensitive"] == ["water_source"]


@pytest.mark.parametrize("facts", [{}, {"learned_at": "x"}, SPILL | {"deaths": "many"}, SPILL | {"oops": 1}])
def test_facts_that_cannot_be_read_are_refused(desk: Desk, facts: dict[str, object]) -> None:
    assert desk("d1", "post", "/incidents", {"city": "北京", "title": "x", "facts": facts}).status_code == 400


def test_incidents_are_for_those_who_may(desk: Desk) -> None:
    for who, role in OFFICERS.items():
        told = desk(who, "post", "/incidents", {"city": "北京", "title": "x", "facts": SPILL})
        assert told.status_code == (201 if role in ("duty", "signer", "leader") else 403)
    assert desk("d1", "post", "/incidents", {"city": "济南", "title": "x", "facts": SPILL}).status_code == 403
    assert desk("d1", "post", "/incidents/99/close", {}).status_code == 404


def test_a_drill_is_begun_signed_like_any_alert_and_stopped(desk: Desk) -> None:
    scripts = desk("a1", "get", "/drills").json["scripts"]
    assert scripts and desk("d1", "post", "/drills", {"name": scripts[0]["name"]}).status_code == 403
    made = desk("x1", "post", "/drills", {"name": scripts[0]["name"]})
    assert made.status_code == 201, made.json
    assert desk("x1", "post", f"/drills/{made.json['id']}/start", {}).status_code == 200
    alert_id = made.json["alert"]
    for signer in ("s1", "s2", "l1"):
        if state_of(alert_id) == "pending_approval":
            assert desk(signer, "post", f"/alerts/{alert_id}/approve", {"rev": 1}).status_code == 200
    assert state_of(alert_id) == "active"
    with db.reading() as session:
        assert set(session.scalars(select(Notice.mode))) == {"exercise"}
        notices = session.scalars(select(Notice)).all()
        assert all(wordings.said(session, notice).text.startswith("【演练】") for notice in notices)
    stopped = desk("x1", "post", f"/drills/{made.json['id']}/stop", {})
    assert stopped.json["state"] == "stopped"
    assert desk("x1", "post", f"/drills/{made.json['id']}/stop", {}).status_code == 422
    assert state_of(alert_id) == "retracted"
    assert verify.run()["ok"], verify.run()


def test_a_drill_may_be_begun_by_the_name_of_its_script(desk: Desk) -> None:
    name = desk("a1", "get", "/drills").json["scripts"][0]["name"]
    assert desk("x1", "post", f"/drills/{name}/start", {}).status_code == 201
    assert desk("x1", "post", "/drills/nothing/start", {}).status_code == 404
    assert desk("x1", "post", "/drills/99/start", {}).status_code == 404
    assert desk("x1", "post", "/drills/99/stop", {}).status_code == 404


def test_readings_are_taken_repeated_and_refused_by_row(desk: Desk) -> None:
    hour = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    rows = [{"time": hour.isoformat(), "city": "110000", "PM2.5": 88.0}, {"time": "soon", "city": "110000", "PM2.5": 1}]
    first = desk("d1", "post", "/readings", {"source": "test", "rows": rows})
    assert first.status_code == 202
    assert (first.json["accepted"], len(first.json["rejected"])) == (1, 1), first.json
    again = desk("c1", "post", "/readings", {"source": "test", "rows": rows})
    assert (again.json["accepted"], again.json["duplicates"]) == (0, 1), again.json
    assert desk("s1", "post", "/readings", {"source": "test", "rows": rows}).status_code == 403
    assert desk("d1", "post", "/readings", {"rows": rows}).status_code == 400
    assert desk("d1", "post", "/readings", {"source": "test", "rows": [1]}).status_code == 400
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Reading)) == 1
        assert session.scalar(select(func.count()).select_from(Alert)) == 0


def test_forecasts_are_taken(desk: Desk) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
    body = {
        "source": "bulletin",
        "issued_at": clock.now().isoformat(),
        "rows": [{"time": tomorrow, "city": "北京", "AQI": "180-220"}],
    }
    told = desk("d1", "post", "/forecasts", body)
    assert (told.status_code, told.json["accepted"]) == (202, 1), told.json
