"""One open SMTP connection: an envelope in two round trips where the relay can, in four where it can't."""

import asyncio
from collections import deque
from typing import NamedTuple

VERBS_AFTER = {"MAIL": ("RCPT", "DATA"), "RCPT": ("DATA",), "DATA": ()}
LONGEST_REPLY = 65_536


class Reply(NamedTuple):
    """What the relay said; ``verb`` is what it was said to."""

    verb: str
    code: int
    words: str


class Cut(ConnectionError):
    """The relay has hung up."""


class Wire(asyncio.Protocol):
    """Takes over a connection that has been greeted, secured and signed in."""

    def __init__(self, transport: asyncio.Transport, *, pipelines: bool) -> None:
        self._transport = transport
        self._pipelines = pipelines
        self._buffer = b""
        self._replies: deque[tuple[int, str]] = deque()
        self._words: list[str] = []  # lines of a reply that goes on
        self._woken: asyncio.Future[None] | None = None
        self._cut = False
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Nothing lost, and nothing said by the relay that we didn't ask for."""
        return not (self._cut or self._transport.is_closing() or self._replies or self._buffer)

    def data_received(self, octets: bytes) -> None:
        *lines, self._buffer = (self._buffer + octets).split(b"\n")
        for line in lines:
            self._words.append(line[4:].decode("utf-8", "replace").strip())
            if line[3:4] != b"-":
                code = int(line[:3]) if line[:3].isdigit() else 0
                self._replies.append((code, " ".join(self._words)))
                self._words = []
        if len(self._buffer) > LONGEST_REPLY or len(self._words) > 100:
            self._transport.abort()
        self._wake()

    def eof_received(self) -> None:
        self._cut = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cut = True
        self._wake()

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def _reply(self, verb: str) -> Reply:
        while not self._replies:
            if self._cut:
                raise Cut(verb)
            self._woken = asyncio.get_running_loop().create_future()
            await self._woken
        return Reply(verb, *self._replies.popleft())

    async def address(self, sender: str, receiver: str) -> Reply:
        """MAIL, RCPT, DATA: the relay's refusal, or its 354."""
        lines = {"MAIL": f"MAIL FROM:<{sender}>\r\n", "RCPT": f"RCPT TO:<{receiver}>\r\n", "DATA": "DATA\r\n"}
        if self._pipelines:
            self._transport.write("".join(lines.values()).encode("ascii"))
        for verb, line in lines.items():
            if not self._pipelines:
                self._transport.write(line.encode("ascii"))
            reply = await self._reply(verb)
            if reply.code not in ((354,) if verb == "DATA" else (250, 251)):
                await self._take_back(reply)
                return reply
        return reply

    async def _take_back(self, refusal: Reply) -> None:
        """Make the connection ready for another envelope, or close it; the refusal stands either way."""
        try:
            last = refusal
            for verb in VERBS_AFTER[refusal.verb] if self._pipelines else ():
                last = await self._reply(verb)
            if 421 in (refusal.code, last.code) or last.code == 354:  # a relay that wants a text for nobody gets none
                return self.close()
            self._transport.write(b"RSET\r\n")
            if (await self._reply("RSET")).code != 250:
                self.close()
        except Cut:
            self.close()

    async def write(self, mail: bytes) -> Reply:
        """The text after the 354; only a 250 to this means that the relay has it."""
        self._transport.write(mail.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        reply = await self._reply("text")
        if reply.code == 421:
            self.close()
        return reply

    def say_goodbye(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        self._cut = True
        self._transport.close()
