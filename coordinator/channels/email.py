"""Mail 邮件 through an SMTP relay: one envelope for each receiver, taken only with the 250 after DATA."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiosmtplib

from coordinator import clock
from coordinator.channels import Account, Envelope, Handed, Outcome, mime, smtp_pool
from coordinator.errors import Misconfigured, Refusal, TryLater

KIND = "email"
LOOK_UP = False
RECEIPTS = False

STATUS: dict[str, str] = {}  # a relay says nothing after its 250
RANK = {"accepted": 0, "sent": 1, "delivered": 2, "undelivered": 2, "failed": 2}

OPENING_S = 5.0  # find a connection, greet, sign in, name the receiver: nothing is sent so far
DATA_S = 8.0
SLOWEST_S = OPENING_S + DATA_S
OUR_FAULT = {530, 534, 535, 538}  # sign-in missing, too weak or refused


def accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return _accounts(environ, "smtp", "")


def drill_accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return _accounts(environ, "drill_smtp", "DRILL_")


def _accounts(environ: Mapping[str, str], name: str, prefix: str) -> tuple[Account, ...]:
    url, mail_from = environ.get(f"{prefix}SMTP_URL", "").strip(), environ.get(f"{prefix}MAIL_FROM", "").strip()
    if not url:
        return ()
    smtp_pool.address(url, f"{prefix}SMTP_URL")
    if not mime.sender(mail_from)[0]:
        raise Misconfigured(f"{prefix}MAIL_FROM 应为发件邮箱地址,例如 联动 <liandong@example.org>")
    return (Account(name, (("from", mail_from), ("url", url))),)


def receipt(form: Mapping[str, str]) -> tuple[str, str]:
    raise Refusal("邮件没有运营商回执")


class Carrier:
    """One relay, one event loop."""

    def __init__(self, account: Account, public_base_url: str) -> None:
        greeting = urlsplit(public_base_url).hostname or "localhost"
        literal = greeting.replace(".", "").isdigit()
        relay = smtp_pool.address(account["url"], "SMTP_URL")
        self._pool = smtp_pool.Pool(relay, f"[{greeting}]" if literal else greeting)
        self._box, self._header_from = mime.sender(account["from"])

    async def send(self, envelope: Envelope) -> Handed:
        receiver = mime.mailbox(envelope.address)
        if not receiver:
            return Handed(Outcome.REFUSED, code="553", detail="邮箱地址无法投递")
        mail = mime.written(envelope, header_from=self._header_from, at=clock.now())
        ended = await self._tried(receiver, mail)
        if ended.code == "stale":  # the relay had closed an idle connection: nothing was said yet, so once more
            ended = await self._tried(receiver, mail)
        accepted = ended.outcome is Outcome.ACCEPTED
        return Handed(ended.outcome, envelope.message_id if accepted else "", ended.code, ended.detail)

    async def _tried(self, receiver: str, mail: bytes) -> Handed:
        stage = [Outcome.NOT_SENT]
        try:
            async with asyncio.timeout(OPENING_S) as deadline, self._pool.borrowed() as connection:
                refused = await self._named(connection, receiver)
                if refused:
                    return refused
                stage[0] = Outcome.UNCERTAIN
                deadline.reschedule(asyncio.get_running_loop().time() + DATA_S)
                return await _written(connection, mail)
        except aiosmtplib.SMTPResponseException as error:  # greeting or sign-in
            return _replied(error.code, error.message, refused=Outcome.MISCONFIGURED)
        except aiosmtplib.SMTPServerDisconnected as error:
            fresh = stage[0] is Outcome.UNCERTAIN
            return Handed(stage[0], code="cut" if fresh else "stale", detail=str(error))
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            return Handed(stage[0], code=type(error).__name__, detail=str(error))

    async def _named(self, connection: aiosmtplib.SMTP, receiver: str) -> Handed | None:
        """MAIL and RCPT; the refusal, if there is one."""
        for verb, words, refused in (
            (b"MAIL", f"FROM:<{self._box}>", Outcome.MISCONFIGURED),
            (b"RCPT", f"TO:<{receiver}>", Outcome.REFUSED),
        ):
            reply = await connection.execute_command(verb, words.encode())
            if reply.code not in (250, 251):
                return await _reset(connection, _replied(reply.code, reply.message, refused=refused))
        return None

    async def look_up(self, address: str, marker: str) -> str:
        raise TryLater("邮件中继不能查询")

    async def status(self, reference: str) -> str:
        raise TryLater("邮件中继不能查询")

    async def close(self) -> None:
        await self._pool.close()


async def _written(connection: aiosmtplib.SMTP, mail: bytes) -> Handed:
    try:
        reply = await connection.data(mail, timeout=DATA_S)
    except aiosmtplib.SMTPDataError as error:
        return await _reset(connection, _replied(error.code, error.message, refused=Outcome.REFUSED))
    return Handed(Outcome.ACCEPTED, code=str(reply.code), detail=reply.message)


async def _reset(connection: aiosmtplib.SMTP, ended: Handed) -> Handed:
    """Make the connection ready for the next mail, or close it; either way this one has ended."""
    try:
        if ended.code == "421":
            connection.close()
        else:
            await connection.rset()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        connection.close()
    return ended


def _replied(code: int, words: str, *, refused: Outcome) -> Handed:
    if 400 <= code < 500:
        return Handed(Outcome.BUSY, code=str(code), detail=words)
    if code in OUR_FAULT:
        return Handed(Outcome.MISCONFIGURED, code=str(code), detail=words)
    if 500 <= code < 600:
        return Handed(refused, code=str(code), detail=words)
    return Handed(Outcome.UNCERTAIN, code=str(code), detail=words)
