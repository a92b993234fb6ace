"""Is this the password? Argon2id; nothing else is kept of it."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from coordinator.errors import Refusal

SHORTEST = 8


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody() -> str:
    """What an unknown officer's password is compared with, so that the answer takes as long."""
    return _hasher().hash("nobody")


def hashed(password: str) -> str:
    """The text to keep in Officer.password_hash; Refusal when it is too short to protect anything."""
    if len(password) < SHORTEST:
        raise Refusal(f"口令至少 {SHORTEST} 位")
    return _hasher().hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether ``password`` is the one behind ``kept``; takes the same time when there is none."""
    try:
        return _hasher().verify(kept or _nobody(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
