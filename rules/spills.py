"""What does a travel file say: how much was spilled, where does it flow, where was its front seen? (泄漏与河段)"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from rules.fields import InvalidIncident, mapping, moment, number, refuse_unknown, text
from rules.travel import SECONDS_PER_DAY, Reach, front_line

T = TypeVar("T")
Asked = Callable[[Mapping[str, object], str, Callable[[object, str], float], str], float]
HOUR = timedelta(hours=1)
KM_H = 3.6  # km/h in one m/s
FEWEST_FRONTS = 2
FILE = (
    "substance",
    "mass_kg",
    "released_at",
    "limit_mg_l",
    "reaches",
    "sections",
    "series_step_min",
    "observed_fronts",
)
REACH = ("name", "length_km", "velocity_m_s", "area_m2", "dispersion_m2_s", "decay_per_day", "dead_zone")


@dataclass(frozen=True, slots=True)
class Section:
    """A place to be told when: km downstream of the release."""

    name: str
    km: float


@dataclass(frozen=True, slots=True)
class Line:
    """The observed front's way: it passed ``start_km`` at ``origin`` and moves at ``speed_km_h``."""

    origin: datetime
    start_km: float
    speed_km_h: float

    def hours_to(self, km: float) -> float:
        """Hours from ``origin`` until the front is at ``km``."""
        return (km - self.start_km) / self.speed_km_h


@dataclass(frozen=True, slots=True, kw_only=True)
class Spill:
    """A travel file, checked; what nobody knows is None. ``notes`` names what was assumed in its stead."""

    substance: str | None
    mass_kg: float | None
    released_at: datetime | None
    limit_mg_l: float | None
    reaches: tuple[Reach, ...]
    sections: tuple[Section, ...]
    series_step_min: float | None
    line: Line | None
    notes: tuple[str, ...]


def parse(document: object) -> Spill:
    """A travel file, already read as JSON.

    errors   InvalidIncident for an unknown field (the nearest known one is named), a wrong or a missing value
    """
    fields = mapping(document, "泄漏文件")
    refuse_unknown(fields, FILE, "")
    line = _line(fields.get("observed_fronts"))
    mass = _optional(fields, "mass_kg", number)
    released_at = _optional(fields, "released_at", moment)
    if line is None and released_at is None:
        raise InvalidIncident("缺少 released_at:没有观测前锋(observed_fronts)时,须给出泄漏时间")
    return Spill(
        substance=_optional(fields, "substance", text),
        mass_kg=mass,
        released_at=released_at,
        limit_mg_l=_optional(fields, "limit_mg_l", positive),
        reaches=_reaches(fields.get("reaches"), line, _needed if mass is not None else _unneeded),
        sections=_sections(fields.get("sections")),
        series_step_min=_optional(fields, "series_step_min", positive),
        line=line,
        notes=tuple(_assumed(fields.get("reaches"), mass)),
    )


def positive(value: object, where: str) -> float:
    """A number above zero, in the unit the field names."""
    if not number(value, where):
        raise InvalidIncident(f"{where} 应大于 0")
    return number(value, where)


def _optional(fields: Mapping[str, object], name: str, read: Callable[[object, str], T], where: str = "") -> T | None:
    value = fields.get(name)
    return None if value is None else read(value, f"{where}{name}")


def _needed(fields: Mapping[str, object], name: str, read: Callable[[object, str], T], where: str) -> T:
    value = _optional(fields, name, read, where)
    if value is None:
        raise InvalidIncident(f"缺少 {where}{name}:没有它无法推算")
    return value


def _unneeded(fields: Mapping[str, object], name: str, read: Callable[[object, str], float], where: str) -> float:
    """Without a mass no strength is reckoned, so what only strength needs may be missing."""
    value = _optional(fields, name, read, where)
    return math.nan if value is None else value


def _rows(value: object, name: str, known: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, object]]]:
    if not isinstance(value, list):
        raise InvalidIncident(f"{name} 应为列表,现为 {value!r}")
    for position, entry in enumerate(value):
        row = mapping(entry, f"{name}[{position}]")
        refuse_unknown(row, known, f"{name}[{position}].")
        yield f"{name}[{position}].", row


def _sections(value: object) -> tuple[Section, ...]:
    if value is None:
        raise InvalidIncident("缺少 sections:列出要推算的断面,每项为 {name, km}")
    return tuple(
        Section(_optional(row, "name", text, where) or "", _needed(row, "km", positive, where))
        for where, row in _rows(value, "sections", ("name", "km"))
    )


def _line(value: object) -> Line | None:
    if value is None:
        return None
    seen = [
        (_needed(row, "km", number, where), _needed(row, "at", moment, where))
        for where, row in _rows(value, "observed_fronts", ("km", "at"))
    ]
    if len(seen) < FEWEST_FRONTS:
        raise InvalidIncident("observed_fronts 至少要两次观测,才能定出前锋速度")
    origin = min(at for _, at in seen)
    try:
        start_km, speed = front_line([km for km, _ in seen], [(at - origin) / HOUR for _, at in seen])
    except ValueError as fault:
        raise InvalidIncident("observed_fronts 不是向下游移动的前锋:核对各次观测的 km 与时间") from fault
    return Line(origin, start_km, speed)


def _reaches(value: object, line: Line | None, asked: Asked) -> tuple[Reach, ...]:
    rows = list(_rows(value if value is not None else [], "reaches", REACH))
    if not rows and line is None:
        raise InvalidIncident("reaches 为空:没有观测前锋时,须给出至少一个河段")
    return tuple(_reach(row, where, line, asked) for where, row in rows)


def _reach(row: Mapping[str, object], where: str, line: Line | None, asked: Asked) -> Reach:
    speed = _optional(row, "velocity_m_s", positive, where)
    dead_zone = _optional(row, "dead_zone", number, where)
    decay = _optional(row, "decay_per_day", number, where)
    if speed is None and line is None:
        raise InvalidIncident(f"缺少 {where}velocity_m_s:给出流速,或给出 observed_fronts")
    return Reach(
        name=_optional(row, "name", text, where) or "",
        length=1000 * (_needed if line is None else asked)(row, "length_km", positive, where),
        speed=_speed(speed, dead_zone, line),
        area=asked(row, "area_m2", positive, where),
        dispersion=asked(row, "dispersion_m2_s", positive, where),
        decay=(decay or 0.0) / SECONDS_PER_DAY,
    )


def _assumed(reaches: object, mass: float | None) -> Iterator[str]:
    """What the file leaves unknown and the reckoning takes as none, on the safe side: stronger, or earlier."""
    for where, row in _rows(reaches if reaches is not None else [], "reaches", REACH):
        if mass is not None and row.get("decay_per_day") is None:
            yield f"{where}decay_per_day 未知,按不衰减推算(浓度偏高)"
        if row.get("velocity_m_s") is not None and row.get("dead_zone") is None:
            yield f"{where}dead_zone 未知,按无滞水区推算(到达偏早)"


def _speed(velocity: float | None, dead_zone: float | None, line: Line | None) -> float:
    """Dead zones slow water that was measured; a front that was seen has already been slowed."""
    if velocity is not None:
        return velocity / (1 + (dead_zone or 0.0))
    assert line is not None
    return line.speed_km_h / KM_H
