"""How do we talk to a Twilio account, and what does each of its answers mean for a notice?"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException  # type: ignore[import-untyped]
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from yarl import URL

from coordinator.channels import Account, Envelope, GivenBack, Handed, Outcome, Terms, price
from coordinator.errors import Misconfigured, TryLater

REAL = {"twilio": "", "sms_b": "SMS_B_"}
DRILL = {"drill_twilio": "DRILL_"}

PUBLIC_API = "https://api.twilio.com"
CONNECT_S, SLOWEST_S = 3.0, 8.0  # for the connection, for the whole call
NEWEST = 20  # a look-up reads the newest so many and does not filter by date: a queued message has none

BUSY_CODES = {20429, 21611}  # too many requests; our own queue at the carrier is full
# This number or this text, for good: twilio.com/docs/api/errors
REFUSED_CODES = {
    *(21211, 21265, 21266, 21401, 21407, 21408, 21421, 21602, 21610, 21612, 21614, 21617, 21635),
    *(13223, 13224, 13225, 13226, 21214, 21215, 21216, 21217),
}
NUMBER = re.compile(r"(\+?\d{3})\d{4,}(\d{4})")  # the carrier repeats the number it refuses; logs must not
UNASKED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)  # DNS, refused, TLS, no connection in time
UNTOLD = (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, AttributeError, KeyError, ArithmeticError)

logging.getLogger("twilio").setLevel(logging.WARNING)  # at INFO it writes the numbers it looks up


BEGIN: ContextVar[Callable[[], None]] = ContextVar("begin", default=lambda: None)  # `Envelope.begin` of this send


class Form(aiohttp.BytesPayload):
    """A form that asks once more in the instant before its first byte is written, its headers with it.

    Finding a connection takes time, and a process may be paused meanwhile: an earlier question would not hold.
    """

    def __init__(self, octets: bytes, begin: Callable[[], None]) -> None:
        super().__init__(octets, content_type="application/x-www-form-urlencoded")
        self._begin = begin

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self._begin()
        await super().write_with_length(writer, content_length)


class Http(AsyncTwilioHttpClient):  # type: ignore[misc]
    """Twilio's asynchronous client with deadlines, and without retries, redirects or a limit of connections."""

    def __init__(self) -> None:
        super().__init__(pool_connections=False)
        self.session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self.session is None:
            timeout = aiohttp.ClientTimeout(total=SLOWEST_S, connect=CONNECT_S)
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=10)
            self.session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self.session

    async def request(self, method: str, url: str, params: Any = None, data: Any = None, **ask: Any) -> Response:
        """Same contract as the parent's; the form is encoded by yarl's C code: urllib's took a third of each send."""
        headers = {**ask["headers"], "Authorization": aiohttp.encode_basic_auth(*ask["auth"])}
        address = URL(url, encoded=True)
        call = self._opened().request(
            method,
            address.with_query(params) if params else address,
            data=Form(URL.build(query=data).raw_query_string.encode(), BEGIN.get()) if data else None,
            headers=headers,
            allow_redirects=False,
        )
        async with call as answer:
            body = await answer.read()
        return Response(answer.status, body.decode("utf-8", "replace"), answer.headers)


class Dialled(Client):  # type: ignore[misc]
    """Twilio's client, pointed at TWILIO_API_BASE when there is one."""

    def __init__(self, account: Account) -> None:
        super().__init__(account["sid"], account["token"], http_client=Http())
        self._base = account["base"].rstrip("/") or PUBLIC_API

    def get_hostname(self, uri: str) -> str:
        return uri.replace(PUBLIC_API, self._base, 1)


def accounts(environ: Mapping[str, str], prefixes: Mapping[str, str]) -> tuple[Account, ...]:
    """The accounts that are set; one that is set by half is refused by the name of what is missing."""
    found = (_account(environ, name, prefix) for name, prefix in prefixes.items() if _given(environ, prefix))
    return tuple(found)


def _given(environ: Mapping[str, str], prefix: str) -> bool:
    return any(environ.get(f"{prefix}TWILIO_{word}") for word in ("ACCOUNT_SID", "AUTH_TOKEN"))


