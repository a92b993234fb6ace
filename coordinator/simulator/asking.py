"""What did the carrier take from this account? Lists and single records, as Twilio gives them."""

import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from coordinator.simulator import wire
from coordinator.simulator.ledger import Ledger
from coordinator.simulator.lives import Lives
from coordinator.simulator.subscribers import Subscriber
from coordinator.simulator.taking import Counter, whole

SID = re.compile("(?:SM|CA)[0-9a-f]{32}")
TOP = "/2010-04-01/Accounts/{account}/{resource:Messages|Calls}"
Record = Callable[..., dict[str, Any]]
RESOURCES: dict[str, tuple[str, Record]] = {"Messages": ("sms", wire.message), "Calls": ("voice", wire.call)}


class Desk:
    """Questions to the carrier; hand-overs that came in by an unusual way are passed to the counter."""

    def __init__(self, counter: Counter, ledger: Ledger, lives: Lives) -> None:
        self._counter = counter
        self._ledger = ledger
        self._lives = lives

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"{TOP}.json", self.take),
            web.get(f"{TOP}.json", self.listed),
            web.get(f"{TOP}/{{sid}}.json", self.one),
        ]

    async def take(self, request: web.Request) -> web.StreamResponse:
        asked, said = request.match_info, request.headers.get("Authorization", "")
        reply = await self._counter.take(asked["resource"], asked["account"], said, body=await request.read())
        if reply.spoilt == "rate_cut" and request.transport is not None:
            request.transport.abort()
        return wire.on_web(reply)

    def _asker(self, request: web.Request) -> Subscriber | wire.Reply:
        subscriber = self._counter.who(request.headers.get("Authorization", ""), request.match_info["account"])
        if subscriber is None:
            return wire.refusal(20003)
        return wire.refusal(20500) if self._counter.weather.of(subscriber.name).unanswered() else subscriber

    async def listed(self, request: web.Request) -> web.Response:
        """Newest first; ``To`` narrows it."""
        asker = self._asker(request)
        if isinstance(asker, wire.Reply):
            return wire.on_web(asker)
        channel, record = RESOURCES[request.match_info["resource"]]
        size = min(1000, max(1, whole(request.query.get("PageSize", ""), 50)))
        page = whole(request.query.get("Page", ""), 0)
        numbers = self._ledger.to(channel, asker.name, request.query.get("To", ""))[::-1]
        shown = [self._record(n, asker, record) for n in numbers[page * size : (page + 1) * size]]
        more = len(numbers) > (page + 1) * size
        key = request.match_info["resource"].lower()
        return wire.on_web(wire.listed(key, shown, asked=request.rel_url, page=page, size=size, more=more))

    async def one(self, request: web.Request) -> web.Response:
        asker = self._asker(request)
        if isinstance(asker, wire.Reply):
            return wire.on_web(asker)
        channel, record = RESOURCES[request.match_info["resource"]]
        n = self._number(request.match_info["sid"], channel, asker)
        return wire.on_web(wire.refusal(20404) if n < 0 else wire.reply(self._record(n, asker, record)))

    def _number(self, sid: str, channel: str, asker: Subscriber) -> int:
        """The row this sid names, or -1; a sid ends with its row's number."""
        n = int(sid[-8:], 16) if SID.fullmatch(sid) else len(self._ledger)
        if n >= len(self._ledger):
            return -1
        row = self._ledger.row(n)
        return n if (row["sid"], row["account"], row["channel"]) == (sid, asker.name, channel) else -1

    def _record(self, n: int, asker: Subscriber, record: Record) -> dict[str, Any]:
        return record(self._ledger.row(n), asker.sid, self._lives.status(n), self._lives.error(n))
