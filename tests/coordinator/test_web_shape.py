"""Every route asks who you are; every answer is sealed; nothing is ever 500."""

import json
import logging
import os
import random
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
import schemathesis.specs.openapi.checks
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings

from coordinator import logs
from coordinator.errors import Misconfigured
from coordinator.web import auth, create_app
from tests.coordinator.callers import Desk, link_and_code, wanted
from tests.coordinator.conftest import issued

PUBLIC = {
    "answers.show", "answers.acknowledge", "answers.ask", "answers.tell", "check.ask", "check.tell", "hooks.status",
    "hooks.sms", "hooks.keys", "reports.report", "cap.feed", "cap.one", "health.alive", "health.ready", "health.metrics",
    "openapi.spec", "static", "desk.sign_in", "desk.enter", "desk.choose_language",
}  # fmt: skip


@pytest.fixture
def client(region: SimpleNamespace) -> FlaskClient:
    return create_app().test_client(use_cookies=False)


def test_every_route_asks_who_you_are(client: FlaskClient) -> None:
    app = client.application
    with app.app_context():
        assert {rule.endpoint for rule in app.url_map.iter_rules() if auth.is_public(rule.endpoint)} == PUBLIC
    values = {"token": "t", "number": "n", "identifier": "i", "filename": "f", "drill_id": "1", "name": "submit"}
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        filled = {name: values.get(name, 1) for name in rule.arguments}
        path = app.url_map.bind("localhost").build(rule.endpoint, filled, method=next(iter(rule.methods - {"OPTIONS"})))
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            refused = client.open(path, method=method)
            assert refused.status_code in (302, 401), (rule, refused.status)
            if refused.status_code == 302:
                assert refused.headers["Location"].startswith("/sign-in")


def test_a_cookie_is_no_token(client: FlaskClient) -> None:
    assert client.get("/api/v1/alerts", headers={"Cookie": "liandong=x"}).status_code == 401


def test_every_answer_is_sealed(client: FlaskClient) -> None:
    for path in ("/healthz", "/api/v1/alerts", "/check/1", "/a/x", "/nowhere", "/sign-in", "/cap/feed.atom"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in headers


def test_https_is_remembered(region: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://yj.example.gov.cn")
    headers = create_app().test_client().get("/healthz").headers
    assert headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_body_too_large_is_413(client: FlaskClient) -> None:
    assert client.post("/a/x", data={"code": "1" * 70_000}).status_code == 413
    desk = Desk(client)
    assert desk("d1", "post", "/alerts", wanted(reason="长" * 70_000)).status_code == 413
    rows = [{"time": "2026-11-22T08:00", "city": "北京", "PM2.5": 30.0}] * 2000
    assert desk("d1", "post", "/readings", {"source": "test", "rows": rows}).status_code == 202


def test_forwarded_headers_are_not_believed_unless_configured(region: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from flask import request

    def seen() -> str:
        with create_app().test_request_context() as context:
            del context
        app = create_app()
        found: list[str] = []
        app.before_request(lambda: found.append(request.remote_addr or "") or None)
        app.test_client().get("/healthz", headers={"X-Forwarded-For": "9.9.9.9"})
        return found[0]

    assert seen() == "127.0.0.1"
    monkeypatch.setenv("LIANDONG_PROXIES", "1")
    assert seen() == "9.9.9.9"
    monkeypatch.setenv("LIANDONG_PROXIES", "all")
    with pytest.raises(Misconfigured):
        create_app()


def test_an_unsafe_configuration_is_refused_at_the_start(store: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANDONG_ENV", "production")
    monkeypatch.setenv("SECRET_KEY", "changeme")
    with pytest.raises(Misconfigured, match="SECRET_KEY") as refused:
        create_app()
    assert refused.value.exit_code == 78


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b'{"a":' * 10_000, b"1" * 5_000, b"NaN", b'{"rev": NaN}', b"\xff", b'"\\ud800"', b"", b"null"],
)
def test_strange_json_is_400(client: FlaskClient, body: bytes) -> None:
    desk = Desk(client)
    for path in ("/alerts", "/alerts/1/submit", "/readings", "/incidents", "/drills"):
        who = "x1" if path == "/drills" else "d1"
        told = client.post(f"/api/v1{path}", data=body, headers=desk.bearers[who], content_type="application/json")
        assert told.status_code == 400, (path, told.status, told.text[:200])


def test_the_interface_is_as_described(region: SimpleNamespace) -> None:
    """Generated calls, valid and not, by an officer of each kind: only described answers, nothing ≥ 500."""
    app = create_app()
    desk = Desk(app.test_client())
    issued()
    chance = random.Random(3)
    for result in schemathesis.openapi.from_wsgi("/api/openapi.json", app).get_all_operations():
        _call_some(result.ok().as_strategy(), desk, chance)


# A schema can't say that an alert ends after it begins, or that an incident's facts are sensible.
positive_data_acceptance = schemathesis.specs.openapi.checks.positive_data_acceptance


def _call_some(strategy: Any, desk: Desk, chance: random.Random) -> None:
    @given(case=strategy)
    @settings(max_examples=int(os.environ.get("LIANDONG_EXAMPLES", "2")), deadline=None,
              suppress_health_check=list(HealthCheck), derandomize=True, database=None)  # fmt: skip
    def call(case: Any) -> None:
        who = chance.choice(["d1", "s1", "l1", "c1", "x1", "a1"])
        case.call_and_validate(headers=desk.bearers[who], excluded_checks=[positive_data_acceptance])

    call()


def test_no_input_is_500(any_region: SimpleNamespace) -> None:
    """Mutated paths, queries, forms and headers over every route."""
    app = create_app()
    client = app.test_client(use_cookies=False)
    desk = Desk(client)
    link, _ = link_and_code(issued())
    chance = random.Random(11)
    strange = [
        "",
        "0",
        "-1",
        "1e9",
        "9" * 40,
        "\x00",
        "é",
        "签收",
        "%",
        "..",
        "' OR 1=1",
        "<b>",
        "{{7*7}}",
        "\u202e",
        "a" * 3000,
    ]
    paths = [link, f"{link}/answer", "/check/1", "/hooks/twilio/status", "/hooks/twilio/sms", "/cap/x.xml", "/sign-in",
             "/api/v1/alerts", "/api/v1/alerts/1", "/api/v1/alerts/1/notices", "/api/v1/notices/1/answer", "/readyz"]  # fmt: skip
    for _ in range(int(os.environ.get("LIANDONG_REQUESTS", "400"))):
        path = chance.choice(paths) + chance.choice(["", "/", "/" + chance.choice(strange)])
        told = client.open(
            path,
            method=chance.choice(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]),
            query_string={chance.choice(["page", "state", "from", "city", "attempt", "k"]): chance.choice(strange)},
            data={chance.choice(["code", "kind", "rev", "words", "once", "From"]): chance.choice(strange)},
            headers=desk.bearers[chance.choice(["d1", "a1"])]
            if chance.random() < 0.7
            else {"Authorization": "Bearer x"},
        )
        assert told.status_code < 500 or path.startswith("/readyz"), (path, told.status, told.text[:300])


def test_log_lines_name_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")
    try:
        raise ValueError("no route to zhang.san@example.cn")
    except ValueError:
        logging.getLogger("x").exception("to %s, GET /a/%s", "+8613812345678", "Zm9vYmFyYmF6cXV4")
    line = json.loads(capsys.readouterr().err)
    assert "+86138****5678" in line["event"] and "Zm9v" not in line["event"]
    assert "zhang.san" not in json.dumps(line) and line["level"] == "error"
