"""Is this value of a JSON file what its field asks for?"""

import difflib
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))
FIRST_YEAR, LAST_YEAR = 1900, 2999  # beyond these it is a slip of the pen, and clocks can't be added
SOURCE_CATEGORIES = 5  # Ⅰ–Ⅴ类放射源


class InvalidIncident(ValueError):
    """The incident file can't be read as one: the sentence names the field and how to mend it."""


def moment(value: object, where: str) -> datetime:
    """An ISO 8601 time as an aware one in UTC+8; without an offset it is Beijing time.

    >>> moment("2026-03-01T00:00Z", "learned_at").isoformat()
    '2026-03-01T08:00:00+08:00'
    """
    if not isinstance(value, str) or len(value) < len("2026-03-01T0"):
        raise InvalidIncident(f"{where} 应为 ISO 8601 时间,如 2026-03-01T08:00+08:00,现为 {value!r}")
    try:
        at = datetime.fromisoformat(value.strip())
        at = (at if at.tzinfo else at.replace(tzinfo=BEIJING)).astimezone(BEIJING)
    except (ValueError, OverflowError):
        raise InvalidIncident(f"{where} 应为 ISO 8601 时间,如 2026-03-01T08:00+08:00,现为 {value!r}") from None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise InvalidIncident(f"{where} 的年份应在 {FIRST_YEAR}–{LAST_YEAR} 之间,现为 {value!r}")
    return at


def number(value: object, where: str) -> float:
    """A finite number that is not negative, in the unit the field names; a truth value is not a number."""
    endless = isinstance(value, float) and not math.isfinite(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or endless or value < 0:
        raise InvalidIncident(f"{where} 应为不小于 0 的数,现为 {value!r};不知道就不写或写 null")
    return value


def count(value: object, where: str) -> int:
    """A whole number of people, 0 or more."""
    if number(value, where) != int(number(value, where)):
        raise InvalidIncident(f"{where} 应为整数,现为 {value!r}")
    return int(number(value, where))


def truth(value: object, where: str) -> bool:
    """true or false, nothing that merely resembles them."""
    if not isinstance(value, bool):
        raise InvalidIncident(f"{where} 应为 true 或 false,现为 {value!r};不知道就不写或写 null")
    return value


def text(value: object, where: str) -> str:
    """A text with something in it."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidIncident(f"{where} 应为非空文字,现为 {value!r}")
    return value.strip()


def category(value: object, where: str) -> int:
    """A source category 1 to 5 (Ⅰ–Ⅴ类放射源, 1 the most dangerous)."""
    if not 1 <= count(value, where) <= SOURCE_CATEGORIES:
        raise InvalidIncident(f"{where} 应为 1–5 的整数(Ⅰ–Ⅴ类放射源),现为 {value!r}")
    return count(value, where)


def one_of(*words: str) -> Callable[[object, str], str]:
    """A reader of one known word.

    >>> one_of("lost", "none")("lost", "radiation.source_event")
    'lost'
    """

    def _read(value: object, where: str) -> str:
        if not isinstance(value, str) or value not in words:
            raise InvalidIncident(f"{where} 应为 {'、'.join(words)} 之一,现为 {value!r}{near(value, words)}")
        return value

    return _read


def some_of(*words: str) -> Callable[[object, str], tuple[str, ...]]:
    """A reader of a list of known words; repeated ones count once."""

    def _read(value: object, where: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise InvalidIncident(f"{where} 应为列表,元素取 {'、'.join(words)},现为 {value!r}")
        return tuple(dict.fromkeys(one_of(*words)(word, where) for word in value))

    return _read


def mapping(value: object, where: str) -> Mapping[str, object]:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise InvalidIncident(f"{where} 应为 JSON 对象 {{…}},现为 {type(value).__name__}")
    return value


def refuse_unknown(fields: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    """A misspelt field would silently be an unknown fact, so it is refused with the nearest known one."""
    for name in fields:
        if name not in known:
            raise InvalidIncident(f"未知字段 {where}{name}{near(name, known, '最接近的已知字段是')}")


def near(word: object, known: tuple[str, ...], says: str = "最接近的是") -> str:
    """The known word most like this one, as the end of a sentence.

    >>> near("prefectur", ("prefecture", "county"))
    ';最接近的是 prefecture'
    """
    found = difflib.get_close_matches(str(word), known, n=1, cutoff=0.0)
    return f";{says} {found[0]}" if found else ""
