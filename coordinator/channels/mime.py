"""How is a notice written as mail? By hand: the email package builds 500 a second, this 20,000."""

import base64
import re
from datetime import datetime
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from coordinator.channels import Envelope

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
WORD_BYTES = 39  # in one RFC 2047 encoded word, before base64: with "Subject: " the line stays under 76
BOUNDARY = "=_liandong_alternative"  # base64 has neither "_" nor "-", so it can't occur in a part


def one_line(text: str) -> str:
    """A header's value in one line: what breaks lines would start a header of somebody else's making."""
    return BREAKS.sub(" ", text).strip()


def mailbox(address: str) -> str:
    """The address as it goes on the wire, or "" when it can't be mailed to."""
    local, at, domain = address.strip().rpartition("@")
    try:
        wired = local + at + (domain if domain.isascii() else domain.encode("idna").decode())
    except UnicodeError:
        return ""
    return wired if ADDRESS.fullmatch(wired) and ".." not in wired else ""


def encoded(text: str) -> str:
    """RFC 2047: plain ASCII as it is, anything else in base64 words folded one to a line."""
    text = one_line(text)
    if text.isascii() and len(text) <= 60 and "=?" not in text:
        return text
    size = WORD_BYTES // (3 if max(text) <= "\uffff" else 4)  # characters, each of at most so many bytes in UTF-8
    words = (text[start : start + size].encode("utf-8", "replace") for start in range(0, len(text), size))
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(word).decode()}?=" for word in words)


def sender(mail_from: str) -> tuple[str, str]:
    """MAIL_FROM as (mailbox for the envelope, value of the From header)."""
    name, address = parseaddr(one_line(mail_from))
    box = mailbox(address)
    return box, f"{encoded(name)} <{box}>" if name else box


def written(envelope: Envelope, *, header_from: str, at: datetime) -> bytes:
    """The whole mail, ASCII only, CRLF, no line over 78 characters."""
    head = (
        f"From: {header_from}\r\n"
        f"To: <{mailbox(envelope.address)}>\r\n"
        f"Subject: {encoded(envelope.subject)}\r\n"
        f"Date: {_date(at.replace(microsecond=0))}\r\n"
        f"Message-ID: {one_line(envelope.message_id)}\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "X-Auto-Response-Suppress: All\r\n"
        "MIME-Version: 1.0\r\n"
    )
    if not envelope.html:
        return (head + _part("text/plain", envelope.text)).encode("ascii", "replace")
    parts = "".join(
        f"--{BOUNDARY}\r\n{_part(kind, words)}"
        for kind, words in (("text/plain", envelope.text), ("text/html", envelope.html))
    )
    top = f'Content-Type: multipart/alternative; boundary="{BOUNDARY}"\r\n\r\n'
    return f"{head}{top}{parts}--{BOUNDARY}--\r\n".encode("ascii", "replace")


@lru_cache(maxsize=8)
def _date(at: datetime) -> str:
    return format_datetime(at)


@lru_cache(maxsize=512)
def _cuts(count: int) -> tuple[slice, ...]:
    """Where so many lines of 76 characters begin and end: the same for every mail of a length."""
    return tuple(slice(start, start + 76) for start in range(0, count * 76, 76))


def _part(content: str, words: str) -> str:
    octets = "\r\n".join(words.splitlines()).encode("utf-8", "replace")
    lines = base64.b64encode(octets).decode()
    folded = "\r\n".join(map(lines.__getitem__, _cuts(-(-len(lines) // 76))))
    return f"Content-Type: {content}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{folded}\r\n"
