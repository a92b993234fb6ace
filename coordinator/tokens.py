"""Codes, links and markers: derived from the key, so that doing a thing twice gives the same ones."""

import base64
import hashlib
import hmac
import os
from functools import cache

from coordinator import config


def _derive(*words: object) -> bytes:
    text = "\x1f".join(str(word) for word in words)
    return hmac.digest(_key(os.environ.get("SECRET_KEY"), os.environ.get("LIANDONG_HOME")), text.encode(), "sha256")


@cache
def _key(secret: str | None, home: str | None) -> bytes:
    """Read once for each installation: tens of thousands of codes are made at a time."""
    return config.load().secret_key.encode()


def code(subject: str, receiver: str) -> str:
    """签收码: four digits of one receiver in one alert."""
    return f"{int.from_bytes(_derive('code', subject, receiver)[:8]) % 10000:04d}"


def link(subject: str, receiver: str) -> str:
    """The token of the receiver's page: 128 bits."""
    return base64.urlsafe_b64encode(_derive("link", subject, receiver)[:16]).decode().rstrip("=")


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def marker(*identity: object) -> str:
    """Eight letters at the end of a text, by which a carrier's list can be searched for it."""
    return base64.b32encode(_derive("marker", *identity)[:5]).decode()


def callback_key(attempt: str) -> str:
    """Shows that a callback's address was made by us for this attempt."""
    return _derive("callback", attempt).hex()[:24]


def same(one: str, other: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
