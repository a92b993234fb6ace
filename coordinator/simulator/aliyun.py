"""阿里云短信, local: the domestic carrier's API as its official SDK speaks it, in the same ledger as everything else.

Signatures (ACS3-HMAC-SHA256) are checked, templates are those that were registered: the file the program itself is
pointed at. Numbers 190000xxxxx meet the answer their last digits name, as at the other carrier.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

from coordinator import clock
from coordinator.channels import aliyun_account, registered
from coordinator.simulator.faults import Weather
from coordinator.simulator.ledger import Ledger, Row
from coordinator.simulator.lives import Lives

logger = logging.getLogger(__name__)
NAME = aliyun_account.NAME
SAMPLE = {
    "ACCESS_KEY_ID": "LTAIsamplealiyun",
    "ACCESS_KEY_SECRET": "sample-secret-not-a-secret",
    "SIGN_NAME": "联动示例",
}
MOBILE = re.compile(r"1[3-9][0-9]{9}")
MAGIC = {
    "19000000001": (200, "isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1"),
    "19000000002": (200, "isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:50"),
    "19000000003": (200, "isv.BLACK_KEY_CONTROL_LIMIT", "黑名单管控"),
    "19000000004": (200, "isv.OUT_OF_SERVICE", "业务停机"),
    "19000000005": (400, "Throttling.User", "Request was denied due to user flow control."),
    "19000000006": (200, "isp.SYSTEM_ERROR", "系统错误"),
}
UNDELIVERED = "19000030003"
LIFE = {"queued": 1, "undelivered": 2, "delivered": 3}
TRIES, PATIENCE_S = 4, 5.0


def settings(port: int, templates: str) -> dict[str, str]:
    """The environment that points the program here; ``templates`` is the file of registered texts."""
    pointed = {f"{aliyun_account.PREFIX}{word}": value for word, value in SAMPLE.items()}
    base = f"http://127.0.0.1:{port}"
    return pointed | {f"{aliyun_account.PREFIX}API_BASE": base, f"{aliyun_account.PREFIX}TEMPLATES": templates}


class Counter:
    """SendSms and QuerySendDetails; receipts are pushed to ``web``/hooks/aliyun/report as one JSON list."""

    def __init__(self, environ: Mapping[str, str], ledger: Ledger, lives: Lives, *, weather: Weather, web: str) -> None:
        said = {word: environ.get(f"{aliyun_account.PREFIX}{word}") or value for word, value in SAMPLE.items()}
        self._key, self._secret, self._sign = said["ACCESS_KEY_ID"], said["ACCESS_KEY_SECRET"], said["SIGN_NAME"]
        path = environ.get(f"{aliyun_account.PREFIX}TEMPLATES", "")
        self._templates = {one.code: one for one in registered.read(path, "TEMPLATES")} if path else {}
        self._ledger, self._lives, self._weather = ledger, lives, weather
        self._report_to = f"{web.rstrip('/')}/hooks/aliyun/report" if web else ""
        self._reporting: set[asyncio.Task[None]] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        refusal = self._unsigned(request)
        if refusal:
            return refusal
        action = request.headers.get("x-acs-action", "")
        if action == "SendSms":
            return await self._take(request)
        if action == "QuerySendDetails":
            return self._listed(request.query)
        return _answer("InvalidAction.NotFound", "Specified api is not found.", status=404)

    def _unsigned(self, request: web.Request) -> web.Response | None:
        """Why this is not signed by our subscriber, if it isn't."""
        said = re.fullmatch(
            r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})",
            request.headers.get("Authorization", ""),
        )
        if not said or said[1] != self._key:
            return _answer("InvalidAccessKeyId.NotFound", "Specified access key is not found.", status=404)
        query = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(request.query.items()))
        headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in said[2].split(";"))
        digest = request.headers.get("x-acs-content-sha256", "")
        canonical = "\n".join([request.method, request.path, query, headers, said[2], digest])
        to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        right = hmac.new(self._secret.encode(), to_sign.encode(), "sha256").hexdigest()
        if not hmac.compare_digest(right, said[3]):
            return _answer(
                "SignatureDoesNotMatch", "Specified signature is not matched with our calculation.", status=400
            )
        return None

    async def _take(self, request: web.Request) -> web.StreamResponse:
        asked, faults = request.query, self._weather.of(NAME)
        await asyncio.sleep(faults.latency_ms / 1000)
        struck = faults.struck()
        if struck in ("rate_429", "rate_503"):
            code = "Throttling.User" if struck == "rate_429" else "ServiceUnavailable"
            return _answer(code, "Request was denied.", status=400 if struck == "rate_429" else 503)
        words = self._words(asked)
        if isinstance(words, web.Response):
            return words
        row = self._row(asked, words)
        if struck != "rate_lost":
            await self._ledger.append(row)
            self._live(row, asked.get("PhoneNumbers") == UNDELIVERED or faults.undelivered(), faults.callback_ms / 1000)
        if struck == "rate_cut" and request.transport is not None:
            request.transport.abort()
        answer = _answer("OK", "OK", BizId=row["sid"])
        assert isinstance(answer.body, bytes)
        return web.Response(body=answer.body[:20], content_type="application/json") if struck else answer

    def _words(self, asked: Mapping[str, str]) -> str | web.Response:
        """The text as the phone will show it, or the refusal."""
        phone = asked.get("PhoneNumbers", "")
        if phone in MAGIC:
            status, code, message = MAGIC[phone]
            return _answer(code, message, status=status)
        if not MOBILE.fullmatch(phone):
            return _answer("isv.MOBILE_NUMBER_ILLEGAL", f"{phone} 手机号码格式错误")
        if asked.get("SignName") != self._sign:
            return _answer("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法")
        template = self._templates.get(asked.get("TemplateCode", ""))
        if template is None:
            return _answer("isv.SMS_TEMPLATE_ILLEGAL", "短信模板不合法")
        try:
            blanks = json.loads(asked.get("TemplateParam", "{}"))
        except ValueError:
            return _answer("isv.INVALID_JSON_PARAM", "JSON参数不合法")
        return self._filled(template, blanks)

    def _filled(self, template: registered.Template, blanks: Mapping[str, str]) -> str | web.Response:
        names = registered.BLANK.findall(template.text)
        if any(not blanks.get(name) for name in names):
            return _answer("isv.TEMPLATE_MISSING_PARAMETERS", "模板变量缺少参数")
        if any(len(blanks[name]) > registered.LONGEST_BLANK for name in names):
            return _answer("isv.PARAM_LENGTH_LIMIT", "参数超出长度限制")
        return f"【{self._sign}】" + registered.BLANK.sub(lambda found: blanks[found[1]], template.text)

    def _row(self, asked: Mapping[str, str], words: str) -> Row:
        out_id = asked.get("OutId", "")
        return {
            "channel": "sms", "account": NAME, "to": f"+86{asked['PhoneNumbers']}", "from": self._sign, "body": words,
            "sid": f"{secrets.randbelow(10**18):018d}^0", "marker": out_id.partition("-")[0], "out_id": out_id,
            "template": asked["TemplateCode"],
        }  # fmt: skip

    def _live(self, row: Row, undelivered: bool, after_s: float) -> None:
        self._lives.mark(row["n"], "queued")
        task = asyncio.create_task(self._report(row, "undelivered" if undelivered else "delivered", after_s))
        self._reporting.add(task)
        task.add_done_callback(self._reporting.discard)

    async def _report(self, row: Row, end: str, after_s: float) -> None:
        """SmsReport, again and again until it is answered with code 0."""
        await asyncio.sleep(after_s)
        self._lives.mark(row["n"], end)
        if not self._report_to or not self._weather.of(NAME).called_back():
            return
        now = f"{clock.now().astimezone(clock.BEIJING):%Y-%m-%d %H:%M:%S}"
        good = end == "delivered"
        entry = {
            "phone_number": row["to"].removeprefix("+86"), "send_time": now, "report_time": now, "success": good,
            "err_code": "DELIVERED" if good else "MK:0004", "err_msg": "用户接收成功" if good else "停机、空号",
            "sms_size": "1", "biz_id": row["sid"], "out_id": row["out_id"],
        }  # fmt: skip
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
            for n in range(TRIES):
                try:
                    async with session.post(self._report_to, json=[entry], allow_redirects=False) as answer:
                        if answer.status == 200 and (await answer.json()).get("code") == 0:
                            return
                except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                    logger.debug("report not taken: %s", type(error).__name__)
                await asyncio.sleep(2.0**n)

    def _listed(self, asked: Mapping[str, str]) -> web.Response:
        if self._weather.of(NAME).unanswered():
            return _answer("ServiceUnavailable", "The request has failed due to a temporary failure.", status=503)
        rows = map(self._ledger.row, reversed(self._ledger.to("sms", NAME, f"+86{asked.get('PhoneNumber', '')}")))
        details = [self._detail(row) for row in rows if _sent_at(row).strftime("%Y%m%d") == asked.get("SendDate")]
        shown = details[: int(asked.get("PageSize", "50"))]
        return _answer("OK", "OK", TotalCount=str(len(details)), SmsSendDetailDTOs={"SmsSendDetailDTO": shown})

    def _detail(self, row: Row) -> dict[str, Any]:
        status = self._lives.status(row["n"])
        return {
            "PhoneNum": row["to"].removeprefix("+86"), "SendStatus": LIFE.get(status, 1), "OutId": row["out_id"],
            "TemplateCode": row["template"], "Content": row["body"], "SendDate": f"{_sent_at(row):%Y-%m-%d %H:%M:%S}",
            "ErrCode": "DELIVERED" if status == "delivered" else "MK:0004" if status == "undelivered" else "",
        }  # fmt: skip

    async def close(self) -> None:
        for task in list(self._reporting):
            task.cancel()
        await asyncio.gather(*self._reporting, return_exceptions=True)


def _sent_at(row: Row) -> datetime:
    """By business time, which tests and the demonstration move."""
    return datetime.fromisoformat(row["at"]) if "at" in row else clock.now().astimezone(clock.BEIJING)


def _answer(code: str, message: str, *, status: int = 200, **more: Any) -> web.Response:
    words = {"Code": code, "Message": message, "RequestId": secrets.token_hex(16).upper(), **more}
    return web.json_response(words, status=status, dumps=lambda each: json.dumps(each, ensure_ascii=False))
