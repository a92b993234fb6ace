"""What can be done with a local phone: answer a text, press keys during a call."""

import secrets
from xml.etree import ElementTree

from coordinator.errors import NotFound, Refusal, Stale
from coordinator.simulator.calling import Answered, Line
from coordinator.simulator.ledger import Ledger, marker
from coordinator.simulator.lives import API, Lives
from coordinator.simulator.subscribers import Subscriber
from coordinator.simulator.taking import Counter, heard

STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "TD", "T", "退订"}
START = {"START", "UNSTOP", "YES"}


class Phones:
    """All local phones; any number is one."""

    def __init__(self, counter: Counter, ledger: Ledger, lives: Lives, *, line: Line, web: str) -> None:
        self._counter = counter
        self._ledger = ledger
        self._lives = lives
        self._line = line
        self._web = web.rstrip("/")

    async def reply(self, number: str, body: str, account: str = "") -> Answered:
        """A text from this phone to whoever wrote to it last, or to ``account``."""
        if not body.strip():
            raise Refusal("回复内容为空")
        subscriber = self._correspondent(number, account)
        word = body.strip().upper()
        if word in STOP:
            self._counter.stopped.add((subscriber.name, number))
        elif word in START:
            self._counter.stopped.discard((subscriber.name, number))
        sid = f"SM{secrets.token_hex(12)}{self._ledger.next_number():08x}"
        await self._enter("reply", subscriber, number, body=body, sid=sid)
        form = {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "SmsStatus": "received"}
        form |= {"AccountSid": subscriber.sid, "From": number, "To": subscriber.number, "Body": body}
        form |= {"NumMedia": "0", "NumSegments": "1", **API}
        answered = await self._line.post(f"{self._web}/hooks/twilio/sms", form, subscriber)
        await self._say_back(answered, subscriber, number)
        return answered

    async def press(self, number: str, digits: str) -> Answered:
        """Keys pressed during the call that this phone has now."""
        call = self._counter.calls.get(number)
        if not digits or any(key not in "0123456789*#" for key in digits):
            raise Refusal("按键只能是 0–9、* 和 #")
        if call is None:
            raise NotFound(f"号码 {number} 没有来电")
        if self._lives.status(call.n) != "in-progress" or not call.action:
            raise Stale(f"号码 {number} 当前没有接通的通话")
        pressed = digits[: call.digits] if call.digits else digits
        await self._enter("keys", call.subscriber, number, body=pressed, sid=call.sid)
        form = call.form("in-progress", "") | {"Digits": pressed, "msg": "Gather End", "FinishedOnKey": ""}
        answered = await self._line.post(call.action, form, call.subscriber)
        _, call.action, call.digits = heard(answered.body)
        if not call.action:
            self._lives.hang_up(call)
        return answered

    def _correspondent(self, number: str, account: str) -> Subscriber:
        by_name = {subscriber.name: subscriber for subscriber in self._counter.subscribers.values()}
        if account:
            if account not in by_name:
                raise Refusal(f"没有名为“{account}”的账户;可用:{' '.join(by_name)}")
            return by_name[account]
        newest = {name: max(self._ledger.to("sms", name, number), default=-1) for name in by_name}
        return by_name[max(newest, key=lambda name: newest[name])]

    async def _enter(self, channel: str, subscriber: Subscriber, number: str, *, body: str, sid: str) -> None:
        row = {"channel": channel, "account": subscriber.name, "to": subscriber.number, "from": number}
        await self._ledger.append(row | {"body": body, "sid": sid, "marker": marker(body)})

    async def _say_back(self, answered: Answered, subscriber: Subscriber, number: str) -> None:
        """Texts that our web answers with, as TwiML."""
        for words in messages(answered.body):
            n = self._ledger.next_number()
            row = {
                "channel": "sms",
                "account": subscriber.name,
                "to": number,
                "from": subscriber.number,
                "passive": True,
            }
            row |= {"body": words, "sid": f"SM{secrets.token_hex(12)}{n:08x}", "marker": marker(words)}
            await self._ledger.append(row)
            self._lives.mark(n, "delivered")


def messages(twiml: str) -> list[str]:
    """The texts in a TwiML answer to an inbound SMS."""
    if "<Message" not in twiml or "<!" in twiml:
        return []
    try:
        spoken = ElementTree.fromstring(twiml)  # noqa: S314
    except ElementTree.ParseError:
        return []
    return ["".join(verb.itertext()).strip() for verb in spoken.iter("Message")]
