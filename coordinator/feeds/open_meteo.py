"""Open-Meteo's air-quality forecast (CAMS): hourly concentrations for the region's cities, by their coordinates."""

import http.client
import json
import math
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode, urlsplit

from coordinator import clock, rulebook
from coordinator.errors import Fault, Misconfigured, TryLater
from coordinator.feeds import Handed, Kind
from coordinator.rulebook import City

SOURCE = "open-meteo"
KIND = Kind.FORECASTS
CAPTION = "Open-Meteo 空气质量预报(CAMS),逐时浓度"
EVERY = timedelta(hours=5, minutes=45)  # CAMS is run twice a day
DEFAULT_BASE = "https://air-quality-api.open-meteo.com"
PATH = "/v1/air-quality"
COLUMNS = {
    "pm2_5": "PM2.5", "pm10": "PM10", "sulphur_dioxide": "SO2", "nitrogen_dioxide": "NO2", "ozone": "O3",
    "carbon_monoxide": "CO",
}  # fmt: skip
MICROGRAMS = ("µg/m³", "μg/m³", "ug/m3", "µg/m3", "μg/m3")  # two different letters mu
BATCH = 20  # cities a request
DAYS = 7  # the most the source gives
TIMEOUT_S = 10.0
WHOLE_ANSWER_S = 60.0
LARGEST_ANSWER = 16 << 20
FARTHEST_GRID_POINT = 1.0  # degrees; its grid is 0.4 wide


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer from elsewhere is not an answer of this source."""

    def redirect_request(self, *_: object) -> None:
        return None


def wanted() -> bool:
    """Pulled by timetable only where a person set its address: a forecast nobody asked for raises no alert."""
    return bool(os.environ.get("OPEN_METEO_BASE"))


def fetch() -> Iterator[Handed]:
    """One hand-over per batch of cities, all under one issue time."""
    issued_at, cities = clock.now(), rulebook.cities()
    for start in range(0, len(cities), BATCH):
        batch = cities[start : start + BATCH]
        raw = _get(_url(batch))
        rows = list(_rows(batch, _parsed(raw)))
        if not rows:
            raise Fault(f"{SOURCE}: 答复里没有任何小时(空答复),未作为预报使用")
        yield Handed(kind=KIND, source=SOURCE, raw=raw, rows=list(enumerate(rows)), issued_at=issued_at)


def _url(cities: Sequence[City]) -> str:
    base = os.environ.get("OPEN_METEO_BASE") or DEFAULT_BASE
    if urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).hostname:
        raise Misconfigured(f"OPEN_METEO_BASE={base}: 不是网址;例如 {DEFAULT_BASE}")
    query = {
        "latitude": ",".join(f"{city.lat:.4f}" for city in cities),
        "longitude": ",".join(f"{city.lon:.4f}" for city in cities),
        "hourly": ",".join(COLUMNS),
        "timezone": "Asia/Shanghai",
        "forecast_days": DAYS,
    }
    return f"{base.rstrip('/').removesuffix(PATH)}{PATH}?{urlencode(query, safe=',')}"


def _get(url: str) -> bytes:
    """The body of a 200, read whole within a deadline; TryLater when the source is away or says no."""
    local = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    proxies = [urllib.request.ProxyHandler({})] if local else []
    opener = urllib.request.build_opener(_NoRedirect, *proxies)
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "liandong"})  # noqa: S310 - scheme checked in _url
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return _read(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise TryLater(f"{SOURCE}: 对方答复 {error.code}{_reason(error)},稍后再取") from error
    except (OSError, http.client.HTTPException) as error:
        raise TryLater(
            f"{SOURCE}: 连不上({getattr(error, 'reason', error) or type(error).__name__}),稍后再取"
        ) from error


def _read(answer: Any) -> bytes:
    until, parts, size = clock.monotonic() + WHOLE_ANSWER_S, [], 0
    while part := answer.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise Fault(f"{SOURCE}: 答复超过 {LARGEST_ANSWER >> 20} MiB,不是预报")
        if clock.monotonic() > until:
            raise TryLater(f"{SOURCE}: {WHOLE_ANSWER_S:.0f} 秒内没有答完,稍后再取")
    if answer.length:
        raise TryLater(f"{SOURCE}: 答复不完整,稍后再取")
    return b"".join(parts)


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return f"({str(json.loads(error.read(4096))['reason'])[:200]})"
    except (ValueError, KeyError, TypeError, OSError):
        return ""


def _parsed(raw: bytes) -> list[Any]:
    """One answer per city: a list for several, a bare object for one."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Fault(f"{SOURCE}: 答复不是 JSON:{error}") from error
    return body if isinstance(body, list) else [body]


def _rows(cities: Sequence[City], answers: Sequence[Any]) -> Iterator[dict[str, object]]:
    if len(answers) != len(cities):
        raise Fault(f"{SOURCE}: 问了 {len(cities)} 个城市,答了 {len(answers)} 个,无法对应")
    for city, answer in zip(cities, answers, strict=True):
        if not isinstance(answer, Mapping) or answer.get("error"):
            raise Fault(
                f"{SOURCE}: {city.name} 没有答复:{answer.get('reason') if isinstance(answer, Mapping) else answer}"
            )
        yield from city_rows(city, answer)


def city_rows(city: City, answer: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    """Rows of one city as for POST /api/v1/forecasts: aware times, CO in mg/m³; hours without any value are left out."""
    try:
        zone = timezone(timedelta(seconds=int(answer["utc_offset_seconds"])))
        hourly, units = answer["hourly"], answer["hourly_units"]
        _near(city, float(answer["latitude"]), float(answer["longitude"]))
        columns = {title: _column(hourly[name], units[name], name) for name, title in COLUMNS.items() if name in hourly}
        times = [datetime.fromisoformat(text).replace(tzinfo=zone) for text in hourly["time"]]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Fault(f"{SOURCE}: {city.name} 的答复缺少或写错了 {error}") from error
    for title, values in columns.items():
        if len(values) != len(times):
            raise Fault(f"{SOURCE}: {city.name} 有 {len(times)} 个时刻,{title} 有 {len(values)} 个值,无法对应")
    for place, at in enumerate(times):
        said = {title: column[place] for title, column in columns.items() if column[place] is not None}
        if said:
            yield {"time": at.isoformat(), "city": city.code, **said}


def _near(city: City, lat: float, lon: float) -> None:
    if not (math.hypot(lat - city.lat, lon - city.lon) <= FARTHEST_GRID_POINT):
        raise Fault(f"{SOURCE}: {city.name} 在 {city.lat},{city.lon},答复却是 {lat},{lon} 的")


def _column(values: Sequence[Any], unit: str, name: str) -> list[Any]:
    if unit not in MICROGRAMS:
        raise ValueError(f"{name} 的单位 {unit}(应为 µg/m³)")
    if name != "carbon_monoxide":
        return list(values)
    return [value / 1000 if isinstance(value, int | float) else value for value in values]
