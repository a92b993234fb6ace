"""Which of the values handed in can be believed, and what exactly is wrong with the others?"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from coordinator.clock import BEIJING

COLUMNS = {
    "PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "O3": "o3", "CO": "co", "O3_8h": "o3_8h", "AQI": "aqi",
}  # fmt: skip
TOP_INDEX = 500.0
ABSENT = frozenset({"", "-", "--", "—", "——", "-;", "/", "null", "none", "na", "n/a"})
AHEAD = timedelta(minutes=10)
OLDEST = timedelta(hours=72)
OFF_THE_HOUR = timedelta(minutes=10)
HOUR = timedelta(hours=1)
LONGEST_SHOWN = 60

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_STATION = re.compile(r"[\w.·()()#-]{1,64}")
_KNOWN = {title.lower().replace(".", "").replace("_", ""): name for title, name in COLUMNS.items()}


class Unbelievable(ValueError):
    """One value that can't be used, with the reason as a person would say it."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One value, where it stood, and why it was set aside."""

    row: int
    column: str
    value: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.column, "value": self.value, "reason": self.reason}


def rejected(row: int, column: str, value: object, reason: str) -> Rejected:
    """A value set aside, its text cut to what a table can show and a database can keep."""
    return Rejected(row, _shown(column), "" if value is None else _shown(str(value)), _shown(reason, 3 * LONGEST_SHOWN))


def _shown(text: str, longest: int = LONGEST_SHOWN) -> str:
    plain = text[:longest].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return plain if len(text) <= longest else f"{plain}…"


def column(title: object) -> str | None:
    """Which column of the air a title means: ``PM2.5``, ``pm2_5`` and ``pm25`` are one; None for all others."""
    return _KNOWN.get(str(title).strip().lower().replace(".", "").replace("_", "").replace(" ", ""))


def concentration(name: str, value: object, highest: Mapping[str, float]) -> float | None:
    """The number of a value in column ``name``; None where it says that there is none; Unbelievable with the reason."""
    number = _number(value)
    if number is None:
        return None
    if not math.isfinite(number):
        raise Unbelievable("不是有限的数")
    if number < 0:
        raise Unbelievable("负值,不可能")
    if number > highest[name]:
        raise Unbelievable(f"超过可能的最大值 {highest[name]:g}" + ("(CO 的单位是 mg/m³)" if name == "co" else ""))
    return number


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unbelievable("不是数")
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in ABSENT:
            return None
        if not _NUMBER.fullmatch(text):
            raise Unbelievable("不是数" + (";小数点请用“.”" if "," in text or "," in text else ""))
        return float(text)
    try:
        return float(value)
    except OverflowError:
        raise Unbelievable("不是有限的数") from None


def moment(value: object) -> datetime:
    """An aware UTC instant; a text without a zone is Beijing time. Unbelievable for anything else."""
    if isinstance(value, datetime):
        read = value
    elif isinstance(value, str):
        try:
            read = datetime.fromisoformat(value.strip().replace("/", "-"))
        except ValueError:
            raise Unbelievable("不是时间;请写作 2026-01-12T08:00:00+08:00") from None
    else:
        raise Unbelievable("不是时间;请写作 2026-01-12T08:00:00+08:00")
    try:
        return (read if read.tzinfo else read.replace(tzinfo=BEIJING)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise Unbelievable("时间超出范围") from None


def full_hour(at: datetime) -> datetime:
    """The hour a reading belongs to: clocks may be 10 minutes off, not more."""
    nearest = (at + HOUR / 2).replace(minute=0, second=0, microsecond=0)
    if abs(at - nearest) > OFF_THE_HOUR:
        raise Unbelievable("不是整点;小时值请写整点时间")
    return nearest


@dataclass(slots=True)
class Dated:
    """Reads the times of one hand-over, each text once. ``replay``: history is welcome, the future never."""

    now: datetime
    replay: bool
    _known: dict[object, datetime] = field(default_factory=dict)

    def observed(self, value: object) -> datetime:
        """The hour of a reading; Unbelievable when it lies ahead, or more than 72 hours back."""
        at = self._known.get(value) if isinstance(value, str) else None
        if at is None:
            at = self._judged(moment(value))
            if isinstance(value, str):
                self._known[value] = at
        return at

    def said(self, value: object) -> datetime:
        """When something was said to be issued: not ahead, not long past."""
        return self._believed(moment(value))

    def _judged(self, at: datetime) -> datetime:
        return full_hour(self._believed(at))

    def _believed(self, at: datetime) -> datetime:
        if at > self.now + AHEAD:
            raise Unbelievable(f"在未来:现在是 {self.now.astimezone(BEIJING):%Y-%m-%d %H:%M}(北京时间),请核对时区")
        if at < self.now.replace(minute=0, second=0, microsecond=0) - OLDEST and not self.replay:
            raise Unbelievable("过时:早于 72 小时;补录历史请在请求中写 replay: true")
        return at


@dataclass(frozen=True, slots=True)
class Places:
    """Finds the city of a row: ``city`` turns a name or code into a code or None; ``stations`` is the register."""

    city: Callable[[str], str | None]
    stations: Mapping[str, str]
    _known: dict[str, str | None] = field(default_factory=dict)

    def of(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """(city code, station code or ""); Unbelievable, by name, for a place nobody knows."""
        station, written = _word(row.get("station")), _word(row.get("city"))
        city = self._city(written) if written else ""
        if not station:
            if not written:
                raise Unbelievable("没有写 city 或 station")
            return city, ""
        if not _STATION.fullmatch(station):
            raise Unbelievable("不是站点编码")
        registered = self.stations.get(station)
        if registered and city and registered != city:
            raise Unbelievable(f"站点 {station} 登记在 {registered},与所写城市 {written} 不符")
        if not (registered or city):
            raise Unbelievable(f"站点 {station} 不在站点名录中;请先用 import stations 导入")
        return registered or city, station

    def _city(self, written: str) -> str:
        if written not in self._known:
            self._known[written] = self.city(written)
        found = self._known[written]
        if found is None:
            raise Unbelievable("不认识的城市;请写六位行政区划代码或城市短名")
        return found


def _word(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        if value is None:
            return ""
        raise Unbelievable("不是文字")
    return str(value).strip()


def measured(
    place: int, row: Mapping[str, Any], highest: Mapping[str, float]
) -> tuple[dict[str, float | None], list[Rejected]]:
    """The believable values of a row by column, and what was set aside. A named absence stays, as None.

    highest  column → above it nothing is believed, µg/m³ (CO mg/m³)
    """
    values: dict[str, float | None] = {}
    complaints = []
    for title, value in row.items():
        name = column(title)
        if name is None:
            continue
        try:
            values[name] = concentration(name, value, highest)
        except Unbelievable as fault:
            complaints.append(rejected(place, title, value, str(fault)))
    return values, complaints


def weighed(place: int, values: dict[str, float | None]) -> list[Rejected]:
    """Take out particles of exactly zero: instruments of the national network say so when they measured nothing."""
    zeros = [name for name in ("pm25", "pm10") if values.get(name) == 0]
    for name in zeros:
        del values[name]
    titles = {name: title for title, name in COLUMNS.items()}
    return [rejected(place, titles[name], 0, "颗粒物为 0:是仪器无效值,不是清洁空气") for name in zeros]
