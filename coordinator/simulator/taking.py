"""Is this message or call taken? As Twilio would decide, and in the ledger before the answer."""

import asyncio
import base64
import re
import secrets
from collections.abc import Mapping
from functools import lru_cache
from xml.etree import ElementTree

from yarl import URL

from coordinator.simulator import wire
from coordinator.simulator.faults import Faults, Weather
from coordinator.simulator.ledger import Ledger, Row, marker
from coordinator.simulator.lives import Life, Lives, Step
from coordinator.simulator.subscribers import Subscriber
from coordinator.simulator.wire import Reply

Form = Mapping[str, str]

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MAGIC = re.compile(r"\+86190000([0-9]{5})")  # the last five digits are the code to meet
TWILIO_MAGIC = {"+15005550001": 21211, "+15005550002": 21612, "+15005550004": 21610, "+15005550009": 21614}
CALL_ENDS = {1: "busy", 2: "no-answer", 3: "failed"}
CALL_REFUSALS = {21211: 21217, 21614: 21217}
LONGEST = 1600


class Counter:
    """Where hand-overs arrive, whichever way they came in."""

    def __init__(self, subscribers: Mapping[str, Subscriber], ledger: Ledger, lives: Lives, weather: Weather) -> None:
        self.subscribers = subscribers
        self.weather = weather
        self._ledger = ledger
        self._lives = lives
        self._signed_in: dict[str, Subscriber] = {}
        self.stopped: set[tuple[str, str]] = set()  # (account, number) that answered STOP
        self.calls: dict[str, Life] = {}  # the latest call to each number

    def who(self, authorization: str, account_sid: str) -> Subscriber | None:
        """Whoever holds these credentials, for this account only."""
        known = self._signed_in.get(authorization)
        if known is None and (known := self._credentials(authorization)):
            self._signed_in[authorization] = known
        return known if known and known.sid == account_sid else None

    def _credentials(self, authorization: str) -> Subscriber | None:
        try:
            sid, _, token = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        except ValueError:
            return None
        subscriber = self.subscribers.get(sid)
        return subscriber if subscriber and secrets.compare_digest(subscriber.token.encode(), token.encode()) else None

    async def take(self, resource: str, account_sid: str, authorization: str, *, body: bytes) -> Reply:
        """``resource`` is Messages or Calls; ``body`` the form as it came."""
        subscriber = self.who(authorization, account_sid)
        if subscriber is None:
            return wire.refusal(20003)
        faults = self.weather.of(subscriber.name)
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        struck = faults.struck()
        if struck in ("rate_429", "rate_503"):
            return wire.refusal(20429 if struck == "rate_429" else 20500)
        if struck == "rate_lost":
            return wire.reply({"code": 30001, "message": "Queue overflow", "status": 201}, 201)
        form = URL.build(query_string=body.decode("utf-8", "replace"), encoded=True).query
        made = self._message(subscriber, form) if resource == "Messages" else self._call(subscriber, form)
        if isinstance(made, int):
            return wire.refusal(made, form.get("To", ""))
        row, life = made
        await self._ledger.append(row)
        self._lives.begin(life)
        record = wire.message if resource == "Messages" else wire.call
        answer = wire.reply(record(row, subscriber.sid, "queued", ""), 201)
        return Reply(201, answer.body[: len(answer.body) // 2], struck) if struck else answer

    def _message(self, subscriber: Subscriber, form: Form) -> tuple[Row, Life] | int:
        to, body = form.get("To", ""), form.get("Body", "")
        refused = self._refused(subscriber, form, to) or (21602 if not body else 21617 if len(body) > LONGEST else 0)
        if refused:
            return refused
        row = self._row("SM", subscriber, form, channel="sms", body=body)
        return row, self._life(row, subscriber, _message_steps(to, self.weather.of(subscriber.name)))

    def _call(self, subscriber: Subscriber, form: Form) -> tuple[Row, Life] | int:
        to, twiml = form.get("To", ""), form.get("Twiml", "")
        refused = self._refused(subscriber, form, to)
        if refused or not (twiml or form.get("Url")):
            return CALL_REFUSALS.get(refused, refused) or 21205
        words, action, digits = heard(twiml)
        row = self._row("CA", subscriber, form, channel="voice", body=words)
        row["action"] = action
        life = self._life(row, subscriber, _call_steps(to, self.weather.of(subscriber.name)))
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

    def _row(self, kind: str, subscriber: Subscriber, form: Form, *, channel: str, body: str) -> Row:
        return {
            "channel": channel,
            "account": subscriber.name,
            "to": form["To"],
            "from": form.get("From") or subscriber.number,
            "body": body,
            "sid": f"{kind}{secrets.token_hex(12)}{self._ledger.next_number():08x}",
            "marker": marker(body),
            "callback": form.get("StatusCallback", ""),
            "valid_s": whole(form.get("ValidityPeriod", ""), 0),
        }

    def _life(self, row: Row, subscriber: Subscriber, steps: list[Step]) -> Life:
        n, sid, url = self._ledger.next_number(), row["sid"], row["callback"]
        return Life(n=n, sid=sid, subscriber=subscriber, phone=row["to"], ours=row["from"], steps=steps, url=url)


def heard(twiml: str) -> tuple[str, str, int]:
    """What a call says, where keys go and how many are waited for: from TwiML."""
    try:
        spoken = ElementTree.fromstring(twiml) if twiml and "<!" not in twiml else None  # noqa: S314
    except ElementTree.ParseError:
        spoken = None
    if spoken is None:
        return "", "", 0
    words = dict.fromkeys((say.text or "").strip() for say in spoken.iter("Say"))  # read three times, shown once
    gather = spoken.find(".//Gather")
    action, digits = (gather.get("action", ""), gather.get("numDigits", "")) if gather is not None else ("", "")
    return "\n".join(words), action, whole(digits, 0)


def whole(word: str, otherwise: int) -> int:
    return int(word) if word.isdecimal() and len(word) < 10 else otherwise


def _message_steps(to: str, faults: Faults) -> list[Step]:
    asked_for = MAGIC.fullmatch(to)
    code = asked_for[1] if asked_for and asked_for[1].startswith("3") else "30003" if faults.undelivered() else ""
    return _life_to("undelivered" if code else "delivered", code, faults.callback_ms / 1000)


@lru_cache(maxsize=64)
def _life_to(end: str, code: str, gap: float) -> list[Step]:
    return [("sent", "", gap), (end, code, gap)]


def _call_steps(to: str, faults: Faults) -> list[Step]:
    gap = faults.callback_ms / 1000
    asked_for = MAGIC.fullmatch(to)
    unanswered = CALL_ENDS.get(int(asked_for[1])) if asked_for else None
    rings = [("initiated", "", gap), ("ringing", "", gap)]
    if unanswered:
        return [*rings, (unanswered, "", gap)]
    return [*rings, ("in-progress", "", gap), ("completed", "", faults.call_s)]
