"""How does a log line look? One JSON object a line, and nobody's number or address in it."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from coordinator import clock

PHONE = re.compile(r"(?<![\w.])(\+\d{1,3}|0086|86)?[ -]?(1[3-9]\d)[ -]?(\d{4})[ -]?(\d{4})(?!\d)")
ABROAD = re.compile(r"(\+\d{2})\d{5,10}(\d{2})(?!\d)")
MAIL = re.compile(r"([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
LINK = re.compile(r"/a/[A-Za-z0-9_-]{8,}")


def masked(text: str) -> str:
    """The same words without anybody's number, address or link: +86138****5678, z***@example.cn, /a/…

    >>> masked("to +8613812345678 and zhang@example.cn")
    'to +86138****5678 and z***@example.cn'
    """
    text = PHONE.sub(lambda found: f"{found[1] or ''}{found[2]}****{found[4]}", text)
    text = ABROAD.sub(lambda found: f"{found[1]}****{found[2]}", text)
    return LINK.sub("/a/…", MAIL.sub(r"\1***@\2", text))


def mask(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The processor that every line passes last before it is written."""
    return {name: _masked(value) for name, value in event.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {name: _masked(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(part) for part in value]
    return value if isinstance(value, int | float | bool) or value is None else masked(str(value))


def _stamp(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["at"] = clock.now().isoformat(timespec="milliseconds")
    return event


FIRST: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    _stamp,
]


class Writer(logging.StreamHandler[Any]):
    """Writes to stderr. A line that can't be written (a full disk) is counted and given up: sending goes on."""

    lines_lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        Writer.lines_lost += 1


def lost() -> int:
    """Lines this process could not write."""
    return Writer.lines_lost


def configure(style: str) -> None:
    """Send every logger's lines through the mask to stderr, as JSON or for a person's eyes."""
    last: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if style != "json":
        last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*FIRST, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _write_with(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=FIRST,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask,
                last,
            ],
        )
    )


def _write_with(formatter: logging.Formatter) -> None:
    """One writer on the root logger, however often this is called; the chatty ones speak only of trouble."""
    writer = Writer(sys.stderr)
    writer.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if not getattr(kept, "liandong", False)] + [writer]
    writer.liandong = True  # type: ignore[attr-defined]
    root.setLevel(logging.INFO)
    for chatty in ("apscheduler", "alembic", "twilio", "rq.worker"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
