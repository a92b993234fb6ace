"""Voice: the notice is read out, keys go where this attempt is known, nothing but keys counts as reached."""

import asyncio
from pathlib import Path
from xml.etree import ElementTree

import pytest

from coordinator.channels import Outcome, twilio_account, voice
from coordinator.errors import Refusal, TryLater
from coordinator.simulator.subscribers import settings

from .carriers import PHONE, carrier, envelope, environ, local, our_web, rows, send, told


def test_a_call_is_in_the_ledger_with_its_words_and_the_place_its_keys_go(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            handed = await send(voice, simulator, text="按1再按编号末两位<签收>")

            [row] = rows(simulator)
            assert (handed.outcome, handed.reference, row["channel"]) == (Outcome.ACCEPTED, row["sid"], "voice")
            assert row["body"] == "按1再按编号末两位<签收>"
            assert row["action"] == "http://127.0.0.1:1/hooks/twilio/voice?attempt=7.1&k=k%26%C3%A9"

    asyncio.run(go())


def test_the_script_is_chinese_and_waits_for_three_keys() -> None:
    spoken = ElementTree.fromstring(voice.script("停产", "https://x.example/v?a=1&k=2"))

    [gather] = spoken.iter("Gather")
    assert (gather.get("numDigits"), gather.get("method")) == ("3", "POST")
    assert gather.get("action") == "https://x.example/v?a=1&k=2"
    assert {(say.text, say.get("language")) for say in gather.iter("Say")} == {("停产", "zh-CN")}


def test_a_number_that_cannot_be_called_is_refused(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            handed = await send(voice, simulator, address="+8619000021211")
            assert (handed.outcome, handed.code) == (Outcome.REFUSED, "21217")

    asyncio.run(go())


@pytest.mark.parametrize(("number", "word"), [("00001", "busy"), ("00002", "no-answer"), ("00003", "failed")])
def test_an_unanswered_call_says_so_in_signed_callbacks(tmp_path: Path, number: str, word: str) -> None:
    async def go() -> None:
        async with our_web() as ours, local(tmp_path) as simulator:
            primary = voice.accounts(environ(simulator))[0]
            async with carrier(voice, primary, ours.url) as opened:
                handed = await opened.send(envelope(address=f"+86190000{number}"))
                await ours.until(3)
                assert [voice.receipt(form)[1] for _, form, _ in ours.posted] == ["initiated", "ringing", word]
                assert await opened.status(handed.reference) == word

    asyncio.run(go())


def test_keys_pressed_during_a_call_reach_this_attempt_and_end_the_call(tmp_path: Path) -> None:
    async def go() -> None:
        async with our_web() as ours, local(tmp_path, web_url=ours.url) as simulator:
            primary = voice.accounts(environ(simulator))[0]
            async with carrier(voice, primary, ours.url) as opened:
                handed = await opened.send(envelope())
                await ours.until(3)
                assert await told(simulator, f"/phones/{PHONE}/press", {"digits": "1769"}) == (
                    200,
                    {"status": 204, "answer": ""},
                )

                url, form, signature = ours.posted[3]
                assert url.endswith("/hooks/twilio/voice?attempt=7.1&k=k%26%C3%A9")
                assert (form["Digits"], form["CallSid"], form["To"]) == ("176", handed.reference, PHONE)
                assert twilio_account.genuine(primary["token"], url, form, signature)
                await ours.until(5)
                assert voice.receipt(ours.posted[4][1]) == (handed.reference, "completed")
                assert (await told(simulator, f"/phones/{PHONE}/press", {"digits": "1"}))[0] == 409

    asyncio.run(go())


def test_a_call_cannot_be_looked_up_and_says_so() -> None:
    async def go() -> None:
        async with carrier(voice, voice.accounts(settings(1, 1))[0]) as opened:
            with pytest.raises(TryLater):
                await opened.look_up(PHONE, "#ABCD2345")

    asyncio.run(go())


def test_a_call_that_was_answered_is_not_delivered() -> None:
    assert "delivered" not in voice.STATUS.values()


def test_an_account_without_a_number_cannot_call() -> None:
    service = settings(1, 1) | {"TWILIO_FROM": "", "TWILIO_MESSAGING_SERVICE_SID": "MG1"}

    assert [account.name for account in voice.accounts(service)] == ["sms_b"]


def test_a_form_that_is_no_receipt_is_refused() -> None:
    with pytest.raises(Refusal):
        voice.receipt({"CallStatus": "busy"})
