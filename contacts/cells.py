"""What does one cell of a stranger's table say: text, number, share, day, moment, yes or no."""

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")
BLANKS = frozenset({"", "-", "--", "—", "——", "/", "\\", "无", "n/a", "na", "null", "none", "nan", "#n/a"})
_LONGEST_BLANK = max(map(len, BLANKS))
YES = frozenset({"是", "√", "✓", "✔", "1", "y", "yes", "true", "t", "参演", "参加", "参与", "有", "on", "v"})
NO = BLANKS | {"否", "×", "✗", "0", "n", "no", "false", "f", "不参演", "不参加", "未参演", "不参与", "off", "x"}

_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u3000\ufffe\uffff]+")
_UNCLEAN = re.compile(f"{_INVISIBLE.pattern}|{_SPACE.pattern}")
_TEXT_FORMULA = re.compile(r'="([^"]*)"\Z')
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_CLOCK = re.compile(
    r"[T ]*(上午|下午|晚上|晚)? ?(\d{1,2})(?:[:时点](\d{1,2})?分?)?(?::(\d{1,2})(?:\.\d+)?)? ?(Z|[+-]\d{2}:?\d{2})?\Z",
    re.IGNORECASE,
)
_POINT_ZERO = re.compile(r"\A(\d+)\.0+\Z")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.I)


def text(value: object) -> str:
    """A cell as clean text: one line, no control or invisible characters, numbers as a person would write them.

    A formula that arrives as text stays text; Excel's ``="0012"`` and a leading ``'`` before digits are unwrapped.
    """
    if isinstance(value, str):
        return _clean(value) if value else ""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return _plain(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return _clean(str(value))


def _clean(value: str) -> str:
    if _UNCLEAN.search(value):
        value = _SPACE.sub(" ", _INVISIBLE.sub("", value)).strip()
    if value.startswith('="') and (literal := _TEXT_FORMULA.match(value)):
        return literal[1].strip()
    if value.startswith("'") and value[1:2].isdigit():
        return value[1:]
    return value


def _plain(value: float) -> str:
    """Past 15 digits a spreadsheet has already rounded: say so by keeping the exponent."""
    if not math.isfinite(value):
        return ""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def narrow(value: str) -> str:
    """Full-width digits, letters and punctuation as ASCII, without outer blanks."""
    return value if value.isascii() else unicodedata.normalize("NFKC", value).strip()


def key(value: str) -> str:
    """A code or number used as a name: narrow, and without the ``.0`` a spreadsheet leaves behind."""
    return _POINT_ZERO.sub(r"\1", narrow(value))


def blank(value: str) -> bool:
    """Holds for an empty cell and for the strokes people write in one."""
    return len(value) <= _LONGEST_BLANK and narrow(value).lower() in BLANKS


def number(value: str) -> float:
    """A finite number; a thousands comma and a following unit are allowed: ``1,200 万吨/年``."""
    found = _NUMBER.match(narrow(value).replace(",", ""))
    if not found or not math.isfinite(float(found[0])):
        raise ValueError(f"“{value}”不是数字")
    return float(found[0])


def unit(value: str) -> str:
    """What stands after the number: ``万吨/年``."""
    plain = narrow(value).replace(",", "")
    found = _NUMBER.match(plain)
    return plain[found.end() :].strip() if found else ""


def share(value: str, *, percent: str = "") -> float:
    """A share 0–1 from ``50%``, ``0.5``, ``50`` or 停产; ``percent`` is the heading, which may carry the ``%``."""
    plain = narrow(value).replace(" ", "")
    if plain in ("停产", "全停", "全部停产"):
        return 1.0
    if plain in ("不停不限", "不限产", "自主减排"):
        return 0.0
    if not re.fullmatch(r"\d+(\.\d+)?%?", plain):
        raise ValueError(f"“{value}”不是比例,请写 50% 或 0.5")
    amount = float(plain.rstrip("%"))
    if plain.endswith("%") or "%" in narrow(percent) or amount > 1:
        amount /= 100
    if amount > 1:
        raise ValueError(f"“{value}”超过 100%")
    return amount


def day(value: str) -> date:
    """A calendar day: ``2026-03-31``, ``2026/3/31``, ``2026年3月31日``, ``20260331``; a time of day is ignored."""
    return _day_and_rest(narrow(value))[0]


def _day_and_rest(plain: str) -> tuple[date, str]:
    if found := _DAY.match(plain):
        year, month, day_of_month = (int(part) for part in found.groups())
        rest = plain[found.end() :]
    elif re.match(r"\d{8}(?!\d)", plain):
        year, month, day_of_month, rest = int(plain[:4]), int(plain[4:6]), int(plain[6:8]), plain[8:]
    else:
        raise ValueError(f"“{plain}”不是日期,请写 2026-03-31")
    try:
        return date(year, month, day_of_month), rest
    except ValueError as error:
        raise ValueError(f"“{plain}”不是日历上的日子") from error


def moment(value: str) -> datetime:
    """An aware instant; without an offset it is Beijing time; 24:00 is the next midnight."""
    plain = narrow(value)
    on, rest = _day_and_rest(plain)
    if not rest.strip():
        return datetime.combine(on, time(), BEIJING)
    found = _CLOCK.match(rest)
    if not found:
        raise ValueError(f"“{value}”不是时间,请写 2026-11-22 08:00")
    half, hour, minute, second, offset = found.groups()
    hours = int(hour) + (12 if half in ("下午", "晚上", "晚") and int(hour) < 12 else 0)
    if hours > 24 or int(minute or 0) > 59 or int(second or 0) > 59 or (hours == 24 and int(minute or 0)):
        raise ValueError(f"“{value}”不是一天里的时刻")
    zone = datetime.fromisoformat(f"2000-01-01T00:00:00{_colon(offset)}").tzinfo if offset else BEIJING
    start = datetime.combine(on, time(), zone)
    return start + timedelta(hours=hours, minutes=int(minute or 0), seconds=int(second or 0))


def _colon(offset: str) -> str:
    return "+00:00" if offset in "Zz" else offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"


def yes(value: str) -> bool:
    """参演 and its like: 是/否, √/×, 1/0, yes/no; anything else is refused."""
    plain = narrow(value).lower()
    if plain in YES:
        return True
    if plain in NO:
        return False
    raise ValueError(f"“{value}”请写 是 或 否")


def degrees(limit: int) -> Callable[[str], float]:
    """A reader of longitudes (limit 180) or latitudes (limit 90)."""

    def read(value: str) -> float:
        amount = number(value.strip("°EeNn东北经纬 "))
        if abs(amount) > limit:
            raise ValueError(f"{value} 超出 ±{limit}°")
        return amount

    return read
