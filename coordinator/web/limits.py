"""How often may one address ask a public page? Gently, and never at the price of the page itself."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from coordinator import queues

REPLIES = parse("5 per hour")
replies = FixedWindowRateLimiter(MemoryStorage())
limiter = Limiter(key_func=get_remote_address, strategy="fixed-window", headers_enabled=False)


def register(app: Flask) -> None:
    """Counts live in Redis; when it is away each process counts for itself."""
    app.config.update(
        RATELIMIT_STORAGE_URI=_storage(queues.url()),
        RATELIMIT_STORAGE_OPTIONS={"socket_timeout": 0.3, "socket_connect_timeout": 0.3},
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_SWALLOW_ERRORS=True,
        RATELIMIT_KEY_PREFIX="liandong",
    )
    limiter.init_app(app)


def _storage(url: str) -> str:
    """The limiter's own spelling of a Unix socket."""
    return url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url


def another_reply(number: str) -> bool:
    """Whether one more text may be answered: two robots must not talk to each other for ever."""
    return replies.hit(REPLIES, number)
