"""What can people and tests see and do at the local carriers? Inbox, phones, ledger, faults."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

from aiohttp import web

from coordinator import clock
from coordinator.errors import CoordinatorError, Refusal
from coordinator.simulator import pages, wire
from coordinator.simulator.calling import Answered
from coordinator.simulator.faults import Weather
from coordinator.simulator.ledger import Ledger, Row
from coordinator.simulator.lives import Lives
from coordinator.simulator.phones import Phones

A_PAGE = 30
LONGEST_LIST = 10_000


class Desk:
    """Routes that no carrier has."""

    def __init__(
        self, ledger: Ledger, lives: Lives, phones: Phones, *, weather: Weather, refuse: Callable[[float], None]
    ) -> None:
        self._ledger = ledger
        self._lives = lives
        self._phones = phones
        self._weather = weather
        self._refuse = refuse

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.inbox),
            web.get("/inbox.json", self.inbox_json),
            web.get("/ledger", self.whole_ledger),
            web.get("/healthz", self.alive),
            web.get("/faults", self.faults),
            web.post("/faults", told(self.turn)),
            web.get("/phones/{number}", self.phone),
            web.post("/phones/{number}/reply", told(self.reply)),
            web.post("/phones/{number}/press", told(self.press)),
        ]

    async def alive(self, _request: web.Request) -> web.Response:
        return _json({"ok": True, "taken": len(self._ledger)})

    async def inbox(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        page = asked.get("page", "0")
        number = int(page) if page.isdecimal() and len(page) < 7 else 0
        start = number * A_PAGE
        rows = await asyncio.to_thread(lambda: list(islice(self._found(asked), start, start + A_PAGE + 1)))
        shown = [(row, self._lives.status(row["n"])) for row in rows[:A_PAGE]]
        more = len(rows) > A_PAGE
        return _html(pages.inbox(shown, asked, number=number, more=more, taken=len(self._ledger)))

    def _found(self, asked: Mapping[str, str]) -> Iterator[Row]:
        """Rows newest first that fit the search, the account and the channel asked for."""
        for row in self._ledger.newest_first(asked.get("q", "").split()):
            if asked.get("account", "") in ("", row["account"]) and asked.get("channel", "") in ("", row["channel"]):
                yield row

    async def inbox_json(self, request: web.Request) -> web.Response:
        """``to``, ``account``, ``channel`` narrow it; ``since`` is a row's number or an ISO time; oldest first."""
        asked = dict(request.query)
        try:
            after = _since(asked.get("since", ""))
        except ValueError:
            return _problem(Refusal("since 应为行号或 ISO 8601 时间"))
        rows = await asyncio.to_thread(lambda: list(islice(self._narrowed(asked, after), LONGEST_LIST)))
        told_rows = [row | {"status": self._lives.status(row["n"])} for row in reversed(rows)]
        return _json({"rows": told_rows, "last": len(self._ledger) - 1})

    def _narrowed(self, asked: Mapping[str, str], after: Callable[[Row], bool]) -> Iterator[Row]:
        address = asked.get("to", "").replace(" ", "+") if "@" not in asked.get("to", "") else asked["to"]
        for row in self._found({**asked, "q": asked.get("q") or address}):
            if not after(row):
                return
            if address in ("", row["to"]):
                yield row

    async def whole_ledger(self, _request: web.Request) -> web.FileResponse:
        kind = {"Content-Type": "application/x-ndjson; charset=utf-8"}
        return web.FileResponse(self._ledger.path, headers=kind)

    async def faults(self, _request: web.Request) -> web.Response:
        return _json(self._weather.shown())

    async def turn(self, _request: web.Request, wishes: Mapping[str, Any]) -> web.StreamResponse:
        self._weather.turn(wishes)
        self._refuse(float(wishes.get("refuse_s", 0)))
        return _json(self._weather.shown())

    async def phone(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        rows = await asyncio.to_thread(lambda: list(islice(self._with(number), 50)))
        shown = [(row, self._lives.status(row["n"])) for row in rows]
        said = request.query.get("said", "")
        return _html(pages.phone(number, shown, said=said))

    def _with(self, number: str) -> Iterator[Row]:
        return (row for row in self._ledger.newest_first([number]) if number in (row["to"], row["from"]))

    async def reply(self, request: web.Request, wishes: Mapping[str, Any]) -> web.StreamResponse:
        number = request.match_info["number"]
        answered = await self._phones.reply(number, str(wishes.get("body", "")), str(wishes.get("account", "")))
        return _back(request, number, answered)

    async def press(self, request: web.Request, wishes: Mapping[str, Any]) -> web.StreamResponse:
        number = request.match_info["number"]
        return _back(request, number, await self._phones.press(number, str(wishes.get("digits", ""))))


Told = Callable[[web.Request, Mapping[str, Any]], Awaitable[web.StreamResponse]]


def told(act: Told) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Read JSON or a form; a refusal is a problem in JSON, or a sentence on the phone's page."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await act(request, await _wishes(request))
        except CoordinatorError as error:
            if _from_page(request):
                return _to_phone(request.match_info["number"], str(error))
            return _problem(error)

    return answer


async def _wishes(request: web.Request) -> Mapping[str, Any]:
    if _from_page(request):
        return {name: str(value) for name, value in (await request.post()).items()}
    try:
        wishes = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise Refusal("正文不是 JSON") from error
    if not isinstance(wishes, dict):
        raise Refusal("正文应为 JSON 对象")
    return wishes


def _from_page(request: web.Request) -> bool:
    return request.content_type == "application/x-www-form-urlencoded" and "number" in request.match_info


def _back(request: web.Request, number: str, answered: Answered) -> web.StreamResponse:
    if not _from_page(request):
        return _json({"status": answered.status, "answer": answered.body}, 502 if answered.lost else 200)
    words = f"系统答复 HTTP {answered.status}" if answered.status else "系统没有应答(网页未启动或地址不对)"
    return _to_phone(number, words)


def _to_phone(number: str, said: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/phones/{quote(number)}?said={quote(said)}"})


def _problem(error: CoordinatorError) -> web.Response:
    return _json({"title": error.title, "status": error.http_status, "detail": str(error)}, error.http_status)


def _json(content: object, status: int = 200) -> web.Response:
    return wire.on_web(wire.reply(content, status))


def _html(page: str) -> web.Response:
    return web.Response(text=page, content_type="text/html", headers={"Referrer-Policy": "no-referrer"})


def _since(word: str) -> Callable[[Row], bool]:
    """Is a row after ``word``? A time without an offset is Beijing's."""
    if not word:
        return lambda row: True
    if word.isdecimal():
        return lambda row: row["n"] > int(word)
    moment = datetime.fromisoformat(word.replace(" ", "+") if "T" in word else word)
    start = moment if moment.tzinfo else moment.replace(tzinfo=clock.BEIJING)
    return lambda row: datetime.fromisoformat(row["at"]) >= start
