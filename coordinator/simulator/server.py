"""The local carriers in one process: SMS and voice, mail relay, phones, inbox page."""

import asyncio
import errno
import os
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from aiohttp.web import Application, AppRunner, post

from coordinator.errors import Misconfigured
from coordinator.simulator import aliyun, asking, groups, subscribers
from coordinator.simulator.calling import Line
from coordinator.simulator.desk import Desk
from coordinator.simulator.faults import Faults, Weather
from coordinator.simulator.front import Front
from coordinator.simulator.ledger import Ledger
from coordinator.simulator.lives import Lives
from coordinator.simulator.phones import Phones
from coordinator.simulator.post_office import Hall, Window
from coordinator.simulator.taking import Counter

BACKLOG = 1024


class Simulator:
    """Start it, stop it; ``port`` and ``smtp_port`` say where it listens (0 picks free ones)."""

    def __init__(
        self,
        home: Path,
        *,
        port: int = 0,
        smtp_port: int = 0,
        web: str = "",
        faults: Mapping[str, float] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        settings = os.environ if environ is None else environ
        self.port, self.smtp_port = port, smtp_port
        self.ledger = Ledger(home / "ledger.jsonl")
        self.weather = Weather(Faults(**(faults or {})))
        line = Line()
        self.lives = Lives(line, self.weather, len(self.ledger))
        self._counter = Counter(subscribers.known(settings), self.ledger, self.lives, self.weather)
        self._questions = asking.Desk(self._counter, self.ledger, self.lives)
        self._domestic = aliyun.Counter(settings, self.ledger, self.lives, weather=self.weather, web=web)
        self._groups = groups.Groups(settings, self.ledger, self.weather)
        phones = Phones(self._counter, self.ledger, self.lives, line=line, web=web)
        self._hall = Hall(self.ledger, self.weather, partial(subscribers.mail_account, environ=dict(settings)))
        self._desk = Desk(self.ledger, self.lives, phones, weather=self.weather, refuse=self.refuse)
        self._listening: list[asyncio.Server] = []
        self._fronts: set[Front] = set()
        self._windows: set[Window] = set()
        self._runner: AppRunner | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        app = Application(client_max_size=1_000_000)
        app.add_routes(self._questions.routes())
        app.add_routes(self._desk.routes())
        app.add_routes([post("/", self._domestic.answer), *self._groups.routes()])
        self._runner = AppRunner(app, access_log=None, keepalive_timeout=75)
        await self._runner.setup()
        await self._open()
        self.lives.start()

    async def _open(self) -> None:
        assert self._runner is not None and self._runner.server is not None
        loop = asyncio.get_running_loop()
        first, second = _bound(self.port, "--port"), _bound(self.smtp_port, "--smtp-port")
        self.port, self.smtp_port = first.getsockname()[1], second.getsockname()[1]
        self._listening = [
            await loop.create_server(
                partial(Front, self._counter, self._runner.server, self._fronts), sock=first, backlog=BACKLOG
            ),
            await loop.create_server(partial(Window, self._hall, self._windows), sock=second, backlog=BACKLOG),
        ]

    @property
    def is_open(self) -> bool:
        """Are new connections taken?"""
        return bool(self._listening)

    def refuse(self, seconds: float) -> None:
        """Take no new connection for so long; the ports are open again afterwards."""
        if seconds > 0 and self._reopening is None:
            self._close()
            self._reopening = asyncio.create_task(self._reopen(seconds))

    async def _reopen(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._open()
        self._reopening = None

    def _close(self) -> None:
        for server in self._listening:
            server.close()
        self._listening = []
        for front in list(self._fronts):
            front.hang_up()
        for window in list(self._windows):
            window.hang_up()

    async def stop(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        self._close()
        await self._domestic.close()
        await self.lives.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        self.ledger.close()


def _bound(port: int, option: str) -> socket.socket:
    # named as TCP, or asyncio leaves Nagle on and every pipelined envelope waits 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        reason = "已被占用" if error.errno == errno.EADDRINUSE else f"不能使用({error.strerror})"
        raise Misconfigured(f"端口 {port} {reason};请停止占用它的程序,或用 {option} 换一个端口") from error
    listener.setblocking(False)
    return listener
