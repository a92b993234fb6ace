"""Signed webhooks: a duty desk's own system takes a page as JSON.

Signed as standardwebhooks.com asks (``webhook-id``, ``webhook-timestamp``, ``webhook-signature: v1,…`` over id, time and
body); ``Idempotency-Key`` is the notice's and the same over all attempts, so a receiver takes a notice once. Only hosts
that are listed are written to, over https in production, to a public address unless the host is listed as an inner one;
no redirect is followed.
"""

import base64
import hmac
import ipaddress
import json
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from coordinator import clock
from coordinator.channels import Account, Envelope, Handed, Outcome, Terms, desks
from coordinator.errors import Misconfigured, Refusal, TryLater

KIND = "webhook"
LOOK_UP = False  # sent again with the same key instead
RECEIPTS = False

STATUS: dict[str, str] = {}
RANK = {"accepted": 0, "sent": 1, "delivered": 2, "undelivered": 2, "failed": 2}

CONNECT_S, SLOWEST_S = 3.0, 8.0
SHORTEST_SECRET = 32
NAMES = ("SECRET", "HOSTS", "INNER_HOSTS")


def accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return _accounts(environ, "webhook", "")


def drill_accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return _accounts(environ, "drill_webhook", "DRILL_")


def _accounts(environ: Mapping[str, str], name: str, prefix: str) -> tuple[Account, ...]:
    """The account, when some desk has a webhook; a desk whose host isn't listed is refused at the start."""
    listed = [desk for desk in desks.read(environ, prefix) if desk.channel == KIND]
    given = {word: environ.get(f"{prefix}WEBHOOK_{word}", "").strip() for word in NAMES}
    if not listed and not any(given.values()):
        return ()
    for wrong, named, mend in (
        (not listed, "DUTY_WEBHOOK_URLS", "未设置;写作 名称=https://…,多个以逗号分开"),
        (
            len(given["SECRET"].encode()) < SHORTEST_SECRET,
            "WEBHOOK_SECRET",
            f"缺失或不足 {SHORTEST_SECRET} 字节,无法签名",
        ),
        (not (given["HOSTS"] or given["INNER_HOSTS"]), "WEBHOOK_HOSTS", "未设置;列出允许的主机名,以逗号分开"),
    ):
        if wrong:
            raise Misconfigured(f"{prefix}{named}: {mend}")
    strict = environ.get("LIANDONG_ENV") == "production"
    settings = (("hosts", given["HOSTS"]), ("inner", given["INNER_HOSTS"]), ("secret", given["SECRET"]))
    account = Account(name, (*settings, ("strict", "yes" if strict else "")))
    for desk in listed:
        if why := refused(account, desk.address):
            raise Misconfigured(f"{prefix}DUTY_WEBHOOK_URLS: {desk.name}:{why}")
    return (account,)


def terms(account: Account) -> Terms:
    return Terms(
        provider=KIND, idempotent=True, look_up=LOOK_UP, receipts=RECEIPTS, expires=False, free_text=True
    )  # fmt: skip


def receipt(form: Mapping[str, str]) -> tuple[str, str]:
    raise Refusal("webhook 没有回执")


def error_code(form: Mapping[str, str]) -> str:
    return ""


def refused(account: Account, address: str) -> str:
    """Why nothing may be posted to ``address``, or ""."""
    try:
        url = urlsplit(address)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return "不是网址"
    if url.scheme not in ("http", "https") or not host or url.username is not None:
        return "应为不带口令的 https 网址"
    if account["strict"] and url.scheme != "https":
        return "生产环境只用 https"
    if host not in _hosts(account["hosts"]) | _hosts(account["inner"]):
        return f"主机 {host} 不在 WEBHOOK_HOSTS 里"
    literal = _literal(host)
    return (
        f"{host} 不是公网地址;内网主机请列入 WEBHOOK_INNER_HOSTS"
        if literal and not _may(account, host, literal)
        else ""
    )


def _hosts(listed: str) -> frozenset[str]:
    return frozenset(host.strip().lower() for host in listed.split(",") if host.strip())


def _literal(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def _may(account: Account, host: str, ip: str) -> bool:
    """May a connection to ``host`` go to this address? Inner hosts may be anywhere; others in production are public."""
    return not account["strict"] or host in _hosts(account["inner"]) or ipaddress.ip_address(ip).is_global


class NotPublic(OSError):
    """A listed host's name leads to an inner address."""


class Public(AbstractResolver):
    """Looks a name up once and hands on only addresses that may be connected to, so nothing can change in between."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [each for each in found if _may(self._account, host.lower(), each["host"])]
        if found and not allowed:
            raise NotPublic(f"{host} 指向内网地址")
        return allowed

    async def close(self) -> None:
        await self._inner.close()


def signature(secret: str, key: str, at: str, body: bytes) -> str:
    """What stands in ``webhook-signature``; ``at`` is Unix seconds as text."""
    signed = hmac.digest(secret.encode(), f"{key}.{at}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(signed).decode()


class Carrier:
    """One account, one event loop."""

    def __init__(self, account: Account, public_base_url: str) -> None:
        self._account = account
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=Public(self._account), limit=64),
                timeout=aiohttp.ClientTimeout(total=SLOWEST_S, connect=CONNECT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def send(self, envelope: Envelope) -> Handed:
        if why := refused(self._account, envelope.address):
            return Handed(Outcome.REFUSED, code="not_allowed", detail=why)
        key, at = envelope.message_id.strip("<>"), str(int(clock.wall()))
        body = json.dumps(
            {"id": key, "text": envelope.text, "valid_s": envelope.valid_s}, ensure_ascii=False
        ).encode()  # fmt: skip
        headers = {
            "Content-Type": "application/json", "User-Agent": "liandong", "Idempotency-Key": key, "webhook-id": key,
            "webhook-timestamp": at, "webhook-signature": signature(self._account["secret"], key, at, body),
        }  # fmt: skip
        try:
            async with self._opened().post(
                envelope.address, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return _answered(answer.status, key)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, NotPublic):
                return Handed(Outcome.REFUSED, code="not_public", detail=str(error.os_error))
            return Handed(Outcome.NOT_SENT, code=type(error).__name__, detail=str(error))
        except aiohttp.ConnectionTimeoutError as error:
            return Handed(Outcome.NOT_SENT, code=type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Handed(Outcome.UNCERTAIN, code=type(error).__name__, detail=str(error))

    async def look_up(self, address: str, marker: str) -> str:
        raise TryLater("接收方不能查询")

    async def status(self, reference: str) -> str:
        raise TryLater("接收方不能查询")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _answered(status: int, key: str) -> Handed:
    """A receiver that refuses is that receiver's matter: the account goes on serving the others."""
    if 200 <= status < 300:
        return Handed(Outcome.ACCEPTED, reference=key)
    if status in (429, 503):
        return Handed(Outcome.BUSY, code=str(status))
    outcome = Outcome.UNCERTAIN if status >= 500 or status == 408 else Outcome.REFUSED
    return Handed(outcome, code=str(status), detail="接收方要求转向别处,不跟随" if 300 <= status < 400 else "")
