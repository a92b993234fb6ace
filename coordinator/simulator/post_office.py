"""The local mail relay: SMTP with PIPELINING and sign-in, each 250 given only after the ledger has the mail."""

import asyncio
import base64
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from coordinator.simulator import letters
from coordinator.simulator.faults import Weather
from coordinator.simulator.ledger import Ledger, marker

logger = logging.getLogger(__name__)

LONGEST = 10_000_000
LONGEST_LINE = 4096
GREETING = b"220 liandong-simulator ESMTP\r\n"
EXTENSIONS = (b"liandong-simulator", b"PIPELINING", b"SIZE 10000000", b"8BITMIME", b"AUTH PLAIN LOGIN")
ABLE = b"".join(b"250-%b\r\n" % extension for extension in EXTENSIONS) + b"250 OK\r\n"
OK = b"250 2.0.0 OK\r\n"
NO_SUCH = "nobody"  # nobody@… is refused for good, later@… for now
LATER = "later"


@dataclass(frozen=True, slots=True)
class Hall:
    """What every connection shares."""

    ledger: Ledger
    weather: Weather
    account_of: Callable[[str], str]


class Window(asyncio.Protocol):
    """One connection."""

    def __init__(self, hall: Hall, present: "set[Window]") -> None:
        self._present = present
        self._hall = hall
        self._buffer = bytearray()
        self._account = hall.account_of("")
        self._sender = ""
        self._receivers: list[str] = []
        self._letter: bytearray | None = None  # while DATA is being taken
        self._asked: list[str] = []  # words of AUTH LOGIN still to come
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._present.add(self)
        self._transport.write(GREETING)

    def connection_lost(self, exc: Exception | None) -> None:
        self._present.discard(self)

    def hang_up(self) -> None:
        self._transport.abort()

    def data_received(self, octets: bytes) -> None:
        self._buffer += octets
        self._read_on()

    def _read_on(self) -> None:
        """Take what has come so far; a mail being entered in the ledger keeps the rest waiting."""
        while not self._busy and not self._transport.is_closing():
            if self._letter is not None:
                if not self._ended():
                    return
                continue
            line, found, rest = self._buffer.partition(b"\r\n")
            if not found:
                if len(self._buffer) > LONGEST_LINE:
                    self._say(b"500 5.5.6 line too long\r\n")
                    self._transport.close()
                return
            self._buffer = rest
            self._told(line.decode("utf-8", "replace"))

    def _ended(self) -> bool:
        """Is the whole mail here? Then it is on its way into the ledger."""
        end = 0 if self._buffer.startswith(b".\r\n") else self._buffer.find(b"\r\n.\r\n") + 2
        if end == 1 or (end == 0 and not self._buffer.startswith(b".\r\n")):
            if len(self._buffer) > LONGEST:
                self._say(b"552 5.3.4 too big\r\n")
                self._transport.close()
            return False
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + 3]
        self._letter, self._busy = None, True
        task = asyncio.get_running_loop().create_task(self._take(raw.replace(b"\r\n..", b"\r\n.")))
        task.add_done_callback(self._taken)
        return True

    def _taken(self, task: asyncio.Task[None]) -> None:
        self._busy = False
        if not task.cancelled() and task.exception() is not None:
            logger.error("mail not entered: %s", task.exception())
            self._say(b"451 4.3.0 ledger not writable\r\n")
        self._read_on()

    async def _take(self, raw: bytes) -> None:
        faults = self._hall.weather.of(self._account)
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        struck = faults.struck()
        if struck in ("rate_429", "rate_503"):
            return self._say(b"450 4.7.0 too much mail\r\n" if struck == "rate_429" else b"451 4.3.0 try later\r\n")
        if struck == "rate_lost":
            return self._transport.abort()
        letter = letters.read(raw)
        for receiver in self._receivers:
            await self._hall.ledger.append(self._row(letter, receiver))
        if struck:
            self._say(b"" if struck == "rate_cut" else b"2")
            return self._transport.abort()
        return self._say(OK)

    def _row(self, letter: letters.Letter, receiver: str) -> dict[str, object]:
        return {
            "channel": "email",
            "account": self._account,
            "to": receiver,
            "from": self._sender,
            "subject": letter.subject,
            "body": letter.text,
            "html": letter.html,
            "message_id": letter.message_id,
            "marker": marker(letter.text),
            "sid": f"EM{secrets.token_hex(12)}{self._hall.ledger.next_number():08x}",
        }

    def _told(self, line: str) -> None:
        if self._asked:
            self._sign_in(line)
            return
        verb, _, words = line.strip().partition(" ")
        answer = getattr(self, f"_{verb.lower()}", None) if verb.isalpha() and verb.upper() in VERBS else None
        if answer:
            answer(words)
        else:
            self._say(b"502 5.5.2 command not known\r\n")

    def _say(self, words: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(words)

    def _ehlo(self, _words: str) -> None:
        self._rset("", ABLE)

    def _helo(self, _words: str) -> None:
        self._rset("")

    def _noop(self, _words: str) -> None:
        self._say(OK)

    def _rset(self, _words: str, answer: bytes = OK) -> None:
        self._sender, self._receivers = "", []
        self._say(answer)

    def _quit(self, _words: str) -> None:
        self._say(b"221 2.0.0 bye\r\n")
        self._transport.close()

    def _mail(self, words: str) -> None:
        self._receivers = []
        self._sender = _address(words)
        self._say(OK if self._sender or "<>" in words else b"501 5.1.7 MAIL FROM:<address>\r\n")

    def _rcpt(self, words: str) -> None:
        receiver = _address(words)
        local = receiver.partition("@")[0]
        if "@" not in receiver:
            return self._say(b"553 5.1.3 bad address\r\n")
        if local in (NO_SUCH, LATER):
            return self._say(b"550 5.1.1 no such mailbox\r\n" if local == NO_SUCH else b"450 4.2.0 greylisted\r\n")
        self._receivers.append(receiver)
        return self._say(OK)

    def _data(self, _words: str) -> None:
        if not self._receivers:
            return self._say(b"503 5.5.1 RCPT first\r\n")
        self._letter = bytearray()
        return self._say(b"354 go on\r\n")

    def _auth(self, words: str) -> None:
        way, _, initial = words.partition(" ")
        if way.upper() == "PLAIN" and initial:
            return self._known(_plain(initial).split("\0")[1:2])
        self._asked = ["plain"] if way.upper() == "PLAIN" else ["password", "user"]
        if initial:
            return self._sign_in(initial)
        return self._say(b"334 \r\n" if way.upper() == "PLAIN" else b"334 VXNlcm5hbWU6\r\n")

    def _sign_in(self, line: str) -> None:
        step = self._asked.pop()
        if step == "plain":
            return self._known(_plain(line).split("\0")[1:2])
        if step == "user":
            self._account = self._hall.account_of(_plain(line))
            return self._say(b"334 UGFzc3dvcmQ6\r\n")
        return self._say(b"235 2.7.0 welcome\r\n")

    def _known(self, user: list[str]) -> None:
        if not user:
            return self._say(b"501 5.5.2 cannot decode\r\n")
        self._account = self._hall.account_of(user[0])
        return self._say(b"235 2.7.0 welcome\r\n")


VERBS = {"EHLO", "HELO", "NOOP", "RSET", "QUIT", "MAIL", "RCPT", "DATA", "AUTH"}


def _address(words: str) -> str:
    return words.partition("<")[2].partition(">")[0]


def _plain(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode("utf-8", "replace")
    except ValueError:
        return ""