def _account(environ: Mapping[str, str], name: str, prefix: str) -> Account:
    words = {
        "sid": "ACCOUNT_SID",
        "token": "AUTH_TOKEN",
        "from": "FROM",
        "service": "MESSAGING_SERVICE_SID",
        "base": "API_BASE",
    }
    settings = {key: environ.get(f"{prefix}TWILIO_{word}", "").strip() for key, word in words.items()}
    for key in ("sid", "token"):
        if not settings[key]:
            raise Misconfigured(f"{prefix}TWILIO_{words[key]} 未设置:账号与令牌须同时给出")
    if not (settings["from"] or settings["service"]):
        raise Misconfigured(f"{prefix}TWILIO_FROM 未设置:须给出发送号码,或设置 {prefix}TWILIO_MESSAGING_SERVICE_SID")
    base = urlsplit(settings["base"])
    if settings["base"] and (base.scheme not in ("http", "https") or not base.hostname):
        raise Misconfigured(f"{prefix}TWILIO_API_BASE 应为 scheme://host:port,现为“{settings['base']}”")
    return Account(name, tuple(sorted(settings.items())))


def terms(account: Account, environ: Mapping[str, str]) -> Terms:
    """Of its SMS. Twilio takes no idempotency key for messages; `ValidityPeriod` ends their wait in its queue."""
    prefix = {**REAL, **DRILL}[account.name]
    return Terms(
        provider="twilio", idempotent=False, look_up=True, receipts=True, expires=True, free_text=True, longest=1600,
        price=price(environ, f"{prefix}TWILIO_SEGMENT_PRICE"),
    )  # fmt: skip


def token_of(environ: Mapping[str, str], sid: str) -> str:
    """The token that signs this account's callbacks, or "" when the account isn't ours."""
    known = accounts(environ, {**REAL, **DRILL})
    return next((account["token"] for account in known if account["sid"] == sid), "")


def genuine(token: str, url: str, form: Mapping[str, Any], signature: str) -> bool:
    """Did the holder of ``token`` post ``form`` to ``url``? The URL is the public one, from our own settings."""
    return bool(token) and bool(RequestValidator(token).validate(url, form, signature))


def hook(public_base_url: str, path: str, envelope: Envelope) -> str:
    """The address a carrier calls back about this attempt."""
    about = urlencode({"attempt": envelope.attempt, "k": envelope.callback_key})
    return f"{public_base_url.rstrip('/')}/hooks/twilio/{path}?{about}"


async def handed(call: Awaitable[Any]) -> Handed:
    """Await one create call and say how it ended; only cancelling gets through as an exception."""
    try:
        record = await call
    except (TwilioRestException, TwilioServiceException) as error:
        return _answered(int(error.status), error.code, str(getattr(error, "msg", "") or getattr(error, "title", "")))
    except UNASKED as error:
        return Handed(Outcome.NOT_SENT, code=type(error).__name__, detail=str(error))
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        return Handed(Outcome.MISCONFIGURED, code=type(error).__name__, detail=str(error))
    except (TwilioException, *UNTOLD) as error:
        if isinstance(error.__cause__, GivenBack):
            raise error.__cause__ from None
        return Handed(Outcome.UNCERTAIN, code=type(error).__name__, detail=str(error))
    if not (isinstance(record.sid, str) and record.sid):
        return Handed(Outcome.UNCERTAIN, code="no_sid", detail="运营商答复成功但没有编号")
    return Handed(Outcome.ACCEPTED, reference=record.sid)


def _answered(status: int, code: Any, words: str) -> Handed:
    number = int(code) if str(code).isdigit() else status
    return Handed(_outcome(status, number), code=str(number), detail=NUMBER.sub(r"\1****\2", words))


def _outcome(status: int, code: int) -> Outcome:
    """What a refusal in words means; anything we don't know is ours to mend, not the receiver's number."""
    if status == 429 or code in BUSY_CODES:
        return Outcome.BUSY
    if status >= 500 or status < 300 or status == 408:
        return Outcome.UNCERTAIN
    return Outcome.REFUSED if code in REFUSED_CODES else Outcome.MISCONFIGURED


async def asked(call: Awaitable[Any]) -> Any:
    """Await one read-only call; whatever keeps the carrier from answering is TryLater."""
    try:
        return await asyncio.wait_for(call, SLOWEST_S)
    except (TwilioException, *UNTOLD) as error:
        raise TryLater(f"运营商未能答复查询:{getattr(error, 'status', '') or type(error).__name__}") from error


async def status(context: Any) -> str:
    """The carrier's word for one record, or "" when it surely has no such record."""
    try:
        return str((await asked(context.fetch_async())).status or "")
    except TryLater as error:
        if getattr(error.__cause__, "status", 0) == 404:
            return ""
        raise
