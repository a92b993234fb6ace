"""Alerts over HTTP: the whole life, who may, what is stale."""

import threading
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from coordinator import db, verify
from coordinator.models import Issue, Notice
from coordinator.web import create_app
from tests.coordinator.callers import Desk, served, wanted
from tests.coordinator.conftest import OFFICERS, proposed, sign, state_of


@pytest.fixture
def desk(region: SimpleNamespace) -> Desk:
    return Desk(create_app().test_client())


def test_an_alert_is_proposed_signed_issued_changed_and_lifted(desk: Desk) -> None:
    made = desk("d1", "post", "/alerts", wanted())
    assert made.status_code == 201
    path = f"/alerts/{made.json['id']}"
    assert made.headers["Location"] == f"/api/v1{path}"
    assert desk("d1", "post", f"{path}/submit", {"rev": 1}).json["state"] == "pending_approval"
    assert desk("s1", "post", f"{path}/approve", {"rev": 1}).json["state"] == "pending_approval"
    assert desk("s2", "post", f"{path}/approve", {"rev": 1}).status_code == 200
    assert desk("a1", "get", path).json["state"] == "active"
    up = desk("d1", "post", f"{path}/change", {"rev": 1, "level": "red", "reason": "预报上调"})
    assert (up.json["state"], up.json["rev"], up.json["level"]) == ("changing", 2, "orange")
    assert up.json["pending"]["wanted"]["level"] == "red"
    assert up.json["pending"]["needs"] == {"people": 2, "leaders": 1}
    for signer in ("s1", "l1"):
        assert desk(signer, "post", f"{path}/approve", {"rev": 2}).status_code == 200
    assert desk("a1", "get", path).json["level"] == "red"
    assert (
        desk("d2", "post", f"{path}/lift", {"rev": 2, "reason": "空气质量已改善", "evidence": {"aqi": 80}}).json["rev"]
        == 3
    )
    for signer in ("s1", "s2"):
        assert desk(signer, "post", f"{path}/approve", {"rev": 3}).status_code == 200
    lifted = desk("a1", "get", path).json
    assert lifted["state"] == "lifted"
    assert [one["change"] for one in lifted["issues"]] == ["start", "upgrade", "lift"]
    assert {"propose", "submit", "sign approve", "issue", "ask upgrade", "ask lift"} <= {
        row["what"] for row in lifted["history"]
    }
    assert verify.run()["ok"], verify.run()


def test_any_other_revision_is_409_with_the_current_one(desk: Desk) -> None:
    alert_id = desk("d1", "post", "/alerts", wanted()).json["id"]
    desk("d1", "post", f"/alerts/{alert_id}/change", {"rev": 1, "level": "yellow"})
    for rev in (1, 3, 0, -1, 10**12):
        stale = desk("d1", "post", f"/alerts/{alert_id}/submit", {"rev": rev})
        assert stale.status_code == 409
        assert stale.content_type == "application/problem+json"
        assert stale.json["current"]["rev"] == 2
    first = desk("d1", "post", f"/alerts/{alert_id}/submit", {"rev": 1})
    assert first.json["difference"]["level"] == {"was": "orange", "is": "yellow"}


@pytest.mark.parametrize("body", [None, {}, {"rev": "1"}, {"rev": True}, {"rev": None}, {"rev": 1.5}, [1], "x"])
def test_a_body_without_a_proper_revision_is_400(desk: Desk, body: Any) -> None:
    alert_id = desk("d1", "post", "/alerts", wanted()).json["id"]
    assert desk("d1", "post", f"/alerts/{alert_id}/submit", body).status_code == 400


@pytest.mark.parametrize(
    "other",
    [{"level": "purple"}, {"level": "none"}, {"cities": []}, {"cities": ["亚特兰蒂斯"]}, {"cities": "110000"},
     {"effective_from": "soon"}, {"effective_from": None}, {"effective_from": "0001-01-01T00:00:00+14:00"},
     {"effective_to": "2001-01-01"}, {"mode": "live"}, {"kind": "water"}, {"reason": 5}, {"reason": "今天演练"},
     {"reason": "a\x00b"}],
)  # fmt: skip
def test_a_proposal_that_cannot_be_meant_is_refused(desk: Desk, other: dict[str, Any]) -> None:
    refused = desk("d1", "post", "/alerts", wanted(**other))
    assert refused.status_code == 400, refused.json
    assert refused.content_type == "application/problem+json"


def test_names_of_cities_and_naive_times_are_taken(desk: Desk) -> None:
    made = desk(
        "d1", "post", "/alerts", wanted(cities=["北京", "130100"], effective_from="2026-12-01T08:00", level="橙色")
    )
    assert made.json["cities"] == ["110000", "130100"]
    assert made.json["effective_from"] == "2026-12-01T08:00:00+08:00"
    assert made.json["level"] == "orange"


ALLOWED = {
    "submit": {"d1", "d2"}, "approve": {"s1", "s2", "s3", "l1"}, "reject": {"s1", "s2", "s3", "l1"},
    "hold": {"d1", "d2", "s1", "s2", "s3", "l1"}, "release": {"d1", "d2"}, "retract": {"d1", "d2"},
    "change": {"d1", "d2"}, "lift": {"d1", "d2"},
}  # fmt: skip


@pytest.mark.parametrize("act", ALLOWED)
def test_only_the_right_roles_may(desk: Desk, act: str) -> None:
    """Whoever may not is refused before the alert's state is looked at."""
    alert_id = desk("d1", "post", "/alerts", wanted()).json["id"]
    for who in OFFICERS:
        status = desk(who, "post", f"/alerts/{alert_id}/{act}", {"rev": 999}).status_code
        assert status == (409 if who in ALLOWED[act] else 403), (who, act)


