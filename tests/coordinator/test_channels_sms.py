"""SMS: every way a hand-over can end is told apart, and nothing is taken for sure that isn't."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict

from coordinator.channels import Outcome, sms, twilio_account
from coordinator.errors import Misconfigured, Refusal, TryLater
from coordinator.simulator.subscribers import settings

from .carriers import PHONE, carrier, envelope, environ, local, our_web, rows, saying, send, sent_to, talking


def test_an_accepted_text_is_in_the_ledger_with_its_validity_and_callback(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            handed = await send(sms, simulator)

            [row] = rows(simulator)
            assert (handed.outcome, handed.reference) == (Outcome.ACCEPTED, row["sid"])
            assert (row["account"], row["to"], row["body"]) == ("twilio", PHONE, envelope().text)
            assert (row["marker"], row["valid_s"]) == ("ABCD2345", 3600)
            assert row["callback"] == "http://127.0.0.1:1/hooks/twilio/status?attempt=7.1&k=k%26%C3%A9"

    asyncio.run(go())


@pytest.mark.parametrize(
    ("number", "outcome", "code"),
    [
        ("+8619000021211", Outcome.REFUSED, "21211"),
        ("+8619000021610", Outcome.REFUSED, "21610"),
        ("+8619000021612", Outcome.REFUSED, "21612"),
        ("+8619000021614", Outcome.REFUSED, "21614"),
        ("not a number", Outcome.REFUSED, "21211"),
        ("+8619000020429", Outcome.BUSY, "20429"),
        ("+8619000020500", Outcome.UNCERTAIN, "20500"),
        ("+8619000020003", Outcome.MISCONFIGURED, "20003"),
        ("+8619000021603", Outcome.MISCONFIGURED, "21603"),
    ],
)
def test_a_refusal_is_laid_at_the_right_door(tmp_path: Path, number: str, outcome: Outcome, code: str) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            handed = await send(sms, simulator, address=number)

            assert (handed.outcome, handed.code) == (outcome, code)
            assert "+86190000" not in handed.detail
            assert rows(simulator) == []

    asyncio.run(go())


@pytest.mark.parametrize("fault", ["rate_cut", "rate_broken", "rate_lost"])
def test_a_spoilt_answer_is_uncertain_and_the_look_up_tells_whether_it_was_taken(tmp_path: Path, fault: str) -> None:
    async def go() -> None:
        async with local(tmp_path, **{fault: 1.0}) as simulator:
            for _ in range(4):
                assert (await send(sms, simulator)).outcome is Outcome.UNCERTAIN

            async with carrier(sms, sms.accounts(environ(simulator))[0]) as opened:
                found = await opened.look_up(PHONE, "#ABCD2345")
            assert found == (rows(simulator)[-1]["sid"] if fault != "rate_lost" else "")

    asyncio.run(go())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 201 Created\r\nContent-Length: 90\r\n\r\n{",
        b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n[]",
        b'HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{"sid":null}',
        b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
        b"not http at all\r\n\r\n",
    ],
)
def test_an_answer_that_proves_nothing_is_uncertain(answer: bytes) -> None:
    async def go() -> None:
        async with talking(saying(answer)) as port:
            assert (await sent_to(sms, f"http://127.0.0.1:{port}")).outcome is Outcome.UNCERTAIN

    asyncio.run(go())


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            target = f"http://127.0.0.1:{simulator.port}/2010-04-01/Accounts/x/Messages.json"
            answer = f"HTTP/1.1 307 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
            async with talking(saying(answer)) as port:
                assert (await sent_to(sms, f"http://127.0.0.1:{port}")).outcome is Outcome.MISCONFIGURED

    asyncio.run(go())


@pytest.mark.parametrize("base", ["http://127.0.0.1:1", "http://no-such-host.invalid", "https://127.0.0.1:{port}"])
def test_what_failed_before_a_byte_was_read_was_not_sent(base: str) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 this is not TLS\r\n")

    async def go() -> None:
        async with talking(plain) as port:
            assert (await sent_to(sms, base.format(port=port))).outcome is Outcome.NOT_SENT

    asyncio.run(go())


def test_a_carrier_that_never_answers_is_uncertain_within_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def go() -> None:
        async with talking(silent) as port:
            assert (await sent_to(sms, f"http://127.0.0.1:{port}")).outcome is Outcome.UNCERTAIN

    monkeypatch.setattr(twilio_account, "SLOWEST_S", 0.2)
    asyncio.run(go())


def test_a_look_up_that_was_not_answered_is_not_an_answer(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path, look_up_down=1.0) as simulator:
            handed = await send(sms, simulator)
            async with carrier(sms, sms.accounts(environ(simulator))[0]) as opened:
                with pytest.raises(TryLater):
                    await opened.look_up(PHONE, "#ABCD2345")
                with pytest.raises(TryLater):
                    await opened.status(handed.reference)

    asyncio.run(go())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"messages": 3}', b'{"code": 20500}', b'{"messages": [{"sid": 1, "bo'])
def test_a_look_up_answered_with_rubbish_is_not_an_answer(body: bytes) -> None:
    async def go() -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        async with talking(saying(answer)) as port:
            account = sms.accounts(settings(port, 0))[0]
            async with carrier(sms, account) as opened:
                with pytest.raises(TryLater):
                    await opened.look_up(PHONE, "#ABCD2345")

    asyncio.run(go())


def test_a_look_up_reads_the_newest_twenty_of_that_number_and_account(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            primary, second = sms.accounts(environ(simulator))
            async with carrier(sms, primary) as opened, carrier(sms, second) as other:
                for mark in ("AAAAAAAA", *(["BBBBBBBB"] * 19), "CCCCCCCC"):
                    await opened.send(envelope(text=f"#{mark}"))
                await opened.send(envelope(address="+8613800000002", text="#DDDDDDDD"))

                found = [bool(await opened.look_up(PHONE, f"#{mark * 8}")) for mark in "ABCD"]
                assert found == [False, True, True, False]
                assert await other.look_up(PHONE, "#CCCCCCCC") == ""

    asyncio.run(go())


def test_the_carriers_word_is_asked_by_reference_and_empty_when_it_knows_none(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path, callback_ms=1e6) as simulator:
            handed = await send(sms, simulator)
            async with carrier(sms, sms.accounts(environ(simulator))[0]) as opened:
                assert await opened.status(handed.reference) == "queued"
                assert await opened.status("SM" + "0" * 24 + "ffffffff") == ""

    asyncio.run(go())


def test_the_drill_account_is_kept_apart_from_the_real_ones(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            [drill] = sms.drill_accounts(environ(simulator))
            async with carrier(sms, drill) as opened, carrier(sms, sms.accounts(environ(simulator))[0]) as real:
                handed = await opened.send(envelope(text="【演练】#ABCD2345【演练】"))

                assert [row["account"] for row in rows(simulator)] == ["drill_twilio"]
                assert await real.look_up(PHONE, "#ABCD2345") == ""
                assert await real.status(handed.reference) == ""

    asyncio.run(go())


def test_a_callback_is_signed_as_the_validator_expects_and_says_what_became_of_it(tmp_path: Path) -> None:
    async def go() -> None:
        async with our_web() as ours, local(tmp_path) as simulator:
            primary = sms.accounts(environ(simulator))[0]
            async with carrier(sms, primary, ours.url) as opened:
                handed = await opened.send(envelope())
            await ours.until(2)

            assert [sms.receipt(form) for _, form, _ in ours.posted] == [
                (handed.reference, "sent"),
                (handed.reference, "delivered"),
            ]
            url, form, signature = ours.posted[0]
            assert url.endswith("/hooks/twilio/status?attempt=7.1&k=k%26%C3%A9")
            assert twilio_account.genuine(primary["token"], url, form, signature)
            assert not twilio_account.genuine(primary["token"], url, form | {"MessageStatus": "failed"}, signature)
            assert not twilio_account.genuine("", url, form, signature)

    asyncio.run(go())


def test_signatures_are_judged_as_the_published_vectors_say(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "09_twilio_sms" / "twilio_signature_vectors.json").read_text())

    for vector in (vector for vector in vectors if "params" in vector):
        form = MultiDict(vector["params"])
        assert twilio_account.genuine(vector["token"], vector["uri"], form, vector["signature"]) is vector["valid"]


def test_every_word_a_carrier_may_use_has_a_state_and_every_state_a_rank() -> None:
    words = [
        "accepted",
        "scheduled",
        "queued",
        "sending",
        "sent",
        "delivered",
        "undelivered",
        "failed",
        "canceled",
        "read",
    ]

    assert set(words) == set(sms.STATUS)
    assert set(sms.STATUS.values()) == set(sms.RANK)


def test_a_form_that_is_no_receipt_is_refused() -> None:
    with pytest.raises(Refusal):
        sms.receipt({"MessageSid": "SM1"})


def test_half_an_account_is_refused_by_the_name_of_what_is_missing() -> None:
    whole = settings(1, 1)

    for missing in ("SMS_B_TWILIO_AUTH_TOKEN", "SMS_B_TWILIO_FROM"):
        with pytest.raises(Misconfigured, match=missing):
            sms.accounts({name: value for name, value in whole.items() if name != missing})
    assert sms.accounts({}) == ()
    assert [account.name for account in sms.accounts(whole)] == ["twilio", "sms_b"]


def test_no_number_is_written_to_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            await send(sms, simulator)
            async with carrier(sms, sms.accounts(environ(simulator))[0]) as opened:
                await opened.look_up(PHONE, "#ABCD2345")

    with caplog.at_level(logging.INFO):
        asyncio.run(go())
    assert PHONE not in caplog.text
