"""How is what callers write turned into values, and refused in words when it can't be?"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from flask.json.provider import DefaultJSONProvider
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from werkzeug.routing import IntegerConverter

from coordinator import clock, rulebook
from coordinator.errors import NotFound, Refusal
from rules.levels import Level

T = TypeVar("T")
PROJECT = Path(__file__).resolve().parents[2]
DEEPEST = 40
PAGE_SIZE = 50
YEARS = range(1950, 2200)


class Row(IntegerConverter):
    """An id in a path: what no column can hold is simply not there (404)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"min": 1, "max": 2**31 - 1})


class Provider(DefaultJSONProvider):
    """JSON as RFC 8259 has it: no NaN, no lone surrogates, no NUL, no bottomless nesting."""

    ensure_ascii = False
    sort_keys = False

    @staticmethod
    def default(o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else DefaultJSONProvider.default(o)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            found = json.loads(s, parse_constant=_no_constant)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        for words, depth in _walk(found):
            if depth > DEEPEST:
                raise ValueError("nested too deeply")
            if "\x00" in words:
                raise ValueError("text holds NUL")
            words.encode()  # half a character is a ValueError too
        return found


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def _walk(found: Any) -> Iterator[tuple[str, int]]:
    """Every text in it with its depth; a number or a branch counts as an empty text."""
    waiting = [(found, 0)]
    while waiting:
        value, depth = waiting.pop()
        yield value if isinstance(value, str) else "", depth
        if depth > DEEPEST:
            continue
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]


def moment(text: str, where: str) -> datetime:
    """ISO 8601; a time without offset is Asia/Shanghai."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refusal(f"{where}: “{text[:40]}”不是 ISO 8601 时间；例如 2026-01-15T18:00:00+08:00") from error
    if found.year not in YEARS:
        raise Refusal(f"{where}: {found.year} 年超出范围 {YEARS.start}–{YEARS.stop - 1}")
    return found if found.tzinfo else found.replace(tzinfo=clock.BEIJING)


def cities(names: Sequence[str], where: str = "cities") -> tuple[str, ...]:
    """Codes of the named cities, once each. An empty list is refused: it never means all."""
    if not names:
        raise Refusal(f"{where}: 没有写城市；空名单不等于“全部”，请逐个写明")
    return tuple(dict.fromkeys(rulebook.city(name.strip()).code for name in names))


def level(text: str, where: str = "level") -> Level:
    """A level that an alert can have."""
    try:
        found = Level.parse(text)
    except ValueError as error:
        raise Refusal(f"{where}: {error}") from error
    if found is Level.NONE:
        raise Refusal(f"{where}: 须为 pre、blue、yellow、orange、red 之一；要结束预警请用 lift")
    return found


def plain(text: str) -> str:
    """What somebody typed, without what no database keeps."""
    return "".join(letter for letter in text if letter == "\n" or letter.isprintable()).strip()[:2000]


def paged(session: Session, query: Select[T], page: int, size: int = PAGE_SIZE) -> tuple[list[T], dict[str, int]]:
    """One page of the rows asked for, and where in the list it stands."""
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    rows = list(session.scalars(query.offset((page - 1) * size).limit(size)))
    return rows, {"page": page, "page_size": size, "pages": max(1, -(-total // size)), "total": total}


def found(row: T | None, sentence: str) -> T:
    """The row, or 404 with this sentence."""
    if row is None:
        raise NotFound(sentence)
    return row
