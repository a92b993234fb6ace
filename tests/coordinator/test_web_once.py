"""Idempotency-Key: the same again has no second effect, on every POST."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from coordinator import db
from coordinator.models import Alert, Answer, Receiver
from coordinator.web import create_app
from tests.coordinator.callers import Desk, link_and_code, served, wanted
from tests.coordinator.conftest import issued


def count(table: Any) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def desk(region: SimpleNamespace) -> Desk:
    return Desk(create_app().test_client())


def test_the_same_key_and_request_is_answered_the_same(desk: Desk) -> None:
    said = wanted()
    first = desk("d1", "post", "/alerts", said, Idempotency_Key="k1")
    again = desk("d1", "post", "/alerts", said, Idempotency_Key="k1")
    assert (again.status_code, again.json, again.headers["Location"]) == (201, first.json, first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert count(Alert) == 1


def test_the_same_key_for_another_request_is_422(desk: Desk) -> None:
    desk("d1", "post", "/alerts", wanted(), Idempotency_Key="k1")
    assert desk("d1", "post", "/alerts", wanted(level="red"), Idempotency_Key="k1").status_code == 422
    assert desk("d1", "post", "/alerts/1/submit", {"rev": 1}, Idempotency_Key="k1").status_code == 422
    assert count(Alert) == 1


def test_two_people_may_choose_the_same_key(desk: Desk) -> None:
    for who in ("d1", "d2"):
        assert desk(who, "post", "/alerts", wanted(), Idempotency_Key="k1").status_code == 201
    assert count(Alert) == 2


def test_what_was_refused_may_be_tried_again_with_the_same_key(desk: Desk) -> None:
    assert desk("d1", "post", "/alerts", wanted(level="none"), Idempotency_Key="k1").status_code == 400
    assert desk("d1", "post", "/alerts", wanted(), Idempotency_Key="k1").status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "caf\xe9", "a\tb"])
def test_a_malformed_key_is_400(desk: Desk, key: str) -> None:
    assert desk("d1", "post", "/alerts", wanted(), Idempotency_Key=key).status_code == 400


def test_readings_are_answered_once_for_each_key(desk: Desk) -> None:
    body = {"source": "test", "rows": []}
    first = desk("d1", "post", "/readings", body, Idempotency_Key="k1")
    assert first.status_code == 202, first.json
    assert desk("d1", "post", "/readings", body, Idempotency_Key="k1").headers["Idempotency-Replayed"] == "true"
    assert desk("d1", "post", "/readings", {**body, "source": "b"}, Idempotency_Key="k1").status_code == 422


def test_a_page_posted_twice_with_one_key_answers_once(desk: Desk) -> None:
    alert_id = issued()
    link, code = link_and_code(alert_id)
    for _ in range(2):
        told = desk.client.post(f"{link}/answer", data={"kind": "executing", "code": code, "once": "abc"})
        assert told.status_code == 200
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Answer).where(Answer.kind == "executing")) == 1
        assert session.scalar(select(func.count()).select_from(Receiver).where(Receiver.executed_at.is_not(None))) == 1


def test_a_wrong_code_does_not_use_up_the_key(desk: Desk) -> None:
    link, code = link_and_code(issued())
    told = [
        desk.client.post(link, data={"code": typed}, headers={"Idempotency-Key": "k1"}).status_code
        for typed in ("0" if code == "0000" else "0000", code, code)
    ]
    assert told == [422, 200, 200]


def test_the_same_key_at_the_same_time_has_one_effect(any_region: SimpleNamespace) -> None:
    app = create_app()
    desk = Desk(app.test_client())
    said, answers, gate = wanted(), [], threading.Barrier(12)

    def propose(base: str) -> None:
        gate.wait()
        headers = desk.bearers["d1"] | {"Idempotency-Key": "k1"}
        told = requests.post(f"{base}/api/v1/alerts", json=said, headers=headers, timeout=60)
        answers.append((told.status_code, told.json()["id"]))

    with served(app) as base:
        threads = [threading.Thread(target=propose, args=(base,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [(201, answers[0][1])] * 12
    assert count(Alert) == 1
