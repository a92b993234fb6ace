"""What does a mail say? Read quickly where it is written plainly, by the email package where it isn't."""

import base64
import binascii
import email
import email.policy
import re
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import EmailMessage

FOLD = re.compile(r"\r?\n[ \t]+")
WORD = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/=]*)\?=", re.IGNORECASE)
BOUNDARY = re.compile(r'boundary="?([^";\s]+)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """The parts an inbox shows."""

    subject: str = ""
    text: str = ""
    html: str = ""
    message_id: str = ""


def read(raw: bytes) -> Letter:
    """Plainly written: base64 parts in UTF-8, at most one level of multipart."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    headers = _headers(head)
    kind = headers.get("content-type", "text/plain")
    try:
        if kind.startswith("multipart/alternative"):
            parts = dict(_alternatives(rest, kind))
        else:
            parts = dict([_part(kind, headers.get("content-transfer-encoding", ""), rest)])
        subject = _subject(headers.get("subject", ""))
    except (ValueError, LookupError):
        return _read_slowly(raw)
    return Letter(subject, parts.get("text/plain", ""), parts.get("text/html", ""), headers.get("message-id", ""))


def _headers(head: bytes) -> dict[str, str]:
    lines = FOLD.sub(" ", head.decode("utf-8", "replace")).splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _alternatives(rest: bytes, kind: str) -> list[tuple[str, str]]:
    found = BOUNDARY.search(kind)
    if found is None:
        raise ValueError("multipart without a boundary")
    chunks = rest.split(b"--" + found[1].encode())[1:-1]
    parts = []
    for chunk in chunks:
        head, _, body = chunk.strip(b"\r\n").partition(b"\r\n\r\n")
        headers = _headers(head)
        parts.append(
            _part(headers.get("content-type", "text/plain"), headers.get("content-transfer-encoding", ""), body)
        )
    return parts


def _part(kind: str, encoding: str, body: bytes) -> tuple[str, str]:
    name = kind.partition(";")[0].strip().lower()
    if name not in ("text/plain", "text/html") or ("charset" in kind and "utf-8" not in kind.lower()):
        raise ValueError("not plainly written")
    if encoding.lower() == "base64":
        return name, base64.b64decode(body).decode().replace("\r\n", "\n")
    if encoding.lower() in ("", "7bit", "8bit"):
        return name, body.decode().replace("\r\n", "\n").rstrip("\n")
    raise ValueError("not plainly written")


def _subject(value: str) -> str:
    if "=?" not in value:
        return value
    words = WORD.findall(value)
    if "".join(WORD.sub("", value).split()):
        return str(make_header(decode_header(value)))
    try:
        return b"".join(base64.b64decode(word) for word in words).decode()
    except binascii.Error as error:
        raise ValueError("broken subject") from error


def _read_slowly(raw: bytes) -> Letter:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    words = {}
    for kind in ("plain", "html"):
        part = parsed.get_body(preferencelist=(kind,))
        words[kind] = str(part.get_content()) if part is not None else ""
    return Letter(str(parsed.get("Subject", "")), words["plain"], words["html"], str(parsed.get("Message-ID", "")))
