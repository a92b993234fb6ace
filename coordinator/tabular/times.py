"""When is a row: every way files write an hour or a day, as 北京时间."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from coordinator.errors import Refusal
from coordinator.tabular.columns import Column, Numbers, Stamps

BEIJING = ZoneInfo("Asia/Shanghai")
Hours = npt.NDArray[np.datetime64]
NEVER = np.datetime64("NaT", "h")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})[ T]?(?:(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?)?")
_LOOSE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"(?:[T\s]*(\d{1,2})\s*(?:[::时点]\s*(\d{1,2})?)?(?:[::分]\s*\d{1,2}(?:\.\d+)?)?\s*[分秒]?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?"
)


def hour(text: str) -> np.datetime64:
    """The hour a text names, floored to the full hour; NaT when it names none. 24:00 is the next day's 00:00."""
    word = text.strip().strip("\"'").removesuffix(".0")
    found = _COMPACT.fullmatch(word) or _LOOSE.fullmatch(word)
    if found is None:
        return _iso(word)
    year, month, day, clock = (int(part) if part else 0 for part in found.groups()[:4])
    zone = found.group(6) if found.re is _LOOSE else None
    try:
        at = datetime(year, month, day, tzinfo=BEIJING) + timedelta(hours=clock)
    except ValueError:
        return NEVER
    if clock > 24:
        return NEVER
    if zone:
        return _iso(f"{at:%Y-%m-%dT%H}:{found.group(5) or '00'}:00{'+00:00' if zone == 'Z' else zone}")
    return np.datetime64(at.replace(tzinfo=None), "h")


def _iso(word: str) -> np.datetime64:
    try:
        at = datetime.fromisoformat(word)
    except ValueError:
        return NEVER
    local = at.astimezone(BEIJING) if at.tzinfo else at
    return np.datetime64(local.replace(tzinfo=None), "h")


def hours(column: Column | Numbers | Stamps) -> Hours:
    """A column of times as datetime64[h], 北京时间; NaT where it can't be read."""
    if isinstance(column, Stamps):
        return column.values.astype("datetime64[h]")
    if isinstance(column, Numbers):
        return _numeric(column.values)
    understood = np.array([hour(word) for word in column.words] or [NEVER], dtype="datetime64[h]")
    if column.words and np.isnat(understood).all():
        epochs = _epochs(column)
        understood = understood if epochs is None else epochs
    return np.asarray(understood[column.codes])


def _epochs(column: Column) -> Hours | None:
    try:
        return _numeric(np.array([float(word) for word in column.words]))
    except ValueError:
        return None


def _numeric(values: npt.NDArray[np.float64]) -> Hours:
    """20190112, 2019011207, or seconds (milliseconds) since 1970 UTC."""
    known = values[~np.isnan(values)]
    if len(known) and known.max() < 10**8:
        return _compact(values, "%Y%m%d")
    if len(known) and known.min() > 1.9e9 and known.max() < 2.2e9 and (known % 100 < 25).all():
        return _compact(values, "%Y%m%d%H")
    seconds = np.where(values > 1e11, values / 1000, values)
    local = np.where(np.isnan(seconds), 0, seconds).astype("int64") + 8 * 3600
    return np.where(np.isnan(seconds), NEVER, local.astype("datetime64[s]").astype("datetime64[h]"))


def _compact(values: npt.NDArray[np.float64], _: str) -> Hours:
    distinct, codes = np.unique(values, return_inverse=True)
    read = [NEVER if np.isnan(value) else hour(str(int(value))) for value in distinct]
    return np.asarray(np.array(read, dtype="datetime64[h]")[codes])


def clocks(column: Column | Numbers | Stamps, name: str) -> npt.NDArray[np.float64]:
    """A column of hours of the day, 0–24; nan where it can't be read."""
    if isinstance(column, Numbers):
        return np.where((column.values >= 0) & (column.values <= 24), column.values, np.nan)
    if isinstance(column, Stamps):
        raise Refusal(f"列“{name}”应是 0—23 的小时,实为时间")
    return np.array([_clock(word) for word in column.words] or [np.nan])[column.codes]


def _clock(word: str) -> float:
    found = re.fullmatch(r"\s*(\d{1,2})(?:\.0)?\s*(?:[时点::]\s*(?:\d{1,2})?(?::\d{2})?)?\s*", word)
    return float(found.group(1)) if found and int(found.group(1)) <= 24 else float("nan")


def aware(value: np.datetime64) -> datetime:
    """A datetime64 of 北京时间 as an aware datetime."""
    naive = value.astype("datetime64[s]").astype(datetime)
    assert isinstance(naive, datetime)
    return naive.replace(tzinfo=BEIJING)


def stamp(at: datetime) -> np.datetime64:
    """An aware datetime as datetime64[h] of 北京时间, floored."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no zone")
    return np.datetime64(at.astimezone(BEIJING).replace(tzinfo=None), "h")
