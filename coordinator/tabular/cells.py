"""What does a cell say: a number, nothing, or something impossible that must not count?"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from coordinator.tabular.columns import Column, Numbers, Stamps

Floats = npt.NDArray[np.float64]

_LATIN = ("", "-", "--", "—", "——", "–", "-;", "—;", "/", "\\", "\\n", "*", ".", "?", "na", "n/a", "#n/a", "<na>")
_WORDS = ("nan", "null", "none", "nil", "missing", "无", "缺", "缺测", "无效", "暂无")
MARKS = frozenset(_LATIN + _WORDS)
SENTINELS = frozenset({-9999.0, -999.0, -99.0, -9.0, -1.0, 9999.0, 99999.0, 999999.0, 32767.0, -32768.0})


def numbers(column: Column | Numbers | Stamps, name: str, *, highest: float) -> tuple[Floats, Counter[str]]:
    """The column as numbers, nan where it says nothing usable, with a count of each reason.

    name     the pollutant, for the reasons; highest  a value above this can't be a concentration of it
    """
    reasons: Counter[str] = Counter()
    if isinstance(column, Column):
        said = [_said(word) for word in column.words]
        values = np.array([value for value, _ in said], dtype=np.float64)[column.codes]
        uses = np.bincount(column.codes, minlength=len(said))
        for (_, reason), count in zip(said, uses, strict=True):
            if reason and count:
                reasons[f"{name} {reason}"] += int(count)
    elif isinstance(column, Numbers):
        values = column.values.copy()
        unusual = np.flatnonzero((values < 0) | (values >= 9999))
        values[unusual[np.isin(values[unusual], list(SENTINELS))]] = np.nan
    else:
        return np.full(len(column), np.nan), Counter({f"{name} 是时间而不是数": len(column)})
    with np.errstate(invalid="ignore"):
        faults = {"为无穷大": np.isinf(values), "为负": values < 0, f"大于 {highest:g}": values > highest}
    wrong = np.zeros(len(values), dtype=np.bool_)
    for reason, where in faults.items():
        where = where & ~wrong
        wrong |= where
        if where.any():
            reasons[f"{name} {reason}"] += int(where.sum())
    return np.where(wrong, np.nan, values), reasons


def _said(word: str) -> tuple[float, str]:
    text = word.strip().strip("\"'").strip()
    if not text or text.lower() in MARKS:
        return float("nan"), ""
    try:
        value = float(text)
    except ValueError:
        return float("nan"), "不是数"
    if "_" in text:
        return float("nan"), "不是数"
    return (float("nan"), "") if value in SENTINELS else (value, "")


def limits_or(limits: Mapping[str, float], name: str) -> float:
    """The highest believable value of a column, by its pollutant."""
    return limits.get(name, limits.get(name.removesuffix("_24h"), limits.get(name.partition("_")[0], 1e5)))
