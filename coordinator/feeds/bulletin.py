"""A forecaster's table 会商预报表: city × day, AQI as a range, primary pollutant beside it; any of the usual layouts."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from contacts import cells, sheets
from contacts.complaints import Unreadable
from coordinator.clock import BEIJING
from coordinator.errors import Refusal
from coordinator.feeds import Handed, Kind
from coordinator.screening import Rejected, rejected

LONGEST_HEADING = 12  # rows above the table: title, issuer, remarks
CATEGORIES = {
    "优": (0, 50), "良": (51, 100), "轻度": (101, 150), "中度": (151, 200), "重度": (201, 300), "严重": (301, 500),
}  # fmt: skip
POLLUTANTS = {
    "PM2.5": r"PM_?2[._]?5|细颗粒物", "PM10": r"PM_?10|可吸入颗粒物", "O3_8h": r"O3|臭氧", "NO2": r"NO2|二氧化氮",
    "SO2": r"SO2|二氧化硫", "CO": r"\bCO\b|一氧化碳",
}  # fmt: skip

_RANGE = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d+)?)\s*(?:[~~∼〜—–−至到\-]|--|——)\s*(\d{1,3}(?:\.\d+)?)(?![\d.])")
_SINGLE = re.compile(r"(?<![\dA-Za-z._])(\d{1,3}(?:\.\d+)?)(?![\dA-Za-z.])")
_CATEGORY = re.compile("|".join(CATEGORIES).replace("轻度", "轻度?").replace("中度", "中度?").replace("重度", "重度?"))
_DAY = re.compile(r"(?:(\d{4})\s*[-/.年]\s*)?(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?")
_DAY_ALONE = re.compile(r"(\d{1,2})\s*[日号]")
_CITY_TITLE = re.compile(r"城\s*市|地\s*市|city", re.IGNORECASE)
_DAY_TITLE = re.compile(r"日\s*期|预报日|date|^time$|^时间$|^day$", re.IGNORECASE)
_PRIMARY_TITLE = re.compile(r"首要污染物|首要|primary", re.IGNORECASE)
_LOW_TITLE = re.compile(r"(aqi)?.*(下限|最低|最小|low|min)", re.IGNORECASE)
_HIGH_TITLE = re.compile(r"(aqi)?.*(上限|最高|最大|high|max)", re.IGNORECASE)
_AQI_TITLE = re.compile(r"aqi|空气质量指数|指数|预报", re.IGNORECASE)
_GRADE_TITLE = re.compile(r"等级|级别|类别|category", re.IGNORECASE)

Grid = list[tuple[int, list[str]]]
Row = tuple[int, dict[str, object]]


def aqi_range(text: str) -> tuple[float, float]:
    """(lower, upper) of a stated AQI: ``180-220``, ``180~220``, ``200``, ``中度至重度``; ValueError when it says none.

    >>> aqi_range("中度至重度污染(180~220)PM2.5")
    (180.0, 220.0)
    """
    plain = re.sub("|".join(POLLUTANTS.values()), " ", cells.narrow(text), flags=re.IGNORECASE)
    if found := _RANGE.search(plain):
        low, high = sorted((float(found[1]), float(found[2])))
        return low, high
    if re.fullmatch(r"\D*", plain) is None:
        if re.search(r"-\s*\d", plain) or not (single := _SINGLE.search(plain)):
            raise ValueError(f"“{text}”不是 AQI 或其范围,请写作 180-220")
        return float(single[1]), float(single[1])
    bounds = [bound for word in _CATEGORY.findall(plain) for bound in CATEGORIES[_full(word)]]
    if not bounds:
        raise ValueError(f"“{text}”不是 AQI 或其范围,请写作 180-220")
    return float(min(bounds)), float(max(bounds))


def _full(word: str) -> str:
    return next(name for name in CATEGORIES if name.startswith(word))


def pollutants(text: str) -> str:
    """The pollutants a text names, joined by ``;`` in the order they are written; "" when none."""
    plain = cells.narrow(text)
    places = {
        name: found.start() for name, words in POLLUTANTS.items() if (found := re.search(words, plain, re.IGNORECASE))
    }
    return ";".join(sorted(places, key=places.__getitem__))


def read(path: Path, *, source: str, issued_at: datetime, name: str = "") -> Handed:
    """The table in a file; Refusal when there is none, with what was looked for."""
    shown = name or path.name
    try:
        tables, _ = sheets.read(path, _likeness)
        grids = [[(number, [cells.text(cell) for cell in row]) for number, row in table.rows] for table in tables]
    except Unreadable as error:
        raise Refusal(str(error).replace(str(path), shown)) from error
    rows: list[Row] = []
    faults: list[Rejected] = []
    for grid in grids:
        for number, row in _table(grid, issued_at.astimezone(BEIJING).date()):
            _take(number, row, rows, faults)
    if not rows and not faults:
        raise Refusal(f"{shown} 里没有找到“城市 × 日期”的预报表;第一列写城市,表头写日期,格内写 AQI 范围,例如 180-220")
    return Handed(
        kind=Kind.FORECASTS, source=source, raw=path.read_bytes(), rows=rows, issued_at=issued_at, rejected=faults
    )


def _take(number: int, row: dict[str, str], rows: list[Row], faults: list[Rejected]) -> None:
    """One cell of the table: read, or complained about; an empty cell says nothing."""
    written = row["AQI"]
    if cells.blank(written):
        return
    try:
        low, high = aqi_range(written)
    except ValueError as error:
        faults.append(rejected(number, row["day"], written, str(error)))
        return
    primary = pollutants(row.get("primary", "")) or pollutants(written)
    rows.append((number, {"city": row["city"], "time": row["day"], "AQI": f"{low:g}-{high:g}", "primary": primary}))


def _likeness(block: list[list[object]]) -> tuple[int, int]:
    """The delimiter that leaves most cells with something in them is the one."""
    widths = [sum(bool(cells.text(cell)) for cell in row) for row in block]
    return max(widths, default=0), sum(widths)


def _table(grid: Grid, near: date) -> Iterator[tuple[int, dict[str, str]]]:
    """Whatever the layout: one record per city and day."""
    for place, (_, heading) in enumerate(grid[:LONGEST_HEADING]):
        titles = [cells.narrow(title) for title in heading]
        city = _first(_CITY_TITLE, titles)
        day = _first(_DAY_TITLE, titles)
        days = _days(titles, near)
        below = grid[place + 1 :]
        if city is not None and day is not None and not days:
            yield from _long(titles, below, (city, day), near)
            return
        if days and len(days) >= 1 and (city is not None or (titles and not _day(titles[0], near))):
            yield from _wide(Wide(city or 0, days), below)
            return
        if day is not None or (city is not None and not days):
            yield from _across(titles, below, near)
            return


@dataclass(frozen=True, slots=True)
class Wide:
    """City in one column, a day over each column or pair of columns."""

    city: int
    days: dict[int, date]


def _wide(layout: Wide, below: Grid) -> Iterator[tuple[int, dict[str, str]]]:
    """The primary pollutant stands in the same cell, or in the column after it."""
    for number, row in below:
        name = row[layout.city] if layout.city < len(row) else ""
        if cells.blank(name) or _AQI_TITLE.fullmatch(cells.narrow(name)) or _CITY_TITLE.search(name):
            continue
        for place, day in layout.days.items():
            if place >= len(row):
                continue
            following = row[place + 1] if place + 1 < len(row) and place + 1 not in layout.days else ""
            yield number, {"city": name, "day": day.isoformat(), "AQI": row[place], "primary": following}


def _long(titles: list[str], below: Grid, key: tuple[int, int], near: date) -> Iterator[tuple[int, dict[str, str]]]:
    """One row per city and day, with AQI, or its bounds, in columns of their own."""
    primary, grade = _first(_PRIMARY_TITLE, titles), _first(_GRADE_TITLE, titles)
    low, high = _first(_LOW_TITLE, titles), _first(_HIGH_TITLE, titles)
    named = [place for place, title in enumerate(titles) if _AQI_TITLE.search(title) and place not in (*key, primary)]
    aqi = named[0] if named else -1 if grade is None else grade
    beside = -1 if primary is None else primary
    for number, row in below:
        cell = dict(enumerate(row))
        if cells.blank(cell.get(key[0], "")):
            continue
        written = (
            f"{cell.get(low, '')}-{cell.get(high, '')}" if low is not None and high is not None else cell.get(aqi, "")
        )
        day = _day(cell.get(key[1], ""), near)
        yield (
            number,
            {
                "city": cell[key[0]],
                "day": day.isoformat() if day else cell.get(key[1], ""),
                "AQI": "" if written == "-" else written,
                "primary": cell.get(beside, ""),
            },
        )


def _across(titles: list[str], below: Grid, near: date) -> Iterator[tuple[int, dict[str, str]]]:
    """Days down, cities across."""
    for number, row in below:
        day = _day(row[0], near) if row else None
        if day is None:
            continue
        for place, name in enumerate(titles[1:], start=1):
            if not cells.blank(name) and not _PRIMARY_TITLE.search(name) and place < len(row):
                beside = place + 1 < len(titles) and (not titles[place + 1] or _PRIMARY_TITLE.search(titles[place + 1]))
                primary = row[place + 1] if beside and place + 1 < len(row) else ""
                yield number, {"city": name, "day": day.isoformat(), "AQI": row[place], "primary": primary}


def _first(pattern: re.Pattern[str], titles: Sequence[str]) -> int | None:
    return next((place for place, title in enumerate(titles) if pattern.search(title)), None)


def _days(titles: Sequence[str], near: date) -> dict[int, date]:
    """Columns whose title is a day; of a title merged over two columns the first counts."""
    found: dict[int, date] = {}
    for place, title in enumerate(titles):
        day = _day(title, near)
        if day and not _PRIMARY_TITLE.search(title) and day not in found.values():
            found[place] = day
    return found


def _day(text: str, near: date) -> date | None:
    """``2026-01-12``, ``1月12日``, ``12日``: without a year or month, the one nearest to the day of issue."""
    plain = cells.narrow(text)
    full, alone = _DAY.search(plain), _DAY_ALONE.search(plain)
    if full:
        month, day = int(full[2]), int(full[3])
        years = [int(full[1])] if full[1] else [near.year - 1, near.year, near.year + 1]
        tries = [(year, month, day) for year in years]
    elif alone:
        tries = [(at.year, at.month, int(alone[1])) for at in (near - timedelta(27), near, near + timedelta(27))]
    else:
        return None
    days = [made for one in tries if (made := _made(*one))]
    return min(days, key=lambda made: abs(made - near), default=None)


def _made(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
