"""Chat groups and a duty desk's own system, local: the three robots' answers, and a webhook receiver that checks."""

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web

from coordinator import clock
from coordinator.channels import webhook
from coordinator.simulator.faults import Weather
from coordinator.simulator.ledger import Ledger, Row, marker

SECRET = "SECsample-not-a-secret"  # noqa: S105 - of every local robot that is called with a signature
WEBHOOK_SECRET = "sample-webhook-secret-not-a-secret"  # noqa: S105
PATIENCE_S = 300  # a signature is good for so long
TAKEN = {"wecom": {"errcode": 0, "errmsg": "ok"}, "dingtalk": {"errcode": 0, "errmsg": "ok"},
         "feishu": {"code": 0, "msg": "success", "data": {}}}  # fmt: skip
GONE = {"wecom": (93000, "invalid webhook url"), "dingtalk": (300001, "token is not exist"),
        "feishu": (19001, "param invalid: incoming webhook access token invalid")}  # fmt: skip
BUSY = {"wecom": (45009, "api freq out of limit"), "dingtalk": (130101, "send too fast"),
        "feishu": (11232, "frequency limited psm")}  # fmt: skip
FORGED = {
    "dingtalk": (310000, "sign not match"),
    "feishu": (19021, "sign match fail or timestamp is not within one hour"),
}


class Groups:
    """A robot's key is its group: ``gone…`` is no robot any more, ``busy…`` had too many texts this minute."""

    def __init__(self, environ: Mapping[str, str], ledger: Ledger, weather: Weather) -> None:
        self._ledger, self._weather = ledger, weather
        self._webhook_secrets = [
            environ.get(f"{prefix}WEBHOOK_SECRET") or f"{prefix.lower()}{WEBHOOK_SECRET}" for prefix in ("", "DRILL_")
        ]
        self._seen: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/cgi-bin/webhook/send", self.wecom),
            web.post("/robot/send", self.dingtalk),
            web.post("/open-apis/bot/v2/hook/{key}", self.feishu),
            web.post("/duty-desk/{key}", self.desk),
        ]

    async def wecom(self, request: web.Request) -> web.Response:
        said = await request.json()
        return await self._take("wecom", request.query.get("key", ""), said.get("text", {}).get("content", ""))

    async def dingtalk(self, request: web.Request) -> web.Response:
        said, at, sign = await request.json(), request.query.get("timestamp", ""), request.query.get("sign", "")
        if sign and sign != _sealed(SECRET, f"{at}\n{SECRET}"):
            return _refusal("dingtalk", FORGED["dingtalk"])
        return await self._take(
            "dingtalk", request.query.get("access_token", ""), said.get("text", {}).get("content", "")
        )

    async def feishu(self, request: web.Request) -> web.Response:
        said = await request.json()
        if "sign" in said and said["sign"] != _sealed(f"{said.get('timestamp')}\n{SECRET}", ""):
            return _refusal("feishu", FORGED["feishu"])
        return await self._take("feishu", request.match_info["key"], said.get("content", {}).get("text", ""))

    async def _take(self, robot: str, key: str, text: str) -> web.Response:
        if not key or key.startswith("gone"):
            return _refusal(robot, GONE[robot])
        struck = self._weather.of("chat").struck()
        if key.startswith("busy") or struck == "rate_429":
            return _refusal(robot, BUSY[robot])
        await self._ledger.append(_row("chat", f"{robot}:{key}", text))
        return web.json_response(TAKEN[robot])

    async def desk(self, request: web.Request) -> web.Response:
        """``/duty-desk/429`` answers so; anything else is checked, and taken once for each key."""
        body, asked = await request.read(), request.match_info["key"]
        if asked.isdecimal():
            return web.Response(status=int(asked), headers={"Location": "/healthz"})
        key, at = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        said = request.headers.get("webhook-signature", "")
        rights = [webhook.signature(secret, key, at, body) for secret in self._webhook_secrets]
        fresh = at.isdecimal() and abs(clock.wall() - int(at)) < PATIENCE_S
        if not fresh or not any(hmac.compare_digest(said, right) for right in rights):
            return web.json_response({"error": "signature"}, status=401)
        if request.headers.get("Idempotency-Key", "") not in self._seen:
            self._seen.add(key)
            await self._ledger.append(_row("webhook", asked, json.loads(body)["text"]))
        if self._weather.of("webhook").struck() == "rate_cut" and request.transport is not None:
            request.transport.abort()
        return web.json_response({"ok": True})


def _row(channel: str, to: str, text: str) -> Row:
    return {
        "channel": channel, "account": channel, "to": to, "from": "liandong", "body": text, "sid": "",
        "marker": marker(text),
    }  # fmt: skip


def _refusal(robot: str, said: tuple[int, str]) -> web.Response:
    names: dict[str, Any] = {"feishu": ("code", "msg")}
    code, words = names.get(robot, ("errcode", "errmsg"))
    return web.json_response({code: said[0], words: said[1]})


def _sealed(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()


def settings(port: int) -> dict[str, str]:
    """The environment with one group of each kind and one desk that takes webhooks, all here."""
    base = f"http://127.0.0.1:{port}"
    groups = {
        "企业微信群": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=duty",
        "钉钉群": f"https://oapi.dingtalk.com/robot/send?access_token=duty#{SECRET}",
        "飞书群": f"https://open.feishu.cn/open-apis/bot/v2/hook/duty#{SECRET}",
    }
    return {
        "DUTY_CHAT_URLS": ",".join(f"{name}={url}" for name, url in groups.items()),
        "CHAT_API_BASE": base,
        "DUTY_WEBHOOK_URLS": f"指挥平台={base}/duty-desk/{quote('platform')}",
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "WEBHOOK_HOSTS": "127.0.0.1",
    }
