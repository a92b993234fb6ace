"""When does a spill reach each section downstream, and how strong? The travel file in, the findings out."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from coordinator.errors import Refusal
from rules.fields import InvalidIncident
from rules.spills import KM_H, Section, Spill, parse
from rules.travel import WELL_MIXED, Slug, seconds_to, slug_at

HOUR = 3600.0
MOST_POINTS = 200_000
ROUNDING = 1e-9


def document(travel_file: object) -> dict[str, Any]:
    """The findings as ``incident travel --json`` prints them; a fault in the file is a Refusal."""
    try:
        spill = parse(travel_file)
        return {
            "substance": spill.substance,
            "released_at": _at(_release(spill), 0.0),
            "front_speed_km_h": _figure(_front_speed(spill)),
            "sections": [_section(section, spill) for section in spill.sections],
            "notes": list(_notes(spill)),
        }
    except InvalidIncident as fault:
        raise Refusal(str(fault)) from fault
    except (OverflowError, ZeroDivisionError) as fault:
        raise Refusal("数值过大或过小,无法推算:请核对各项的单位(千米、米每秒、平方米、毫克每升)") from fault


def _release(spill: Spill) -> datetime | None:
    """Hours count from the release; where only the front was seen, from when its line passes km 0."""
    if spill.released_at is None and spill.line is not None:
        return spill.line.origin + timedelta(hours=spill.line.hours_to(0.0))
    return spill.released_at


def _front_speed(spill: Spill) -> float:
    if spill.line is not None:
        return spill.line.speed_km_h
    time = sum(reach.length / reach.speed for reach in spill.reaches)
    return KM_H * sum(reach.length for reach in spill.reaches) / time


def _section(section: Section, spill: Spill) -> dict[str, Any]:
    passing = _passing(section, spill) if spill.mass_kg is not None and spill.reaches else {}
    return {"name": section.name, "km": section.km, "front_at": _front(section, spill, passing)} | passing


def _front(section: Section, spill: Spill, passing: dict[str, Any]) -> str | None:
    """Where the front was observed, its line; else when the limit is first met; without a mass, the water's own pace."""
    if spill.line is not None:
        return _at(spill.line.origin, spill.line.hours_to(section.km) * HOUR)
    if passing:
        arrives_at: str | None = passing["arrives_at"]
        return arrives_at
    _within(section, spill)
    return _at(spill.released_at, seconds_to(1000 * section.km, spill.reaches))


def _passing(section: Section, spill: Spill) -> dict[str, Any]:
    assert spill.mass_kg is not None
    slug = _slug(section, spill)
    whole = slug.passage(spill.limit_mg_l) if spill.limit_mg_l is not None and spill.mass_kg else None
    arrives, leaves = whole or (None, None)
    release = _release(spill)
    return {
        "arrives_at": _at(release, arrives),
        "arrives_h": _hours(arrives),
        "peak_at": _at(release, slug.peak_at),
        "peak_h": _hours(slug.peak_at),
        "peak_mg_l": _figure(slug.peak) if spill.mass_kg else 0.0,
        "leaves_at": _at(release, leaves),
        "leaves_h": _hours(leaves),
        "mass_kg": _figure(slug.passed()) if spill.mass_kg else 0.0,
    } | _series(slug, spill)


def _slug(section: Section, spill: Spill) -> Slug:
    """Nothing released is a slug of any mass, multiplied by zero."""
    _within(section, spill)
    return slug_at(spill.mass_kg or 1.0, 1000 * section.km, spill.reaches)


def _within(section: Section, spill: Spill) -> None:
    reach_km = sum(reach.length for reach in spill.reaches) / 1000
    if section.km > reach_km * (1 + ROUNDING):
        raise Refusal(f"断面 {section.name} 在 {section.km:g} km,河段只到 {reach_km:g} km:请补上其间的河段")


def _series(slug: Slug, spill: Spill) -> dict[str, Any]:
    if spill.series_step_min is None:
        return {}
    step = 60 * spill.series_step_min
    if slug.passage_end() / step > MOST_POINTS:
        raise Refusal(f"series_step_min 过小:过程线将超过 {MOST_POINTS} 个点,请加大步长")
    scale = 1.0 if spill.mass_kg else 0.0
    return {"series": [[round(t / HOUR, 6), _figure(scale * mg_l)] for t, mg_l in slug.series(step)]}


def _notes(spill: Spill) -> Iterator[str]:
    yield from spill.notes
    if spill.mass_kg is None:
        yield "mass_kg 未知:只给出前锋,不推算浓度"
    elif not spill.reaches:
        yield "reaches 为空:只给出前锋,不推算浓度"
    elif spill.limit_mg_l is None:
        yield "limit_mg_l 未知:给出峰值,不推算到达与离开"
    if len(spill.reaches) > 1 and min(reach.peclet for reach in spill.reaches) < WELL_MIXED:
        yield "有河段很短或弥散很强,多段衔接为近似,到达与峰值请留足余量"
    if spill.released_at is None:
        yield "released_at 未知:以前锋线经过 0 km 的时刻计"


def _at(start: datetime | None, seconds: float | None) -> str | None:
    if start is None or seconds is None:
        return None
    return (start + timedelta(seconds=round(seconds))).isoformat(timespec="seconds")


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / HOUR, 4)


def _figure(number: float) -> float:
    """Six significant figures: a limit may be 0.0001 mg/L."""
    return float(f"{number:.6g}")


def readable(found: dict[str, Any]) -> str:
    """The same findings as a duty officer reads them."""
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"前锋速度 {found['front_speed_km_h']:g} 千米/小时,自 {_clock(found['released_at'])} 起算"
    for section in found["sections"]:
        yield f"{section['name'] or '断面'}({section['km']:g} 千米):前锋 {_clock(section['front_at'])}"
        if "peak_at" in section:
            yield f"  {_exceeded(section)}"
            yield f"  峰值 {section['peak_mg_l']:g} 毫克/升,{_clock(section['peak_at'])}({section['peak_h']:.2f} 小时)"
            yield f"  通过质量 {section['mass_kg']:g} 千克"
    yield from (f"注意:{note}" for note in found["notes"])


def _exceeded(section: dict[str, Any]) -> str:
    if section["arrives_at"] is None:
        return "超标时段:无(峰值低于限值,或限值未知)"
    return f"超标 {_clock(section['arrives_at'])} 至 {_clock(section['leaves_at'])}"


def _clock(at: str | None) -> str:
    return f"{datetime.fromisoformat(at):%m月%d日 %H:%M}" if at else "——"
