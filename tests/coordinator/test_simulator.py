"""The local carriers: everything in the ledger before it is answered, every fault on demand, phones that answer."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from coordinator.channels import Outcome, email, sms, twilio_account
from coordinator.errors import Misconfigured, Refusal
from coordinator.simulator import faults, letters, settings
from coordinator.simulator.ledger import Ledger

from .carriers import NOWHERE, PHONE, carrier, envelope, environ, local, our_web, reopened, rows, send, told


async def page(simulator: Any, path: str) -> str:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{simulator.port}{path}") as answer:
        assert answer.status == 200
        return await answer.text()


def test_hundreds_of_texts_at_once_are_each_one_whole_line(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator, carrier(sms, sms.accounts(environ(simulator))[0]) as opened:
            texts = {f'停产\n"{n}"' for n in range(300)}
            handed = await asyncio.gather(*(opened.send(envelope(text=text)) for text in texts))

            taken = rows(simulator)
            assert {row["body"] for row in taken} == texts
            assert [row["n"] for row in taken] == list(range(300))
            assert {row["sid"] for row in taken} == {one.reference for one in handed}
            assert all(datetime.fromisoformat(row["at"]).utcoffset() for row in taken)

    asyncio.run(go())


def test_the_ledger_survives_a_restart_and_forgets_half_a_line(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            reference = (await send(sms, simulator)).reference
        with (tmp_path / "ledger.jsonl").open("ab") as torn:
            torn.write(b'{"channel":"sms","acc')

        async with local(tmp_path) as simulator:
            await send(sms, simulator)
            async with carrier(sms, sms.accounts(environ(simulator))[0]) as opened:
                assert await opened.status(reference) == "delivered"
            assert [row["n"] for row in rows(simulator)] == [0, 1]

    asyncio.run(go())


def test_two_simulators_never_share_a_ledger(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "ledger.jsonl")

    with pytest.raises(Misconfigured, match="--home"):
        Ledger(tmp_path / "ledger.jsonl")
    first.close()


@pytest.mark.parametrize(
    ("fault", "outcome", "taken"),
    [
        ("rate_429", Outcome.BUSY, 0),
        ("rate_503", Outcome.UNCERTAIN, 0),
        ("rate_lost", Outcome.UNCERTAIN, 0),
        ("rate_cut", Outcome.UNCERTAIN, 1),
        ("rate_broken", Outcome.UNCERTAIN, 1),
    ],
)
def test_a_fault_is_turned_on_and_off_while_running(tmp_path: Path, fault: str, outcome: Outcome, taken: int) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            await told(simulator, "/faults", {fault: 1})
            assert (await send(sms, simulator)).outcome is outcome
            await told(simulator, "/faults", {"reset": True})
            assert (await send(sms, simulator)).outcome is Outcome.ACCEPTED
            assert len(rows(simulator)) == taken + 1

    asyncio.run(go())


def test_a_fault_can_strike_one_account_alone(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            await told(simulator, "/faults", {"account": "twilio", "rate_503": 1})
            endings = []
            for account in sms.accounts(environ(simulator)):
                async with carrier(sms, account) as opened:
                    endings.append((await opened.send(envelope())).outcome)
            assert endings == [Outcome.UNCERTAIN, Outcome.ACCEPTED]

    asyncio.run(go())


def test_a_carrier_that_refuses_connections_is_back_after_a_while(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            await told(simulator, "/faults", {"refuse_s": 1})
            assert (await send(sms, simulator)).outcome is Outcome.NOT_SENT
            assert (await send(email, simulator, address="a@x.cn")).outcome is Outcome.NOT_SENT
            await reopened(simulator)
            assert (await send(sms, simulator)).outcome is Outcome.ACCEPTED

    asyncio.run(go())


@pytest.mark.parametrize("wishes", [{"rate_429": 2}, {"rate_429": "often"}, {"rain": 1}, [1], {"latency_ms": -1}])
def test_a_fault_that_makes_no_sense_is_refused_in_words(tmp_path: Path, wishes: object) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            status, problem = await told(simulator, "/faults", wishes)
            assert status == 400
            assert problem["detail"]

    asyncio.run(go())


def test_faults_of_the_command_line_are_checked() -> None:
    assert faults.parsed(("rate_cut=0.002", "callbacks=0")) == {"rate_cut": 0.002, "callbacks": 0.0}
    with pytest.raises(Refusal, match="rate_cut"):
        faults.parsed(("rate_cut",))


def test_wrong_credentials_are_refused_and_nothing_is_taken(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            for wrong in ({"TWILIO_AUTH_TOKEN": "wrong"}, {"TWILIO_ACCOUNT_SID": "ACwrong"}):
                async with carrier(sms, sms.accounts(environ(simulator) | wrong)[0]) as opened:
                    assert (await opened.send(envelope())).outcome is Outcome.MISCONFIGURED
            assert rows(simulator) == []

    asyncio.run(go())


def test_a_web_that_is_down_is_called_back_again(tmp_path: Path) -> None:
    async def go() -> None:
        async with our_web() as ours, local(tmp_path) as simulator:
            ours.status = 503
            async with carrier(sms, sms.accounts(environ(simulator))[0], ours.url) as opened:
                await opened.send(envelope())
            await ours.until(1)
            ours.status = 204
            await ours.until(3)
            assert [form["MessageStatus"] for _, form, _ in ours.posted] == ["sent", "sent", "delivered"]

    asyncio.run(go())


def test_a_text_arrives_whether_or_not_our_web_hears_of_it(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator, carrier(sms, sms.accounts(environ(simulator))[0], NOWHERE) as opened:
            handed = await opened.send(envelope())
            async with asyncio.timeout(5):
                while await opened.status(handed.reference) != "delivered":
                    await asyncio.sleep(0.02)

    asyncio.run(go())


def test_an_undelivered_text_says_why(tmp_path: Path) -> None:
    async def go() -> None:
        async with our_web() as ours, local(tmp_path) as simulator:
            async with carrier(sms, sms.accounts(environ(simulator))[0], ours.url) as opened:
                await opened.send(envelope(address="+8619000030007"))
            await ours.until(2)
            form = ours.posted[1][1]
            assert (sms.receipt(form)[1], sms.error_code(form)) == ("undelivered", "30007")

    asyncio.run(go())


def test_a_reply_reaches_our_web_signed_by_the_account_that_wrote_last(tmp_path: Path) -> None:
    async def go() -> None:
        async with our_web() as ours, local(tmp_path, web_url=ours.url) as simulator:
            [drill] = sms.drill_accounts(environ(simulator))
            async with carrier(sms, drill) as opened:
                await opened.send(envelope())
            ours.status, ours.answer = 200, "<Response><Message>请回复编号</Message></Response>"
            status, _ = await told(simulator, f"/phones/{PHONE}/reply", {"body": "1 1234"})

            [(url, form, signature)] = ours.posted
            assert (status, url) == (200, f"{ours.url}/hooks/twilio/sms")
            assert (form["From"], form["To"], form["Body"]) == (PHONE, drill["from"], "1 1234")
            assert twilio_account.genuine(drill["token"], url, form, signature)
            assert [row["channel"] for row in rows(simulator)] == ["sms", "reply", "sms"]
            assert rows(simulator)[2]["body"] == "请回复编号"

    asyncio.run(go())


def test_stop_keeps_the_account_from_writing_until_start(tmp_path: Path) -> None:
    async def go() -> None:
        async with our_web() as ours, local(tmp_path, web_url=ours.url) as simulator:
            codes = []
            for word in ("1 1234", "stop", "START"):
                await told(simulator, f"/phones/{PHONE}/reply", {"body": word})
                codes.append((await send(sms, simulator)).code)
            assert codes == ["", sms.STOPPED, ""]

    asyncio.run(go())


def test_a_phone_whose_reply_nobody_takes_is_told_so(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path, web_url=NOWHERE) as simulator:
            assert (await told(simulator, f"/phones/{PHONE}/reply", {"body": "1"}))[0] == 502
            assert (await told(simulator, f"/phones/{PHONE}/reply", {"body": " "}))[0] == 400
            assert (await told(simulator, f"/phones/{PHONE}/press", {"digits": "1"}))[0] == 404

    asyncio.run(go())


def test_the_inbox_shows_newest_first_and_finds_by_number_text_and_account(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            async with carrier(sms, sms.accounts(environ(simulator))[0]) as opened:
                for n in range(35):
                    await opened.send(
                        envelope(address=f"+86138000000{n:02d}", text=f"<b>第{n}条</b> http://x.cn/a/{n}?a=1&b")
                    )
            async with carrier(sms, sms.drill_accounts(environ(simulator))[0]) as opened:
                await opened.send(envelope(text="【演练】"))

            first = await page(simulator, "/")
            assert [int(n) for n in re.findall("第(\\d+)条", first)] == list(range(34, 5, -1))
            assert 'class="drill"' in first
            assert "<b>" not in first
            assert 'href="http://x.cn/a/34?a=1&amp;b"' in first
            assert "第5条" in await page(simulator, "/?page=1")
            assert re.findall("第(\\d+)条", await page(simulator, "/?q=%2B8613800000007")) == ["7"]
            assert re.findall("第(\\d+)条", await page(simulator, "/?account=drill_twilio")) == []

    asyncio.run(go())


def test_a_phones_page_answers_without_script(tmp_path: Path) -> None:
    async def go() -> None:
        async with our_web() as ours, local(tmp_path, web_url=ours.url) as simulator, ClientSession() as session:
            await send(sms, simulator)
            url = f"http://127.0.0.1:{simulator.port}/phones/{PHONE}"
            async with session.post(f"{url}/reply", data={"body": "1 1234"}) as answer:
                shown = await answer.text()
            assert "系统答复 HTTP 204" in shown
            assert "1 1234" in shown

    asyncio.run(go())


def test_the_inbox_as_json_is_narrowed_by_address_and_moment(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            for number in (PHONE, "+8613800000002", PHONE):
                await send(sms, simulator, address=number)
            await send(email, simulator, address="a@x.cn")

            _, to_phone = await told(simulator, "/inbox.json?to=%2B8613800000001")
            assert [row["n"] for row in to_phone["rows"]] == [0, 2]
            _, after = await told(simulator, "/inbox.json?since=1")
            assert [row["n"] for row in after["rows"]] == [2, 3]
            _, mailed = await told(simulator, "/inbox.json?to=a@x.cn&since=2020-01-01T00:00:00%2B08:00")
            assert [row["n"] for row in mailed["rows"]] == [3]
            assert (await told(simulator, "/inbox.json?since=yesterday"))[0] == 400

    asyncio.run(go())


def test_the_ledger_can_be_taken_away(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            await send(sms, simulator)
            assert await page(simulator, "/ledger") == simulator.ledger.path.read_text()

    asyncio.run(go())


@pytest.mark.parametrize("cut", [1, 17, 60, 250, 400])
def test_a_hand_over_that_comes_in_pieces_is_taken_once(tmp_path: Path, cut: int) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            account = sms.accounts(environ(simulator))[0]
            said = twilio_account.aiohttp.encode_basic_auth(account["sid"], account["token"])
            body = b"To=%2B8613800000001&From=%2B861012369001&Body=%E5%81%9C"
            head = f"POST /2010-04-01/Accounts/{account['sid']}/Messages.json HTTP/1.1\r\nHost: x\r\n"
            head += f"Authorization: {said}\r\nContent-Length: {len(body)}\r\n\r\n"
            whole = (head.encode() + body) * 2
            reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
            writer.write(whole[:cut])
            await asyncio.sleep(0.05)
            writer.write(whole[cut:])
            for _ in range(2):
                answered = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", answered)[1]))  # type: ignore[index]
            writer.close()
            assert [row["body"] for row in rows(simulator)] == ["停", "停"]

    asyncio.run(go())


def test_commands_of_a_mail_may_come_all_at_once_or_byte_by_byte(tmp_path: Path) -> None:
    talk = (
        b"EHLO x\r\nMAIL FROM:<a@x.cn>\r\nRCPT TO:<b@x.cn>\r\nDATA\r\nSubject: s\r\n\r\n..dot\r\nend\r\n.\r\nQUIT\r\n"
    )

    async def go() -> None:
        async with local(tmp_path) as simulator:
            for step in (len(talk), 1):
                reader, writer = await asyncio.open_connection("127.0.0.1", simulator.smtp_port)
                for start in range(0, len(talk), step):
                    writer.write(talk[start : start + step])
                    await asyncio.sleep(0)
                assert (await reader.read(-1)).endswith(b"354 go on\r\n250 2.0.0 OK\r\n221 2.0.0 bye\r\n")
                writer.close()
            assert [row["body"] for row in rows(simulator)] == [".dot\nend"] * 2

    asyncio.run(go())


def test_a_letter_in_strange_dress_is_still_read() -> None:
    raw = (
        b"Subject: =?gb18030?B?1KS+rw==?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=gb18030\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=CD=A3=B2=FA\r\n"
    )

    letter = letters.read(raw)

    assert (letter.subject, letter.text.strip()) == ("预警", "停产")


def command(*words: str, home: Path) -> list[str]:
    return [sys.executable, "-c", "from coordinator.cli import main; main()", "simulator", "--home", str(home), *words]


def test_a_taken_port_is_one_clear_sentence_and_exit_78(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(command("--port", port, home=tmp_path), capture_output=True, text=True, timeout=30)

    assert ended.returncode == 78
    assert port in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    words = command("--port", "0", "--smtp-port", "0", home=tmp_path)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert "收件箱" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, complaints = running.communicate(timeout=30)

    assert (running.returncode, complaints) == (0, "")


def test_the_printed_environment_points_every_channel_here(tmp_path: Path) -> None:
    words = command("--port", "18101", "--smtp-port", "18102", "--print-env", "--json", home=tmp_path)
    printed = json.loads(subprocess.run(words, capture_output=True, text=True, timeout=30, env=dict(os.environ)).stdout)

    assert printed == settings(18101, 18102)
    assert {account.name for module in (sms, email) for account in (*module.accounts(printed), *module.drill_accounts(printed))} == {
        "twilio", "sms_b", "drill_twilio", "smtp", "drill_smtp",
    }  # fmt: skip
