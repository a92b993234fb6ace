"""The local SMS and voice carrier: takes what Twilio would take, refuses what Twilio would refuse."""

import asyncio
import base64
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

from aiohttp import web

from coordinator.simulator import wire
from coordinator.simulator.faults import Faults, Weather
from coordinator.simulator.ledger import Ledger, Row, marker
from coordinator.simulator.lives import Life, Lives
from coordinator.simulator.subscribers import Subscriber

Form = Mapping[str, str]

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MAGIC = re.compile(r"\+86190000([0-9]{5})")  # the last five digits are the code to meet
TWILIO_MAGIC = {"+15005550001": 21211, "+15005550002": 21612, "+15005550004": 21610, "+15005550009": 21614}
CALL_ENDS = {1: "busy", 2: "no-answer", 3: "failed"}
LONGEST = 1600


class Carrier:
    """Routes under /2010-04-01, each answered only after the ledger has it."""

    def __init__(self, subscribers: Mapping[str, Subscriber], ledger: Ledger, lives: Lives, weather: Weather) -> None:
        self.subscribers = subscribers
        self._ledger = ledger
        self._lives = lives
        self._weather = weather
        self._signed_in: dict[str, Subscriber] = {}
        self.stopped: set[tuple[str, str]] = set()  # (account, number) that answered STOP
        self.calls: dict[str, Life] = {}  # the latest call to each number

    def routes(self) -> list[web.RouteDef]:
        top = "/2010-04-01/Accounts/{account}"
        return [
            web.post(f"{top}/Messages.json", self.take_message),
            web.get(f"{top}/Messages.json", self.list_messages),
            web.get(f"{top}/Messages/{{sid}}.json", self.one_message),
            web.post(f"{top}/Calls.json", self.take_call),
            web.get(f"{top}/Calls.json", self.list_calls),
            web.get(f"{top}/Calls/{{sid}}.json", self.one_call),
        ]

    def _who(self, request: web.Request) -> Subscriber | None:
        said = request.headers.get("Authorization", "")
        known = self._signed_in.get(said)
        if known is None and (known := self._credentials(said)):
            self._signed_in[said] = known
        return known if known and known.sid == request.match_info["account"] else None

    def _credentials(self, said: str) -> Subscriber | None:
        try:
            sid, _, token = base64.b64decode(said.removeprefix("Basic ")).decode().partition(":")
        except ValueError:
            return None
        subscriber = self.subscribers.get(sid)
        return subscriber if subscriber and secrets.compare_digest(subscriber.token.encode(), token.encode()) else None

    async def take_message(self, request: web.Request) -> web.StreamResponse:
        return await self._take(request, "sms", self._message)

    async def take_call(self, request: web.Request) -> web.StreamResponse:
        return await self._take(request, "voice", self._call)

    async def _take(
        self, request: web.Request, channel: str, taken: Callable[[Subscriber, Form], tuple[Row, Life] | int]
    ) -> web.StreamResponse:
        subscriber = self._who(request)
        if subscriber is None:
            return wire.refusal(20003)
        form = {
            name: values[-1] for name, values in parse_qs((await request.read()).decode("utf-8", "replace")).items()
        }
        faults = self._weather.of(subscriber.name)
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        struck = faults.struck()
        if struck in ("rate_429", "rate_503"):
            return wire.refusal(20429 if struck == "rate_429" else 20500)
        if struck == "rate_lost":
            return wire.reply({"code": 30001, "message": "Queue overflow", "status": 201}, 201)
        made = taken(subscriber, form)
        if isinstance(made, int):
            return wire.refusal(made, form.get("To", ""))
        row, life = made
        await self._ledger.append(row)
        self._lives.begin(life)
        record = wire.message if channel == "sms" else wire.call
        answer = wire.reply(record(row, subscriber.sid, "queued", ""), 201)
        return await _spoilt(request, answer, struck) if struck else answer

    def _message(self, subscriber: Subscriber, form: Form) -> tuple[Row, Life] | int:
        to, body = form.get("To", ""), form.get("Body", "")
        refused = self._refused(subscriber, form, to) or (21602 if not body else 21617 if len(body) > LONGEST else 0)
        if refused:
            return refused
        row = self._row("SM", subscriber, form, "sms", body)
        row["marker"] = marker(body)
        faults = self._weather.of(subscriber.name)
        return row, self._life(row, subscriber, _message_steps(to, faults))

    def _call(self, subscriber: Subscriber, form: Form) -> tuple[Row, Life] | int:
        to, twiml = form.get("To", ""), form.get("Twiml", "")
        refused = self._refused(subscriber, form, to)
        if refused or not (twiml or form.get("Url")):
            return {21211: 21217, 21614: 21217}.get(refused, refused) or 21205
        words, action, digits = heard(twiml)
        row = self._row("CA", subscriber, form, "voice", words)
        row |= {"marker": marker(words), "action": action}
        life = self._life(row, subscriber, _call_steps(to, self._weather.of(subscriber.name)))
        life.action, life.digits = action, digits
        self.calls[to] = life
        return row, life

    def _refused(self, subscriber: Subscriber, form: Form, to: str) -> int:
        if not to or not (form.get("From") or form.get("MessagingServiceSid")):
            return 21603 if to else 21604
        if (subscriber.name, to) in self.stopped:
            return 21610
        asked_for = MAGIC.fullmatch(to)
        code = int(asked_for[1]) if asked_for else TWILIO_MAGIC.get(to, 0)
        return code if code in wire.WORDS else 0 if E164.fullmatch(to) else 21211

    def _row(self, kind: str, subscriber: Subscriber, form: Form, channel: str, body: str) -> Row:
        n = self._ledger.next_number()
        return {
            "channel": channel,
            "account": subscriber.name,
            "to": form["To"],
            "from": form.get("From") or subscriber.number,
            "body": body,
            "sid": f"{kind}{secrets.token_hex(12)}{n:08x}",
            "callback": form.get("StatusCallback", ""),
            "valid_s": _whole(form.get("ValidityPeriod", ""), 0),
        }

    def _life(self, row: Row, subscriber: Subscriber, steps: list[tuple[str, str, float]]) -> Life:
        return Life(
            n=self._ledger.next_number(), sid=row["sid"], subscriber=subscriber, phone=row["to"], ours=row["from"],
            steps=steps, url=row["callback"],
        )  # fmt: skip

    async def list_messages(self, request: web.Request) -> web.Response:
        return self._list(request, "messages", "sms", wire.message)

    async def list_calls(self, request: web.Request) -> web.Response:
        return self._list(request, "calls", "voice", wire.call)

    def _list(
        self, request: web.Request, kind: str, channel: str, record: Callable[..., dict[str, Any]]
    ) -> web.Response:
        subscriber = self._who(request)
        if subscriber is None or self._weather.of(subscriber.name).unanswered():
            return wire.refusal(20003 if subscriber is None else 20500)
        size = min(1000, max(1, _whole(request.query.get("PageSize", ""), 50)))
        page = max(0, _whole(request.query.get("Page", ""), 0))
        numbers = list(reversed(self._ledger.to(channel, subscriber.name, request.query.get("To", ""))))
        shown = [self._record(n, subscriber, record) for n in numbers[page * size : (page + 1) * size]]
        more = len(numbers) > (page + 1) * size
        return wire.listed(kind, shown, asked=request.rel_url, page=page, size=size, more=more)

    def _record(self, n: int, subscriber: Subscriber, record: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        return record(self._ledger.row(n), subscriber.sid, self._lives.status(n), self._lives.error(n))

    async def one_message(self, request: web.Request) -> web.Response:
        return self._one(request, wire.message)

    async def one_call(self, request: web.Request) -> web.Response:
        return self._one(request, wire.call)

    def _one(self, request: web.Request, record: Callable[..., dict[str, Any]]) -> web.Response:
        subscriber, sid = self._who(request), request.match_info["sid"]
        if subscriber is None or self._weather.of(subscriber.name).unanswered():
            return wire.refusal(20003 if subscriber is None else 20500)
        n = int(sid[-8:], 16) if re.fullmatch("(SM|CA)[0-9a-f]{32}", sid) else len(self._ledger)
        if (
            n >= len(self._ledger)
            or self._ledger.row(n)["sid"] != sid
            or self._ledger.row(n)["account"] != subscriber.name
        ):
            return wire.refusal(20404)
        return wire.reply(self._record(n, subscriber, record))


def _whole(word: str, otherwise: int) -> int:
    return int(word) if word.isdecimal() and len(word) < 10 else otherwise


def heard(twiml: str) -> tuple[str, str, int]:
    """What a call says, where keys go and how many are waited for: from TwiML."""
    try:
        spoken = ElementTree.fromstring(twiml) if twiml and "<!" not in twiml else None  # noqa: S314
    except ElementTree.ParseError:
        spoken = None
    if spoken is None:
        return "", "", 0
    words = list(dict.fromkeys((say.text or "").strip() for verb in ("Say", "Message") for say in spoken.iter(verb)))
    gather = spoken.find(".//Gather")
    action, digits = (gather.get("action", ""), gather.get("numDigits", "")) if gather is not None else ("", "")
    return "\n".join(words), action, int(digits) if digits.isdigit() else 0


def _message_steps(to: str, faults: Faults) -> list[tuple[str, str, float]]:
    gap = faults.callback_ms / 1000
    asked_for = MAGIC.fullmatch(to)
    code = asked_for[1] if asked_for and asked_for[1].startswith("3") else "30003" if faults.undelivered() else ""
    return [("sent", "", gap), ("undelivered", code, gap) if code else ("delivered", "", gap)]


def _call_steps(to: str, faults: Faults) -> list[tuple[str, str, float]]:
    gap = faults.callback_ms / 1000
    asked_for = MAGIC.fullmatch(to)
    unanswered = CALL_ENDS.get(int(asked_for[1])) if asked_for else None
    rings = [("initiated", "", gap), ("ringing", "", gap)]
    if unanswered:
        return [*rings, (unanswered, "", gap)]
    return [*rings, ("in-progress", "", gap), ("completed", "", faults.call_s)]


async def _spoilt(request: web.Request, whole: web.Response, struck: str) -> web.StreamResponse:
    """The carrier has it, but the caller can't know: the answer is cut off, or half a body in good form."""
    body = whole.body if isinstance(whole.body, bytes) else b""
    half = body[: len(body) // 2]
    if struck == "rate_broken":
        return web.Response(body=half, status=201, content_type="application/json")
    answer: web.StreamResponse = whole
    if secrets.randbelow(2):  # half of them with the beginning of an answer
        answer = web.StreamResponse(status=201, headers={"Content-Length": str(len(body))})
        await answer.prepare(request)
        await answer.write(half)
    if request.transport is not None:
        request.transport.abort()
    return answer
