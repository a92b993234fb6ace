"""Carriers' callbacks: signed, once, in any order; everything else is refused."""

import json
import random
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from coordinator import db, progress, tokens
from coordinator.channels import twilio_account
from coordinator.errors import Misconfigured
from coordinator.models import Answer, CarrierEvent, Mode, Notice, State, StopListed
from coordinator.web import create_app, limits
from rules.levels import Level
from tests.coordinator.callers import link_and_code
from tests.coordinator.conftest import issued

BASE = "https://yj.example.gov.cn"
TOKENS = {"AC" + "1" * 32: "a-token", "AC" + "2" * 32: "a-drill-token"}
ACCOUNT, DRILL_ACCOUNT = TOKENS


@pytest.fixture
def client(region: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("PUBLIC_BASE_URL", BASE)
    for prefix, (sid, token) in zip(("", "DRILL_"), TOKENS.items(), strict=True):
        monkeypatch.setenv(f"{prefix}TWILIO_ACCOUNT_SID", sid)
        monkeypatch.setenv(f"{prefix}TWILIO_AUTH_TOKEN", token)
        monkeypatch.setenv(f"{prefix}TWILIO_FROM", "+15005550006")
    limits.replies.storage.reset()
    return create_app().test_client(use_cookies=False)


def post(client: FlaskClient, signed: str, form: dict[str, str], *, base: str = BASE, **wrong: str) -> TestResponse:
    """``form`` with the signature of ``signed``; what is wrong about it replaces the right thing."""
    form = {"AccountSid": ACCOUNT, **form}
    signature = RequestValidator(TOKENS.get(form["AccountSid"], "none")).compute_signature(base + signed, form)
    return client.post(
        wrong.get("path", signed), data=form, headers={"X-Twilio-Signature": wrong.get("signature", signature)}
    )


def hook(kind: str, notice_id: int, n: int = 1) -> str:
    attempt = f"{notice_id}.{n}"
    return f"/hooks/twilio/{kind}?" + urlencode({"attempt": attempt, "k": tokens.callback_key(attempt)})


def accepted(alert_id: int, reference: str = "SM1") -> int:
    """One SMS of the alert that the carrier has taken."""
    with db.transaction() as session:
        notice = session.scalars(select(Notice).where(Notice.alert_id == alert_id, Notice.channel == "sms")).first()
        assert notice is not None
        notice.state = State.SENDING
        session.flush()
        notice.state, notice.reference = State.ACCEPTED, reference
        return notice.id


def state(notice_id: int) -> str:
    with db.reading() as session:
        return session.get_one(Notice, notice_id).state


def count(table: type) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_receipts_in_any_order_end_the_same(client: FlaskClient) -> None:
    notice_id = accepted(issued())
    for word in ("delivered", "sent", "queued", "delivered", "sent"):
        assert post(client, hook("status", notice_id), {"MessageSid": "SM1", "MessageStatus": word}).status_code == 204
    assert state(notice_id) == "delivered"
    post(client, hook("status", notice_id), {"MessageSid": "SM1", "MessageStatus": "failed"})
    assert state(notice_id) == "delivered", "finished stays finished"


@pytest.mark.parametrize("base", [BASE, BASE + ":443"])
def test_the_default_port_may_be_in_the_signed_address(client: FlaskClient, base: str) -> None:
    notice_id = accepted(issued())
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    assert post(client, hook("status", notice_id), form, base=base).status_code == 204


def test_forged_and_mutated_callbacks_are_refused(client: FlaskClient) -> None:
    notice_id = accepted(issued())
    path, form = hook("status", notice_id), {"MessageSid": "SM1", "MessageStatus": "delivered"}
    right = RequestValidator(TOKENS[ACCOUNT]).compute_signature(BASE + path, {"AccountSid": ACCOUNT, **form})
    chance = random.Random(7)
    for _ in range(300):
        at = chance.randrange(len(right))
        forged = right[:at] + chance.choice("ABCDEFGHabcdefgh0123456789+/=") + right[at + 1 :]
        if forged != right:
            assert post(client, path, form, signature=forged).status_code == 403
    for wrong in (
        {"signature": ""},
        {"signature": "é" * 27},
        {"path": hook("status", notice_id + 1)},
        {"path": path + "&x=1"},
        {"path": path.replace("status", "voice")},
    ):
        assert post(client, path, form, **wrong).status_code == 403
    assert post(client, path, form, base="http://evil.example").status_code == 403
    assert post(client, path, {**form, "AccountSid": "AC" + "9" * 32}).status_code == 403
    assert client.post(path, data=form | {"AccountSid": ACCOUNT}, headers={"Host": "x"}).status_code in (400, 403)
    assert client.post(path, data=b"\xff\xfe\x00", content_type="text/plain").status_code == 403
    assert state(notice_id) == "accepted" and count(CarrierEvent) == 0


def test_a_signed_callback_to_an_address_we_did_not_make_is_refused(client: FlaskClient) -> None:
    notice_id = accepted(issued())
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    for path in (
        "/hooks/twilio/status",
        f"/hooks/twilio/status?attempt={notice_id}.1",
        f"/hooks/twilio/status?attempt={notice_id}.1&k=00",
        hook("status", notice_id).replace(".1&", ".2&"),
        "/hooks/twilio/status?attempt=%00&k=é",
    ):
        assert post(client, path, form).status_code in (400, 403), path
    assert state(notice_id) == "accepted"


def test_the_published_signature_vectors_hold(shared_data: Path) -> None:
    (found,) = shared_data.glob("*/twilio_signature_vectors.json")
    vectors = json.loads(found.read_text())
    for row in vectors:
        if "signature" in row:
            form = MultiDict(row["params"])
            assert twilio_account.genuine(row["token"], row["uri"], form, row["signature"]) is row["valid"], row["name"]
            assert not twilio_account.genuine(row["token"], row["uri"] + "&x", form, row["signature"])


def texted(client: FlaskClient, sid: str, sender: str, body: str, account: str = ACCOUNT) -> TestResponse:
    form = {"AccountSid": account, "MessageSid": sid, "From": sender, "To": "+15005550006", "Body": body}
    return post(client, "/hooks/twilio/sms", form)


def sender_of(alert_id: int) -> str:
    with db.reading() as session:
        query = select(Notice.address).where(
            Notice.alert_id == alert_id, Notice.channel == "sms", Notice.kind == "order"
        )
        return session.scalars(query.order_by(Notice.id)).first() or ""


@pytest.mark.parametrize("spelling", ["1 {}", "签收{}", "{}", " 1{} "])
def test_a_texted_code_acknowledges_once(client: FlaskClient, spelling: str) -> None:
    alert_id = issued()
    _, code = link_and_code(alert_id)
    for _ in range(3):
        answer = texted(client, "SM9", sender_of(alert_id), spelling.format(code))
        assert answer.status_code == 200 and answer.content_type.startswith("text/xml")
    with db.reading() as session:
        assert progress.of(session, alert_id)["acknowledged"] == 1
    assert count(Answer) == 1


def test_a_drill_is_answered_in_a_drills_dress(client: FlaskClient) -> None:
    alert_id = issued(Level.YELLOW, mode=Mode.EXERCISE)
    told = texted(client, "SM9", sender_of(alert_id), "0000", DRILL_ACCOUNT).text
    assert "<Message>【演练】" in told
    assert "演练" not in texted(client, "SM10", sender_of(alert_id), "0000").text


def test_robots_are_not_answered_for_ever(client: FlaskClient) -> None:
    alert_id = issued()
    told = [texted(client, f"SM{n}", sender_of(alert_id), "你好").text for n in range(20)]
    assert sum("<Message>" in one for one in told) <= 5


def test_stop_ends_texts_to_that_number_and_start_resumes(client: FlaskClient) -> None:
    sender = sender_of(issued())
    assert "<Message>" not in texted(client, "SM1", sender, " stop ").text
    texted(client, "SM2", sender, "退订")
    assert count(StopListed) == 1
    texted(client, "SM3", sender, "START")
    assert count(StopListed) == 0


def test_keys_acknowledge_only_with_the_numbers_last_digits(client: FlaskClient) -> None:
    alert_id = issued()
    notice_id = accepted(alert_id)
    with db.reading() as session:
        right = "1" + session.get_one(Notice, notice_id).number[-2:]
    assert "<Gather" in post(client, hook("voice", notice_id), {"CallSid": "CA1", "Digits": "1"}).text
    assert "<Gather" not in post(client, hook("voice", notice_id), {"CallSid": "CA1"}).text
    assert count(Answer) == 0
    for _ in range(3):
        assert "已签收" in post(client, hook("voice", notice_id), {"CallSid": "CA1", "Digits": right}).text
    assert count(Answer) == 1


def test_a_call_that_was_answered_is_not_an_acknowledgement(client: FlaskClient) -> None:
    alert_id = issued()
    notice_id = accepted(alert_id, "CA1")
    post(client, hook("status", notice_id), {"CallSid": "CA1", "CallStatus": "completed"})
    with db.reading() as session:
        assert progress.of(session, alert_id)["acknowledged"] == 0


def test_half_a_form_is_refused(client: FlaskClient) -> None:
    notice_id = accepted(issued())
    assert post(client, hook("status", notice_id), {}).status_code == 400
    assert post(client, "/hooks/twilio/sms", {"Body": "1"}).status_code == 400
    assert post(client, hook("voice", notice_id), {"Digits": "1"}).status_code == 400
    assert post(client, hook("voice", 10**12), {"CallSid": "CA1"}).status_code == 400


def test_half_an_account_is_refused_at_the_start(region: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", ACCOUNT)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "x")
    monkeypatch.delenv("TWILIO_FROM", raising=False)
    with pytest.raises(Misconfigured, match="TWILIO_FROM"):
        create_app()


def test_every_account_has_a_token_of_its_own(client: FlaskClient) -> None:
    import os

    assert [twilio_account.token_of(os.environ, sid) for sid in TOKENS] == list(TOKENS.values())
