"""Codes, links and markers: derived from the key, so that doing a thing twice gives the same ones."""

import base64
import hashlib
import hmac
import os
from functools import cache

from coordinator import config


def _derive(*words: object) -> bytes:
    return _under(_key(os.environ.get("SECRET_KEY"), os.environ.get("LIANDONG_HOME")), *words)


def _under(key: bytes, *words: object) -> bytes:
    return hmac.digest(key, "\x1f".join(map(str, words)).encode(), "sha256")


@cache
def _key(secret: str | None, home: str | None) -> bytes:
    """Read once for each installation."""
    return config.load().secret_key.encode()


class Ring:
    """The key in hand, for tens of thousands of codes at a time."""

    def __init__(self) -> None:
        self._key = config.load().secret_key.encode()

    def code(self, subject: str, receiver: str) -> str:
        return _digits(_under(self._key, "code", subject, receiver))

    def link(self, subject: str, receiver: str) -> str:
        return _token(_under(self._key, "link", subject, receiver))

    def marker(self, *identity: object) -> str:
        return _letters(_under(self._key, "marker", *identity))


def _digits(derived: bytes) -> str:
    return f"{int.from_bytes(derived[:8]) % 10000:04d}"


def _token(derived: bytes) -> str:
    return base64.urlsafe_b64encode(derived[:16]).decode().rstrip("=")


def _letters(derived: bytes) -> str:
    return base64.b32encode(derived[:5]).decode()


def code(subject: str, receiver: str) -> str:
    """签收码: four digits of one receiver in one alert."""
    return _digits(_derive("code", subject, receiver))


def link(subject: str, receiver: str) -> str:
    """The token of the receiver's page: 128 bits."""
    return _token(_derive("link", subject, receiver))


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def marker(*identity: object) -> str:
    """Eight letters at the end of a text, by which a carrier's list can be searched for it."""
    return _letters(_derive("marker", *identity))


def callback_key(attempt: str) -> str:
    """Shows that a callback's address was made by us for this attempt."""
    return _derive("callback", attempt).hex()[:24]


def same(one: str, other: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
