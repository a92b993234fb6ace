"""Mail: taken only with the 250 after DATA, written so that every reader understands it and nobody can add to it."""

import asyncio
import email
import email.policy
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP

from coordinator.channels import Handed, Outcome, mime, smtp_pool
from coordinator.channels import email as mail
from coordinator.errors import Misconfigured, TryLater
from coordinator.simulator.subscribers import settings

from .carriers import Talk, carrier, envelope, environ, local, reopened, rows, send, sent_to, talking, told

SOMEBODY = "zhang.san@example.org"


def read(**wishes: str) -> EmailMessage:
    """What a reader makes of our mail."""
    written = envelope(**({"address": SOMEBODY} | wishes))
    raw = mime.written(written, header_from=mime.sender("联动中心 <a@liandong.example>")[1], at=datetime.now(UTC))
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def speaking(*answers: bytes) -> Talk:
    """A relay that says one thing after each command; an empty one cuts the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[0])
        for answer in answers[1:]:
            line = await reader.readline()
            if answer == b"more":
                await reader.readuntil(b"\r\n.\r\n")
            elif not answer or not line:
                break
            else:
                writer.write(answer)
        writer.close()

    return talk


async def ended(*answers: bytes) -> tuple[Outcome, str]:
    async with talking(speaking(*answers)) as port:
        handed = await sent_to(mail, f"smtp://127.0.0.1:{port}", address=SOMEBODY)
        return handed.outcome, handed.code


def test_a_mail_taken_by_the_relay_is_in_the_ledger_in_its_own_words(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            handed = await send(
                mail, simulator, address=SOMEBODY, subject="【管控通知】橙色预警" * 6, html="<p>停产</p>"
            )

            [row] = rows(simulator)
            assert (handed.outcome, handed.reference) == (Outcome.ACCEPTED, "<7.1@liandong.example>")
            assert (row["account"], row["to"], row["message_id"]) == ("smtp", SOMEBODY, handed.reference)
            assert (row["subject"], row["body"], row["html"]) == (
                "【管控通知】橙色预警" * 6,
                envelope().text,
                "<p>停产</p>",
            )

    asyncio.run(go())


def test_a_strange_relay_reads_the_same_words() -> None:
    class Sink:
        taken: list[bytes] = []  # noqa: RUF012

        async def handle_DATA(self, _server: object, _session: object, taken: object) -> str:  # noqa: N802
            self.taken.append(taken.content)  # type: ignore[attr-defined]
            return "250 kept"

    async def go() -> Handed:
        relay = await asyncio.get_running_loop().create_server(lambda: SMTP(Sink()), "127.0.0.1", 0)
        port = relay.sockets[0].getsockname()[1]
        return await sent_to(mail, f"smtp://who:any@127.0.0.1:{port}", address=SOMEBODY, html="<p>停产</p>")

    handed = asyncio.run(go())

    parsed = email.message_from_bytes(Sink.taken[0], policy=email.policy.default)
    assert handed.outcome is Outcome.ACCEPTED
    assert parsed.get_body(("plain",)).get_content() == envelope().text  # type: ignore[attr-defined]


def test_text_and_html_are_alternatives_and_headers_are_complete() -> None:
    parsed = read(subject="橙色预警:停产50%", html="<p>停产</p>\n", text="第一行\n第二行")

    assert parsed["Subject"] == "橙色预警:停产50%"
    assert parsed["From"] == "联动中心 <a@liandong.example>"
    assert parsed["To"].addresses[0].addr_spec == SOMEBODY
    assert (parsed["Auto-Submitted"], parsed["Message-ID"]) == ("auto-generated", "<7.1@liandong.example>")
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert parsed.get_body(("plain",)).get_content() == "第一行\r\n第二行"  # type: ignore[union-attr]


@pytest.mark.parametrize("subject", ["a" * 300, "橙" * 200, "😜警" * 60, "=?utf-8?B?5qmZ?=", "Orange alert", ""])
def test_a_subject_of_any_length_and_script_is_read_back(subject: str) -> None:
    assert read(subject=subject)["Subject"] == subject


@pytest.mark.parametrize("breaks", ["\r\nBcc: x@evil.example", "\nBcc: x@evil.example", "\r", "\u2028Bcc: x", "\x00"])
def test_nobody_can_add_a_header(breaks: str) -> None:
    parsed = read(subject=f"预警{breaks}", message_id=f"<1@x>{breaks}")

    assert parsed["Bcc"] is None
    assert "\n" not in parsed["Subject"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "zhang",
        "a@b@c",
        "a b@x.cn",
        "a@x.cn\r\nRCPT TO:<b@x.cn>",
        "a@x..cn",
        "a@x.cn>",
        "张三@x.cn",
        "a@",
        "@x.cn",
        "a@-",
    ],
)
def test_an_address_that_cannot_be_mailed_to_is_refused_before_anything_is_said(address: str) -> None:
    handed = asyncio.run(sent_to(mail, "smtp://127.0.0.1:1", address=address))

    assert (handed.outcome, handed.code) == (Outcome.REFUSED, "553")


def test_a_chinese_domain_goes_out_in_its_ascii_form() -> None:
    assert mime.mailbox("zhang@例子.中国") == "zhang@xn--fsqu00a.xn--fiqs8s"


def test_a_bad_address_in_the_middle_keeps_nobody_else_from_their_mail(tmp_path: Path) -> None:
    addresses = ["a@x.cn", "nobody@x.cn", "later@x.cn", "not an address", "b@x.cn"]

    async def go() -> Sequence[tuple[Outcome, str]]:
        async with local(tmp_path) as simulator, carrier(mail, mail.accounts(environ(simulator))[0]) as opened:
            endings = [await opened.send(envelope(address=address)) for address in addresses]
            assert [row["to"] for row in rows(simulator)] == ["a@x.cn", "b@x.cn"]
            return [(handed.outcome, handed.code) for handed in endings]

    assert asyncio.run(go()) == [
        (Outcome.ACCEPTED, "250"),
        (Outcome.REFUSED, "550"),
        (Outcome.LATER, "450"),
        (Outcome.REFUSED, "553"),
        (Outcome.ACCEPTED, "250"),
    ]


EHLO = b"250 relay\r\n"
OK = b"250 ok\r\n"
GO = b"354 go\r\n"


ABLE = b"250-relay\r\n250 PIPELINING\r\n"


@pytest.mark.parametrize(
    ("answers", "outcome", "code"),
    [
        ((b"220 hi\r\n", ABLE, OK, OK, GO, b"more"), Outcome.UNCERTAIN, "cut"),
        ((b"220 hi\r\n", ABLE, OK, OK, b""), Outcome.NOT_SENT, "stale"),
        ((b"220 hi\r\n", ABLE, OK, b"550 who?\r\n", b"503 nobody\r\n", OK), Outcome.REFUSED, "550"),
        ((b"220 hi\r\n", ABLE, b"550 not you\r\n", b"503 no\r\n", b"503 no\r\n", OK), Outcome.MISCONFIGURED, "550"),
        ((b"220 hi\r\n", ABLE, OK, b"550 who?\r\n", GO), Outcome.REFUSED, "550"),
        ((b"220 hi\r\n", ABLE, OK + OK + GO, b"", b""), Outcome.UNCERTAIN, "cut"),
        ((b"421 busy\r\n",), Outcome.BUSY, "421"),
        ((b"554 go away\r\n",), Outcome.MISCONFIGURED, "554"),
        ((b"220 hi\r\n", b""), Outcome.NOT_SENT, "stale"),
        ((b"220 hi\r\n", EHLO, b"530 sign in\r\n", OK), Outcome.MISCONFIGURED, "530"),
        ((b"220 hi\r\n", EHLO, b"550 not this sender\r\n", OK), Outcome.MISCONFIGURED, "550"),
        ((b"220 hi\r\n", EHLO, b""), Outcome.NOT_SENT, "stale"),
        ((b"220 hi\r\n", EHLO, OK, b"550 who?\r\n", OK), Outcome.REFUSED, "550"),
        ((b"220 hi\r\n", EHLO, OK, b"450 greylisted\r\n", OK), Outcome.LATER, "450"),
        ((b"220 hi\r\n", EHLO, OK, b"421 closing\r\n"), Outcome.BUSY, "421"),
        ((b"220 hi\r\n", EHLO, OK, OK, b"452 full\r\n", OK), Outcome.BUSY, "452"),
        ((b"220 hi\r\n", EHLO, OK, OK, b"554 no mail here\r\n", OK), Outcome.REFUSED, "554"),
        ((b"220 hi\r\n", EHLO, OK, OK, b""), Outcome.NOT_SENT, "stale"),
        ((b"220 hi\r\n", EHLO, OK, OK, OK, OK), Outcome.NOT_SENT, "250"),
        ((b"220 hi\r\n", EHLO, OK, b"550 who?\r\n", b""), Outcome.REFUSED, "550"),
        ((b"220 hi\r\n", ABLE, b"421 closing\r\n", b""), Outcome.BUSY, "421"),
        ((b"220 hi\r\n", EHLO, OK, OK, GO, b"more"), Outcome.UNCERTAIN, "cut"),
    ],
)
def test_only_the_last_250_is_a_yes(answers: tuple[bytes, ...], outcome: Outcome, code: str) -> None:
    assert asyncio.run(ended(*answers)) == (outcome, code)


def test_a_relay_that_is_not_there_was_told_nothing() -> None:
    assert asyncio.run(sent_to(mail, "smtp://127.0.0.1:1", address=SOMEBODY)).outcome is Outcome.NOT_SENT


def test_a_relay_that_falls_silent_before_the_mail_was_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def go() -> None:
        async with talking(silent) as port:
            handed = await sent_to(mail, f"smtp://127.0.0.1:{port}", address=SOMEBODY)
            assert handed.outcome is Outcome.NOT_SENT

    monkeypatch.setattr(mail, "OPENING_S", 0.2)
    asyncio.run(go())


@pytest.mark.parametrize("fault", ["rate_cut", "rate_broken"])
def test_a_mail_taken_but_not_confirmed_is_uncertain(tmp_path: Path, fault: str) -> None:
    async def go() -> None:
        async with local(tmp_path, **{fault: 1.0}) as simulator:
            assert (await send(mail, simulator, address=SOMEBODY)).outcome is Outcome.UNCERTAIN
            assert [row["to"] for row in rows(simulator)] == [SOMEBODY]

    asyncio.run(go())


def test_a_connection_that_the_relay_closed_in_the_meantime_is_replaced(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator, carrier(mail, mail.accounts(environ(simulator))[0]) as opened:
            await opened.send(envelope(address=SOMEBODY))
            await told(simulator, "/faults", {"refuse_s": 0.1})
            await reopened(simulator)
            assert (await opened.send(envelope(address=SOMEBODY))).outcome is Outcome.ACCEPTED
            assert len(rows(simulator)) == 2

    asyncio.run(go())


def test_many_mails_share_few_connections_and_all_arrive(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator, carrier(mail, mail.accounts(environ(simulator))[0]) as opened:
            await asyncio.gather(*(opened.send(envelope(address=f"u{n}@example.org")) for n in range(200)))
            assert {row["to"] for row in rows(simulator)} == {f"u{n}@example.org" for n in range(200)}
            assert len(opened._pool) <= smtp_pool.CONNECTIONS

    asyncio.run(go())


def test_drill_mail_goes_by_its_own_account(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            async with carrier(mail, mail.drill_accounts(environ(simulator))[0]) as opened:
                await opened.send(envelope(address=SOMEBODY))
            assert [row["account"] for row in rows(simulator)] == ["drill_smtp"]

    asyncio.run(go())


def test_mail_cannot_be_looked_up_and_says_so() -> None:
    async def go() -> None:
        async with carrier(mail, mail.accounts(settings(1, 1))[0]) as opened:
            with pytest.raises(TryLater):
                await opened.look_up(SOMEBODY, "#ABCD2345")

    asyncio.run(go())


@pytest.mark.parametrize("url", ["http://x:25", "smtp://", "smtp://x:port", "127.0.0.1:25"])
def test_an_unusable_relay_address_is_refused_by_name(url: str) -> None:
    with pytest.raises(Misconfigured, match="DRILL_SMTP_URL"):
        mail.drill_accounts({"DRILL_SMTP_URL": url, "DRILL_MAIL_FROM": "a@x.cn"})


def test_mail_without_a_sender_is_refused_by_name() -> None:
    with pytest.raises(Misconfigured, match="MAIL_FROM"):
        mail.accounts({"SMTP_URL": "smtp://127.0.0.1:25"})
    assert mail.accounts({}) == ()