def test_only_duty_officers_propose_and_only_for_their_cities(desk: Desk) -> None:
    for who in OFFICERS:
        assert desk(who, "post", "/alerts", wanted()).status_code == (201 if who.startswith("d") else 403)
    assert desk("d1", "post", "/alerts", wanted(cities=["370100"])).status_code == 403


def test_nobody_signs_twice_or_signs_their_own(desk: Desk) -> None:
    alert_id = proposed()
    assert desk("s1", "post", f"/alerts/{alert_id}/approve", {"rev": 1}).status_code == 200
    assert desk("s1", "post", f"/alerts/{alert_id}/approve", {"rev": 1}).status_code == 403
    assert desk("d1", "post", f"/alerts/{alert_id}/approve", {"rev": 1}).status_code == 403
    assert state_of(alert_id) == "pending_approval"


def test_a_revoked_token_and_an_inactive_officer_are_nobody(desk: Desk) -> None:
    from contacts.models import Officer, Token
    from coordinator import clock

    assert desk("d1", "get", "/alerts").status_code == 200
    with db.transaction() as session:
        session.get_one(Officer, "d1").active = False
        token = session.scalars(select(Token).where(Token.officer_id == "d2")).one()
        token.revoked_at = clock.now()
    for who in ("d1", "d2", "nobody"):
        refused = desk(who, "get", "/alerts")
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "bearer", "\xff\xfe", "Bearer \xe9"]
)
def test_a_malformed_authorization_is_401(desk: Desk, header: str) -> None:
    assert desk("nobody", "get", "/alerts", Authorization=header).status_code == 401


def test_notices_are_listed_by_page_state_and_city(desk: Desk) -> None:
    alert_id = proposed()
    sign(alert_id, "s1", "l1")
    listed = desk("d1", "get", f"/alerts/{alert_id}/notices?kind=order").json
    assert (listed["total"], listed["page_size"]) == (24, 100)
    assert desk("d1", "get", f"/alerts/{alert_id}/notices?kind=order&city=110000&state=pending").json["total"] == 12
    assert desk("d1", "get", f"/alerts/{alert_id}/notices?page=2").json["notices"] == []
    assert desk("d1", "get", f"/alerts/{alert_id}/notices?state=lost").status_code == 400
    assert desk("d1", "get", f"/alerts/{alert_id}/progress").json["listed"] == 24
    assert desk("d1", "get", "/alerts/99999999999/progress").status_code == 404


def test_a_desk_answers_for_somebody_who_rang(desk: Desk) -> None:
    alert_id = proposed()
    sign(alert_id, "s1", "l1")
    notice = desk("d1", "get", f"/alerts/{alert_id}/notices?kind=order").json["notices"][0]["id"]
    assert desk("s1", "post", f"/notices/{notice}/acknowledge", {"caller": "张三"}).status_code == 403
    assert desk("d1", "post", f"/notices/{notice}/acknowledge", {"caller": " "}).status_code == 400
    assert desk("d1", "post", f"/notices/{notice}/acknowledge", {"caller": "张三"}).status_code == 200
    assert desk("d1", "get", f"/alerts/{alert_id}/progress").json["acknowledged"] == 1
    answered = desk("d1", "post", f"/notices/{notice}/answer", {"caller": "张三", "kind": "executing"})
    assert answered.json["receiver"]["executed_at"]
    assert desk("d1", "get", f"/alerts/{alert_id}/progress").json["executed"] == 1


def test_fifty_approvals_at_once_issue_once(any_region: SimpleNamespace) -> None:
    """Over real HTTP, a thread a request: the last two signers press fifty times each."""
    alert_id = proposed()
    app = create_app()
    desk = Desk(app.test_client())
    answers: Counter[int] = Counter()
    gate = threading.Barrier(50)

    def press(base: str, who: str) -> None:
        gate.wait()
        told = requests.post(
            f"{base}/api/v1/alerts/{alert_id}/approve", json={"rev": 1}, headers=desk.bearers[who], timeout=60
        )
        answers[told.status_code] += 1

    with served(app) as base:
        threads = [threading.Thread(target=press, args=(base, ("s1", "s2", "s3", "l1")[n % 4])) for n in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers[200] == 2, answers
    assert set(answers) <= {200, 403, 409}
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Issue)) == 1
        assert session.scalar(select(func.count()).select_from(Notice).where(Notice.kind == "order")) == 24
    assert state_of(alert_id) == "active"
    assert verify.run()["ok"], verify.run()


def test_a_list_is_told_page_by_page_and_by_city(any_region: SimpleNamespace) -> None:
    desk = Desk(create_app().test_client())
    first = [desk("d1", "post", "/alerts", wanted(cities=["110000"])).json["id"] for _ in range(2)]
    both = desk("d1", "post", "/alerts", wanted()).json["id"]

    one = desk("d1", "get", "/alerts?city=石家庄").json
    assert ([row["id"] for row in one["alerts"]], one["total"], one["pages"]) == ([both], 1, 1)
    assert desk("d1", "get", "/alerts?city=北京").json["total"] == 3
    assert desk("d1", "get", "/alerts?city=天津").json["alerts"] == []
    assert [row["id"] for row in desk("d1", "get", "/alerts").json["alerts"]] == [both, *reversed(first)]
    assert desk("d1", "get", "/alerts?page=2").json["alerts"] == []
    for path, kept in (("/drills", "drills"), ("/incidents", "incidents")):
        page = desk("d1", "get", f"{path}?page=3").json
        assert (page[kept], page["page"], page["page_size"], page["total"]) == ([], 3, 50, 0)
