"""The receiver's page: opening it is not an answer, the code is, and nobody guesses it."""

import re
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import func, select

from coordinator import clock, db, issuing, progress, response
from coordinator.models import Alert, Answer, Mode, Receiver
from coordinator.web import create_app
from rules.levels import Level
from tests.coordinator.callers import link_and_code, served
from tests.coordinator.conftest import issued, officer


@pytest.fixture
def client(region: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("LIANDONG_DESK_PHONE", "010-12369")
    return create_app().test_client(use_cookies=False)


def acknowledged(alert_id: int) -> int:
    with db.reading() as session:
        return progress.of(session, alert_id)["acknowledged"]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10000:04d}"


def test_the_page_shows_what_this_plant_must_do_in_little_space(client: FlaskClient) -> None:
    link, _ = link_and_code(issued())
    page = client.get(link)
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert len(page.data) < 10_000
    assert "<script" not in text and "http://" not in text and "https://" not in text
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in page.headers
    for words in ("北京", "橙色预警", "示例第", "010-12369", "签收码", "<li>", "真实事件"):
        assert words in text
    form = re.findall(r"<form.*?</form>", text, re.S)
    assert len(form) == 1 and form[0].count("<button") == 1 and 'name="code"' in form[0]
    assert 'action="' not in form[0]
    assert "演练" not in text


def test_scanners_acknowledge_nothing(client: FlaskClient) -> None:
    alert_id = issued()
    for which in range(12):
        link, _ = link_and_code(alert_id, which)
        for _ in range(2):
            client.head(link)
            client.get(link)
            client.get(f"{link}/answer")
            assert client.post(link).status_code == 400
            assert client.post(link, data={"code": ""}).status_code == 400
            assert client.post(f"{link}/answer", data={"kind": "executing"}).status_code == 400
    assert acknowledged(alert_id) == 0
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Receiver).where(Receiver.viewed_at.is_not(None))) == 12
        assert session.scalar(select(func.count()).select_from(Answer)) == 0


@pytest.mark.parametrize("spelling", ["{}", " {} ", "{0[0]} {0[1]} {0[2]}{0[3]}", "wide"])
def test_the_code_acknowledges_however_it_is_typed(client: FlaskClient, spelling: str) -> None:
    alert_id = issued()
    link, code = link_and_code(alert_id)
    typed = "".join(chr(ord(digit) + 0xFEE0) for digit in code) if spelling == "wide" else spelling.format(code)
    done = client.post(link, data={"code": typed})
    assert done.status_code == 200
    assert "已签收" in done.text and "<form" not in done.text
    assert acknowledged(alert_id) == 1


def test_acknowledging_again_says_when(client: FlaskClient) -> None:
    alert_id = issued()
    link, code = link_and_code(alert_id)
    first, again, careless = (client.post(link, data={"code": typed}) for typed in (code, code, wrong(code)))
    assert first.text == again.text == careless.text
    assert acknowledged(alert_id) == 1


def test_five_wrong_tries_are_forgiven_and_the_sixth_locks(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert_id = issued()
    link, code = link_and_code(alert_id)
    other, other_code = link_and_code(alert_id, 1)
    for _ in range(5):
        assert client.post(link, data={"code": wrong(code)}).status_code == 422
    assert client.post(link, data={"code": " "}).status_code == 400
    assert client.post(link, data={"code": code}).status_code == 200, "five are forgiven"
    for _ in range(5):
        client.post(other, data={"code": wrong(other_code)})
    locked = client.post(other, data={"code": wrong(other_code)})
    assert locked.status_code == 429 and "暂停" in locked.text
    assert client.post(other, data={"code": other_code}).status_code == 429
    third, third_code = link_and_code(alert_id, 2)
    assert client.post(third, data={"code": third_code}).status_code == 200, "others are not locked"
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=16))
    assert client.post(other, data={"code": other_code}).status_code == 200


def test_many_at_once_acknowledge_once(any_region: SimpleNamespace) -> None:
    alert_id = issued()
    link, code = link_and_code(alert_id)
    told: list[int] = []
    with served(create_app()) as base:
        threads = [
            threading.Thread(
                target=lambda: told.append(requests.post(base + link, data={"code": code}, timeout=60).status_code)
            )
            for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert told == [200] * 10
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Answer)) == 1


