"""Mail 邮件 through an SMTP relay: one envelope for each receiver, taken only with the 250 after DATA."""

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import aiosmtplib

from coordinator import clock
from coordinator.channels import Account, Envelope, Handed, Outcome, Terms, mime, smtp_pool
from coordinator.channels.smtp_wire import Cut, Reply
from coordinator.errors import Misconfigured, Refusal, TryLater

KIND = "email"
LOOK_UP = False
RECEIPTS = False
BEGINS = True  # with the text, after the relay's 354: what was not begun was surely not taken

STATUS: dict[str, str] = {}  # a relay says nothing after its 250
RANK = {"accepted": 0, "sent": 1, "delivered": 2, "undelivered": 2, "failed": 2}

OPENING_S = 5.0  # find a connection, greet, sign in, name the receiver: nothing is sent so far
DATA_S = 8.0
SLOWEST_S = OPENING_S + DATA_S
TEXTS = 8  # at the relay without its 250 at any moment: as many may be repeated when this process is killed
GO_ON, TAKEN = 354, 250
STALE = "stale"
NOT_YET = frozenset({450, 451})  # said of one receiver: its mailbox is busy or greylists us
WAITS_S = (60.0, 300.0, 900.0, 3600.0)  # a greylist forgives whoever comes back after minutes; sooner counts against us
OUR_FAULT = {530, 534, 535, 538}  # sign-in missing, too weak or refused


def accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return _accounts(environ, "smtp", "")


def drill_accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return _accounts(environ, "drill_smtp", "DRILL_")


def terms(account: Account) -> Terms:
    return Terms(
        provider="smtp", idempotent=False, look_up=LOOK_UP, receipts=RECEIPTS, expires=False, free_text=True
    )  # fmt: skip


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
        self._texts = asyncio.Semaphore(TEXTS)
        self._pool = smtp_pool.Pool(relay, f"[{greeting}]" if literal else greeting)
        self._box, self._header_from = mime.sender(account["from"])

    async def send(self, envelope: Envelope) -> Handed:
        receiver = mime.mailbox(envelope.address)
        if not receiver:
            return Handed(Outcome.REFUSED, code="553", detail="邮箱地址无法投递")
        mail = mime.written(envelope, header_from=self._header_from, at=clock.now())
        ended = await self._tried(receiver, mail, envelope.begin)
        if ended.code == STALE:  # the relay had closed an idle connection: nothing was taken, so once more
            ended = await self._tried(receiver, mail, envelope.begin)
        accepted = ended.outcome is Outcome.ACCEPTED
        return Handed(ended.outcome, envelope.message_id if accepted else "", ended.code, ended.detail)

    async def _tried(self, receiver: str, mail: bytes, begin: Callable[[], None]) -> Handed:
        untold = Outcome.NOT_SENT
        try:
            async with asyncio.timeout(OPENING_S) as deadline, self._pool.borrowed() as wire:
                reply = await wire.address(self._box, receiver)
                if reply.code != GO_ON or reply.verb != "DATA":
                    return _replied(reply)
                deadline.reschedule(asyncio.get_running_loop().time() + DATA_S)
                async with self._texts:
                    begin()
                    untold = Outcome.UNCERTAIN
                    return _replied(await wire.write(mail))
        except aiosmtplib.SMTPResponseException as error:
            return _replied(Reply("greeting", error.code, error.message))
        except (Cut, aiosmtplib.SMTPServerDisconnected) as error:
            return Handed(untold, code=STALE if untold is Outcome.NOT_SENT else "cut", detail=str(error))
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            return Handed(untold, code=type(error).__name__, detail=str(error))

    async def look_up(self, address: str, marker: str) -> str:
        raise TryLater("邮件中继不能查询")

    async def status(self, reference: str) -> str:
        raise TryLater("邮件中继不能查询")

    async def close(self) -> None:
        self._pool.close()


def _replied(reply: Reply) -> Handed:
    """What the relay's last word means: the 250 to the text is the only yes."""
    if reply.verb == "text" and reply.code == TAKEN:
        outcome = Outcome.ACCEPTED
    elif reply.verb == "RCPT" and reply.code in NOT_YET:
        outcome = Outcome.LATER
    elif 400 <= reply.code < 500:
        outcome = Outcome.BUSY
    elif 500 <= reply.code < 600:
        ours = reply.verb in ("greeting", "MAIL") or reply.code in OUR_FAULT
        outcome = Outcome.MISCONFIGURED if ours else Outcome.REFUSED
    else:
        outcome = Outcome.UNCERTAIN if reply.verb == "text" else Outcome.NOT_SENT
    return Handed(outcome, code=str(reply.code), detail=f"{reply.verb}: {reply.words}")
