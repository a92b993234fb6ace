"""Chat groups 企业微信, 钉钉, 飞书 by their group robots: pages to a duty desk's group.

Written by hand, five lines a robot: apprise takes HTTP 200 with ``errcode`` 93000 (no such robot) for sent, and tells
refused, timed out and cut off by one word. A page that reached no group would stand in the books as accepted.
"""

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlsplit

import aiohttp

from coordinator import clock
from coordinator.channels import Account, Envelope, Handed, Outcome, Terms, desks
from coordinator.errors import Misconfigured, Refusal, TryLater

KIND = "chat"
LOOK_UP = False
RECEIPTS = False

STATUS: dict[str, str] = {}
RANK = {"accepted": 0, "sent": 1, "delivered": 2, "undelivered": 2, "failed": 2}

CONNECT_S, SLOWEST_S = 3.0, 8.0
LONGEST_BYTES = 2048  # 企业微信 text.content; the others take more
ROBOTS = {"qyapi.weixin.qq.com": "wecom", "oapi.dingtalk.com": "dingtalk", "open.feishu.cn": "feishu"}
# Too many in a minute: 企业微信 45009, 钉钉 130101 and 660026, 飞书 11232 and 99991400. System busy: -1.
BUSY_CODES = {45009, 130101, 660026, 11232, 99991400}
UNCERTAIN_CODES = {-1, -2}


def accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return _accounts(environ, "chat", "")


def drill_accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return _accounts(environ, "drill_chat", "DRILL_")


def _accounts(environ: Mapping[str, str], name: str, prefix: str) -> tuple[Account, ...]:
    """One account for all groups; a notice's address is the group's name, because the robot's key is in its URL."""
    groups = desks.listed(environ, f"{prefix}DUTY_CHAT_URLS")
    if not groups:
        return ()
    for group, url in groups.items():
        if not robot(url):
            raise Misconfigured(f"{prefix}DUTY_CHAT_URLS: “{group}”应为企业微信、钉钉或飞书群机器人的 https 网址")
    base = environ.get("CHAT_API_BASE", "").strip()
    return (Account(name, (*sorted((f"group:{group}", url) for group, url in groups.items()), ("base", base))),)


def robot(url: str) -> str:
    """wecom, dingtalk, feishu, or "" for anything else."""
    parts = urlsplit(url)
    return ROBOTS.get(parts.hostname or "", "") if parts.scheme == "https" and parts.username is None else ""


def terms(account: Account) -> Terms:
    kinds = sorted({robot(url) for name, url in account.settings if name.startswith("group:")})
    return Terms(
        provider="、".join(kinds), idempotent=False, look_up=LOOK_UP, receipts=RECEIPTS, expires=False, free_text=True,
        longest=LONGEST_BYTES // 3,
    )  # fmt: skip


def receipt(form: Mapping[str, str]) -> tuple[str, str]:
    raise Refusal("群机器人没有回执")


def error_code(form: Mapping[str, str]) -> str:
    return ""


def written(url: str, text: str, at_s: int) -> tuple[str, dict[str, Any]]:
    """Where to post and what, signed when the URL carries the robot's secret after ``#``."""
    address, _, secret = url.partition("#")
    kind = robot(url)
    if kind == "wecom":
        return address, {"msgtype": "text", "text": {"content": text}}
    if kind == "dingtalk":
        if secret:
            sign = quote_plus(_sealed(secret, f"{at_s * 1000}\n{secret}"))
            address = f"{address}&timestamp={at_s * 1000}&sign={sign}"
        return address, {"msgtype": "text", "text": {"content": text}}
    sealed = {"timestamp": str(at_s), "sign": _sealed(f"{at_s}\n{secret}", "")} if secret else {}
    return address, {**sealed, "msg_type": "text", "content": {"text": text}}


def _sealed(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()


class Carrier:
    """All groups, one event loop."""

    def __init__(self, account: Account, public_base_url: str) -> None:
        self._groups = {name.removeprefix("group:"): url for name, url in account.settings if name.startswith("group:")}
        self._base = account["base"].rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=SLOWEST_S, connect=CONNECT_S), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def send(self, envelope: Envelope) -> Handed:
        url = self._groups.get(envelope.address)
        if url is None:
            return Handed(Outcome.REFUSED, code="no_group", detail=f"DUTY_CHAT_URLS 里没有“{envelope.address}”")
        address, content = written(url, envelope.text, int(clock.wall()))
        parts = urlsplit(address)
        if self._base:
            address = address.replace(f"{parts.scheme}://{parts.netloc}", self._base, 1)
        try:
            async with self._opened().post(address, json=content, allow_redirects=False) as answer:
                return _answered(answer.status, await answer.read(), reference=envelope.message_id.strip("<>"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Handed(Outcome.NOT_SENT, code=type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Handed(Outcome.UNCERTAIN, code=type(error).__name__)

    async def look_up(self, address: str, marker: str) -> str:
        raise TryLater("群机器人不能查询")

    async def status(self, reference: str) -> str:
        raise TryLater("群机器人不能查询")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _answered(status: int, body: bytes, *, reference: str) -> Handed:
    """``errcode`` (企业微信, 钉钉) or ``code`` (飞书); robots give no receipt id, so ours stands for it."""
    if status in (429, 503):
        return Handed(Outcome.BUSY, code=str(status))
    if status != 200:
        return Handed(Outcome.UNCERTAIN if status >= 500 else Outcome.REFUSED, code=str(status))
    try:
        said = json.loads(body)
        code = int(said["errcode"] if "errcode" in said else said["code"])
    except (ValueError, KeyError, TypeError) as error:
        return Handed(Outcome.UNCERTAIN, code=type(error).__name__, detail="群机器人的答复看不懂")
    if code == 0:
        return Handed(Outcome.ACCEPTED, reference=reference)
    outcome = Outcome.BUSY if code in BUSY_CODES else Outcome.UNCERTAIN if code in UNCERTAIN_CODES else Outcome.REFUSED
    return Handed(outcome, code=str(code), detail=str(said.get("errmsg") or said.get("msg") or "")[:200])