def test_other_answers_have_a_page_of_their_own(client: FlaskClient) -> None:
    alert_id = issued()
    link, code = link_and_code(alert_id)
    assert "不能执行" in client.get(f"{link}/answer").text
    assert client.post(f"{link}/answer", data={"kind": "cannot", "code": code}).status_code == 400
    assert client.post(f"{link}/answer", data={"kind": "executing", "code": wrong(code)}).status_code == 422
    told = client.post(f"{link}/answer", data={"kind": "cannot", "code": code, "words": "炉窑保温\x00,须 48 小时"})
    assert "已反馈不能执行" in told.text
    with db.reading() as session:
        found = progress.of(session, alert_id)
    assert (found["acknowledged"], found["cannot"]) == (1, 1)


def test_an_unknown_link_says_what_to_do(client: FlaskClient) -> None:
    for link in ("/a/abc", "/a/" + "x" * 500, "/a/%00", "/a/签收", "/a/abc/answer"):
        missing = client.get(link)
        assert missing.status_code in (400, 404)
        assert "值班" in missing.text or missing.status_code == 400
    assert client.post("/a/abc", data={"code": "1234"}).status_code == 404
    assert "010-12369" in client.get("/a/abc").text


@pytest.mark.parametrize(("change", "words"), [("lift", "预警已解除"), ("retract", "此通知已撤回")])
def test_an_ended_order_says_so_in_big_letters(client: FlaskClient, change: str, words: str) -> None:
    alert_id = issued()
    link, code = link_and_code(alert_id)
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        if change == "lift":
            response.lift(session, alert, by="d1", wanted={"reason": "已改善"})
        else:
            response.retract(session, alert, by="d1", reason="有误")
    for name in ("s1", "s2")[: 2 if change == "lift" else 1]:
        with db.transaction() as session:
            alert = response.load(session, alert_id)
            response.approve(session, alert, officer(session, name))
    issuing.materialise(alert_id, 2)
    page = client.get(link).text
    assert f'<p class="b" role="alert">{words}</p>' in page
    assert "<form" not in page
    assert words in client.post(link, data={"code": code}).text


def test_a_changed_order_must_be_read_before_it_is_acknowledged(client: FlaskClient) -> None:
    alert_id = issued()
    link, code = link_and_code(alert_id)
    with db.transaction() as session:
        response.change(session, response.load(session, alert_id), by="d1", wanted={"level": Level.RED})
    for name in ("s1", "l1"):
        with db.transaction() as session:
            response.approve(session, response.load(session, alert_id), officer(session, name))
    issuing.materialise(alert_id, 2)
    late = client.post(link, data={"code": code, "rev": "1"})
    assert late.status_code == 409 and "红色" in late.text
    assert client.post(link, data={"code": code, "rev": "2"}).status_code == 200
    assert acknowledged(alert_id) == 1


def test_a_city_that_has_left_the_alert_is_told_that_it_ended_there(client: FlaskClient) -> None:
    alert_id = issued()
    link, _ = link_and_code(alert_id)
    stays, _ = link_and_code(alert_id, 11)
    with db.transaction() as session:
        response.change(session, response.load(session, alert_id), by="d1", wanted={"cities": ["130100"]})
    for name in ("s1", "l1"):
        with db.transaction() as session:
            response.approve(session, response.load(session, alert_id), officer(session, name))
    issuing.materialise(alert_id, 2)
    assert "本地预警已解除" in client.get(link).text and "<form" not in client.get(link).text
    assert "本地预警已解除" not in client.get(stays).text


def test_a_drill_looks_different(client: FlaskClient) -> None:
    alert_id = issued(Level.YELLOW, mode=Mode.EXERCISE)
    link, _ = link_and_code(alert_id)
    text = client.get(link).text
    assert "<title>【演练】" in text and text.count("【演练】") >= 4
    assert "生产照常" in text and "真实事件" not in text


def test_a_long_list_of_measures_takes_several_small_pages(client: FlaskClient) -> None:
    alert_id = issued()
    link, _ = link_and_code(alert_id)
    with db.transaction() as session:
        receiver = session.scalars(select(Receiver).order_by(Receiver.id)).first()
        assert receiver is not None
        receiver.measures = [{"text": f"第{n}条生产线" + "停产限产并保持环保设施运行" * 12} for n in range(40)]
        session.get_one(Alert, alert_id).reason = "长" * 2000
    seen, path = set(), link
    while path:
        page = client.get(path)
        assert len(page.data) < 10_000
        seen |= set(re.findall(r"第(\d+)条生产线", page.text))
        more = re.search(r'href="\?from=(\d+)"', page.text)
        path = f"{link}?from={more[1]}" if more else ""
    assert len(seen) == 40
    assert client.get(f"{link}?from=-9").status_code == client.get(f"{link}?from=x").status_code == 200
