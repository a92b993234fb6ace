"""Local carriers for tests, over real sockets, and servers that misbehave in one way each."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from aiohttp import ClientSession, web

from coordinator.channels import Account, Envelope, Handed
from coordinator.simulator.server import Simulator
from coordinator.simulator.subscribers import settings

NOWHERE = "http://127.0.0.1:1"
PHONE = "+8613800000001"


def envelope(**wishes: Any) -> Envelope:
    plain = {
        "attempt": "7.1", "callback_key": "k&é", "address": PHONE, "subject": "橙色预警", "html": "", "valid_s": 3600,
        "text": "停产50% 签收码1234 #ABCD2345", "message_id": "<7.1@liandong.example>",
    }  # fmt: skip
    return Envelope(**(plain | wishes))


@asynccontextmanager
async def local(home: Path, *, web_url: str = NOWHERE, **faults: float) -> AsyncIterator[Simulator]:
    simulator = Simulator(home, web=web_url, faults={"callback_ms": 0, **faults}, environ={})
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


def environ(simulator: Simulator) -> dict[str, str]:
    return settings(simulator.port, simulator.smtp_port)


def rows(simulator: Simulator) -> list[dict[str, Any]]:
    return [json.loads(line) for line in simulator.ledger.path.read_text().splitlines()]


@asynccontextmanager
async def carrier(module: ModuleType, account: Account, public: str = NOWHERE) -> AsyncIterator[Any]:
    opened = module.Carrier(account, public)
    try:
        yield opened
    finally:
        await opened.close()


async def send(module: ModuleType, simulator: Simulator, **wishes: Any) -> Handed:
    """One envelope by the primary account."""
    async with carrier(module, module.accounts(environ(simulator))[0]) as opened:
        handed: Handed = await opened.send(envelope(**wishes))
        return handed


async def sent_to(module: ModuleType, base: str, **wishes: Any) -> Handed:
    """One envelope to whatever listens at ``base``."""
    account = module.accounts(settings(0, 0) | {"TWILIO_API_BASE": base, "SMTP_URL": base})[0]
    async with carrier(module, account) as opened:
        handed: Handed = await opened.send(envelope(**wishes))
        return handed


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    """A server that says what ``talk`` says; yields its port."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def saying(octets: bytes) -> Talk:
    """Hear a request out, say these bytes, hang up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(octets)
        await writer.drain()
        writer.close()

    return talk


@dataclass
class Web:
    """Our web as a carrier sees it: what was posted, and what it is told."""

    url: str = ""
    status: int = 204
    answer: str = ""
    posted: list[tuple[str, dict[str, str], str]] = field(default_factory=list)  # URL, form, signature

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.posted) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def our_web() -> AsyncIterator[Web]:
    seen = Web()

    async def hook(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        seen.posted.append((seen.url + request.raw_path, form, request.headers["X-Twilio-Signature"]))
        return web.Response(status=seen.status, text=seen.answer)

    app = web.Application()
    app.router.add_post("/hooks/twilio/{kind}", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield seen
    finally:
        await runner.cleanup()


async def reopened(simulator: Simulator) -> None:
    async with asyncio.timeout(20):
        while not simulator.is_open:
            await asyncio.sleep(0.02)


async def told(simulator: Simulator, path: str, wishes: object = None) -> tuple[int, Any]:
    """GET, or POST when there are wishes; JSON back."""
    async with ClientSession() as session:
        url = f"http://127.0.0.1:{simulator.port}{path}"
        call = session.get(url) if wishes is None else session.post(url, json=wishes)
        async with call as answer:
            return answer.status, json.loads(await answer.read())
