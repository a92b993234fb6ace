"""Which open connection takes the next mail? Persistent connections to one relay, on one event loop."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import cast
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib

from coordinator.channels.smtp_wire import Cut, Wire
from coordinator.errors import Misconfigured

logger = logging.getLogger(__name__)

CONNECTIONS = 32
LOOPBACK = ("127.", "localhost", "::1")


def address(url: str, setting: str) -> SplitResult:
    """SMTP_URL taken apart, or refused by the name of the setting."""
    parts = urlsplit(url.strip())
    try:
        usable = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise Misconfigured(f"{setting} 应为 smtp[s]://user:pass@host:port,现值无法识别")
    return parts


class Pool:
    """At most CONNECTIONS at once; the most recently used is taken first, so idle ones fall away."""

    def __init__(self, relay: SplitResult, greeting: str) -> None:
        self._relay = relay
        self._greeting = greeting
        self._idle: list[Wire] = []
        self._slots: asyncio.Semaphore | None = None

    def __len__(self) -> int:
        """Connections at rest."""
        return len(self._idle)

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Wire]:
        """An open connection at rest; one that was cut or cancelled in use is closed, not given back."""
        self._slots = self._slots or asyncio.Semaphore(CONNECTIONS)
        async with self._slots:
            wire = self._rested() or await self._opened()
            with ExitStack() as unless_at_rest:
                unless_at_rest.callback(wire.close)
                yield wire
                if wire.is_open:
                    unless_at_rest.pop_all()
                    self._idle.append(wire)

    def _rested(self) -> Wire | None:
        while self._idle:
            wire = self._idle.pop()
            if wire.is_open:
                return wire
            wire.close()
        return None

    async def _opened(self) -> Wire:
        """Greeting, TLS and sign-in are aiosmtplib's; the caller's deadline bounds them."""
        host = self._relay.hostname or ""
        secure = self._relay.scheme == "smtps"
        connection = aiosmtplib.SMTP(
            hostname=host,
            port=self._relay.port or (465 if secure else 25),
            use_tls=secure,
            start_tls=False if secure or host.startswith(LOOPBACK) else None,
            local_hostname=self._greeting,
        )
        with ExitStack() as unless_ready:
            unless_ready.callback(connection.close)
            await connection.connect()
            await self._sign_in(connection)
            transport = connection.transport
            if transport is None or transport.is_closing():
                raise Cut("greeting")
            unless_ready.pop_all()
        return Wire(cast(asyncio.Transport, transport), pipelines=connection.supports_extension("pipelining"))

    async def _sign_in(self, connection: aiosmtplib.SMTP) -> None:
        if connection.is_ehlo_or_helo_needed:
            await connection.ehlo()
        if not self._relay.username:
            return
        if connection.supports_extension("auth"):
            await connection.login(unquote(self._relay.username), unquote(self._relay.password or ""))
        else:
            logger.warning("smtp relay %s offers no sign-in; going on without", self._relay.hostname)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().say_goodbye()
