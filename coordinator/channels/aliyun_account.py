"""How do we talk to an Aliyun SMS account, and what does each of its answers mean for a notice?

Real texts only: a registered template may not hold 【】, so a drill could not be dressed as one.
The marker and the attempt travel as ``OutId``, which look-ups and receipts give back; the words are a registered
template's (see `registered`). The SDK's synchronous client runs in threads of our own: it keeps its connections, while
its asynchronous one opens a TLS context for every call (44 ms of processor).
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from coordinator import clock
from coordinator.channels import Account, Envelope, Handed, Outcome, Terms, price, registered
from coordinator.errors import Misconfigured, Refusal, TryLater

if TYPE_CHECKING:
    from alibabacloud_dysmsapi20170525.client import Client

logger = logging.getLogger(__name__)
NAME, PREFIX = "aliyun", "ALIYUN_SMS_"
PUBLIC_API = "https://dysmsapi.aliyuncs.com"
CONNECT_S, SLOWEST_S = 3.0, 8.0
SIDE_BY_SIDE = 32  # calls at once; the SDK's pool holds forty connections
NEWEST = 50  # the most that a page of QuerySendDetails holds

# help.aliyun.com/document_detail/101346.html. What is in neither table is ours to mend, not the receiver's number.
BUSY_CODES = {"Throttling", "Throttling.User", "Throttling.Api"}
REFUSED_CODES = {
    *("isv.MOBILE_NUMBER_ILLEGAL", "isv.MOBILE_COUNT_OVER_LIMIT", "isv.SMS_CONTENT_ILLEGAL"),
    *("isv.BLACK_KEY_CONTROL_LIMIT", "isv.PARAM_LENGTH_LIMIT", "isv.PARAM_NOT_SUPPORT_URL", "isv.INVALID_JSON_PARAM"),
    *("isv.TEMPLATE_PARAMS_ILLEGAL", "isv.TEMPLATE_MISSING_PARAMETERS"),
}
UNCERTAIN_CODES = {"isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "isp.UNKNOWN", "SignatureNonceUsed"}
# Texts to one number: "触发分钟级流控Permits:1", "触发小时级流控Permits:5", "触发天级流控Permits:10"
LIMITED, TODAY = "isv.BUSINESS_LIMIT_CONTROL", "天级"
SENT = {1: "accepted", 2: "undelivered", 3: "delivered"}  # SendStatus: 等待回执, 发送失败, 发送成功
OUT_ID = re.compile(r"([A-Z2-7]{8})-([0-9]+\.[0-9]+)-([0-9a-f]{24})")


def accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    """The account that is set; one that is set by half is refused by the name of what is missing."""
    words = {"key": "ACCESS_KEY_ID", "secret": "ACCESS_KEY_SECRET", "sign": "SIGN_NAME", "templates": "TEMPLATES"}
    settings = {key: environ.get(PREFIX + word, "").strip() for key, word in words.items()}
    if not any(settings.values()):
        return ()
    for key, word in words.items():
        if not settings[key]:
            raise Misconfigured(
                f"{PREFIX}{word} 未设置:阿里云短信须同时给出 {'、'.join(PREFIX + each for each in words.values())}"
            )
    registered.read(settings["templates"], f"{PREFIX}TEMPLATES")
    settings["base"] = environ.get(f"{PREFIX}API_BASE", "").strip() or PUBLIC_API
    base = urlsplit(settings["base"])
    if base.scheme not in ("http", "https") or not base.hostname:
        raise Misconfigured(f"{PREFIX}API_BASE 应为 scheme://host:port,现为“{settings['base']}”")
    settings["price"] = str(price(environ, f"{PREFIX}SEGMENT_PRICE") or "")
    return (Account(NAME, tuple(sorted(settings.items()))),)


def terms(account: Account) -> Terms:
    return Terms(
        provider="aliyun", idempotent=False, look_up=True, receipts=True, expires=False, free_text=False, real_only=True,
        longest=registered.LONGEST, price=price({"price": account["price"]}, "price"),
    )  # fmt: skip


def out_id(envelope: Envelope) -> str:
    """Our own name for a hand-over: the marker to look for, the attempt, and the proof that it is ours."""
    marker = re.search(r"#([A-Z2-7]{8})", envelope.text)
    return f"{marker[1] if marker else 'A' * 8}-{envelope.attempt}-{envelope.callback_key}"


def reference(given: str, phone: str) -> str:
    """How a hand-over is asked about later. Without the proof in its OutId: references are shown on the desk."""
    return f"{given.rsplit('-', 1)[0]}/{national(phone)}"


def national(address: str) -> str:
    """The number as this carrier writes it."""
    return address.removeprefix("+86").removeprefix("+")


def receipt(form: Mapping[str, str]) -> tuple[str, str]:
    """One entry of SmsReport as (our reference, the state in Twilio's words, which the SMS channel speaks)."""
    if not OUT_ID.fullmatch(form.get("out_id", "")) or not form.get("phone_number"):
        raise Refusal("回执缺少 out_id 或 phone_number")
    return reference(form["out_id"], form["phone_number"]), "delivered" if form.get(
        "success"
    ) == "true" else "undelivered"


class Texts:
    """The account's way out, for one event loop."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._templates = registered.read(account["templates"], f"{PREFIX}TEMPLATES")
        self._threads = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="aliyun-sms")
        self._opened: Client | None = None

    def _client(self) -> "Client":
        """Opened at the first call: the SDK takes half a second to load."""
        if self._opened is None:
            from alibabacloud_dysmsapi20170525.client import Client
            from alibabacloud_tea_openapi.utils_models import Config

            base = urlsplit(self._account["base"])
            self._opened = Client(
                Config(
                    access_key_id=self._account["key"], access_key_secret=self._account["secret"],
                    endpoint=base.netloc, protocol=base.scheme.upper(),
                    connect_timeout=int(CONNECT_S * 1000), read_timeout=int(SLOWEST_S * 1000),
                )
            )  # fmt: skip
        return self._opened

    async def _run(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def send(self, envelope: Envelope) -> Handed:
        text = registered.plain(envelope.text)
        said = registered.find(self._templates, text)
        if said is None:
            return Handed(Outcome.REFUSED, code="no_template", detail="没有与这段文字一致的报备模板,或有变量超过 35 字")
        given = out_id(envelope)
        asked = {
            "phone_numbers": national(envelope.address), "sign_name": self._account["sign"],
            "template_code": said.code, "template_param": json.dumps(said.blanks, ensure_ascii=False), "out_id": given,
        }  # fmt: skip
        answer = await self._run(partial(self._hand, envelope.begin, asked))
        if isinstance(answer, Handed):
            return answer
        if answer.code == "OK" and answer.biz_id:
            logger.debug("aliyun took %s as %s", given.rsplit("-", 1)[0], answer.biz_id)
            cut = f"短信变量写不下,已缩写:{'、'.join(said.cut)}" if said.cut else ""
            return Handed(Outcome.ACCEPTED, reference=reference(given, envelope.address), detail=cut)
        return _refused(str(answer.code or "no_code"), str(answer.message or ""))

    def _hand(self, begin: Callable[[], None], asked: dict[str, Any]) -> Any:
        """In a thread of its own: it may have waited for it, so that only now it begins."""
        begin()
        return self._ask("send_sms", "SendSmsRequest", **asked)

    def _ask(self, action: str, request: str, **fields: Any) -> Any:
        """One call, without the SDK's retries: its answer's body, or how it ended."""
        from alibabacloud_dysmsapi20170525 import models
        from Tea.exceptions import TeaException

        try:
            return getattr(self._client(), action)(getattr(models, request)(**fields)).body
        except TeaException as error:
            return _failed(error)
        except (ValueError, TypeError, AttributeError, KeyError, OSError) as error:  # half a body, one that is no JSON
            return Handed(Outcome.UNCERTAIN, code=type(error).__name__, detail=str(error)[:200])

    async def _details(self, phone: str) -> list[Any]:
        """What this number was sent today and yesterday, by Beijing's calendar; raises TryLater."""
        now = clock.now().astimezone(clock.BEIJING)
        found: list[Any] = []
        for day in (now, now - timedelta(days=1)):
            asked = {
                "phone_number": national(phone),
                "send_date": f"{day:%Y%m%d}",
                "page_size": NEWEST,
                "current_page": 1,
            }
            answer = await self._run(partial(self._ask, "query_send_details", "QuerySendDetailsRequest", **asked))
            if isinstance(answer, Handed) or answer.code != "OK":
                raise TryLater(f"运营商未能答复查询:{answer.code}")
            found += (answer.sms_send_detail_dtos and answer.sms_send_detail_dtos.sms_send_detail_dto) or []
        return found

    async def look_up(self, address: str, marker: str) -> str:
        sought = marker.lstrip("#")
        for detail in await self._details(address):
            if (detail.out_id or "").startswith(f"{sought}-"):
                return reference(detail.out_id, address)
        return ""

    async def status(self, reference: str) -> str:
        ours, _, phone = reference.partition("/")
        for detail in await self._details(phone):
            if (detail.out_id or "").startswith(f"{ours}-"):
                return SENT.get(int(detail.send_status or 0), "accepted")
        return ""

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _refused(code: str, words: str, status: int = 200) -> Handed:
    return Handed(_outcome(code, words, status), code=code, detail=re.sub(r"\d{7,}", "****", words)[:200])


def _outcome(code: str, words: str, status: int) -> Outcome:
    if code in BUSY_CODES or status == 429:
        return Outcome.BUSY
    if code == LIMITED:  # a minute or an hour passes; today's allowance doesn't come back before the order is due
        return Outcome.REFUSED if TODAY in words else Outcome.BUSY
    if code in UNCERTAIN_CODES or status >= 500:
        return Outcome.UNCERTAIN
    return Outcome.REFUSED if code in REFUSED_CODES else Outcome.MISCONFIGURED


def _failed(error: Any) -> Handed:
    """An exception of the SDK: an answer with a 4xx or 5xx, or no answer at all."""
    inner = getattr(error, "inner_exception", None)
    if inner is None:
        status = int(getattr(error, "status_code", None) or getattr(error, "statusCode", None) or 400)
        return _refused(str(error.code or status), str(error.message or ""), status)
    cause = inner.__cause__ or inner.__context__ or inner
    outcome = Outcome.NOT_SENT if _unconnected(cause) else Outcome.UNCERTAIN
    return Handed(outcome, code=type(cause).__name__, detail=str(cause)[:200])


def _unconnected(cause: BaseException) -> bool:
    """No connection was made, so no byte of ours was read."""
    from requests.exceptions import ConnectionError, ConnectTimeout
    from urllib3.exceptions import NewConnectionError

    inner = getattr(cause.args[0], "reason", None) if cause.args else None
    return isinstance(cause, ConnectTimeout) or (
        isinstance(cause, ConnectionError) and isinstance(inner, NewConnectionError)
    )
