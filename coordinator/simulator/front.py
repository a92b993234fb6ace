"""Who takes a new connection? Plain hand-overs are answered here, eight times as fast; all else goes to aiohttp."""

import asyncio
import re
import secrets
from collections.abc import Callable
from typing import cast

from coordinator.simulator.taking import Counter
from coordinator.simulator.wire import Reply

HAND_OVER = re.compile(rb"POST /2010-04-01/Accounts/([^/ ?]+)/(Messages|Calls)\.json HTTP/1\.1\r\n")
BEGINNING = b"POST /2010-04-01/"
LENGTH = re.compile(rb"\r\nContent-Length:[ \t]*([0-9]{1,6})[ \t]*\r\n", re.IGNORECASE)
SAID = re.compile(rb"\r\nAuthorization:[ \t]*([^\r\n]*)\r\n", re.IGNORECASE)
UNUSUAL = re.compile(rb"\r\n(?:Transfer-Encoding|Expect|Upgrade):|\r\nConnection:[ \t]*close", re.IGNORECASE)
LONGEST_HEAD = 16_384
CREATED = b"HTTP/1.1 %d %b\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
REASONS = {201: b"Created", 400: b"Bad Request", 401: b"Unauthorized", 429: b"Too Many Requests"}


class Front(asyncio.Protocol):
    """One connection, answering one request after the other."""

    def __init__(self, counter: Counter, elsewhere: Callable[[], asyncio.BaseProtocol], present: "set[Front]") -> None:
        self._counter = counter
        self._elsewhere = elsewhere
        self._present = present
        self._buffer = b""
        self._task: asyncio.Task[Reply] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._present.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._present.discard(self)

    def hang_up(self) -> None:
        self._transport.abort()

    def data_received(self, octets: bytes) -> None:
        self._buffer += octets
        if self._task is None:
            self._read_on()

    def _read_on(self) -> None:
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            if not self._buffer.startswith(BEGINNING[: len(self._buffer)]) or len(self._buffer) > LONGEST_HEAD:
                self._give_away()
            return None
        head = self._buffer[: head_end + 2]
        asked, length, said = HAND_OVER.match(head), LENGTH.search(head), SAID.search(head)
        if not (asked and length and said) or UNUSUAL.search(head):
            return self._give_away()
        end = head_end + 4 + int(length[1])
        if len(self._buffer) < end:
            return None
        body, self._buffer = self._buffer[head_end + 4 : end], self._buffer[end:]
        taking = self._counter.take(asked[2].decode(), asked[1].decode(), said[1].decode("latin-1"), body=body)
        self._task = asyncio.get_running_loop().create_task(taking)
        self._task.add_done_callback(self._answer)
        return None

    def _answer(self, task: asyncio.Task[Reply]) -> None:
        self._task = None
        if task.cancelled() or task.exception() is not None or self._transport.is_closing():
            return self._transport.abort()
        reply = task.result()
        whole = CREATED % (reply.status, REASONS.get(reply.status, b"Error"), len(reply.body)) + reply.body
        if reply.spoilt == "rate_cut":
            self._transport.write(whole[: (len(whole) - 1) * secrets.randbelow(2)])  # some get all but the last byte
            return self._transport.close()
        self._transport.write(whole)
        return self._read_on() if self._buffer else None

    def _give_away(self) -> None:
        """The rest of this connection is aiohttp's."""
        self._present.discard(self)
        protocol = cast(asyncio.Protocol, self._elsewhere())
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(self._buffer)
