"""Which way is the table laid: one row per place and hour, one column per city, or the national publication's own?"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from coordinator.errors import Refusal
from coordinator.tabular import cells, headers, times
from coordinator.tabular.columns import Column, Numbers, Raw, Stamps
from coordinator.tabular.headers import COLUMNS

Filled = Column | Numbers | Stamps
STATION = re.compile(r"\d{4}A")


@dataclass
class Long:
    """One row per place and hour; ``cities`` or ``stations`` is None when the file has no such column."""

    hours: times.Hours
    values: dict[str, cells.Floats]
    cities: Column | None = None
    stations: Column | None = None
    issued: times.Hours | None = None
    daily: bool = False
    faults: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    original: Raw | None = None


def understood(raw: Raw, limits: Mapping[str, float]) -> Long:
    """The file as long rows; Refusal says which column is missing and what it could be called.

    Rows without any time column have their index all the same; whoever needs an hour refuses them.
    """
    roles = _roles(raw)
    table = _lay(raw, roles, limits)
    table.faults.update(raw.faults)
    unread = int(np.isnat(table.hours).sum())
    if not _time_name(roles):
        return table
    if unread == len(table.hours):
        raise Refusal(f"{raw.path}:时间列“{_time_name(roles)}”没有一行读得懂,应如 2024-01-30 08:00")
    if unread:
        table.faults["时间读不懂,整行不计"] += unread
    return table


def _roles(raw: Raw) -> dict[str, str]:
    """role → header; the first header of a role wins."""
    roles: dict[str, str] = {}
    for header in raw.columns:
        role = None if headers.pollutant(header) else headers.role(header)
        if role:
            roles.setdefault(role, header)
    if "day" in roles and not {"year", "month"} <= roles.keys():
        roles.setdefault("date", roles.pop("day"))
    return roles


def _time_name(roles: Mapping[str, str]) -> str:
    return "、".join(roles[role] for role in ("time", "date", "year", "month", "day", "hour") if role in roles)


def _lay(raw: Raw, roles: dict[str, str], limits: Mapping[str, float]) -> Long:
    pollutants = {header: known for header in raw.columns if (known := headers.pollutant(header))}
    if "kind" in roles and "value" in roles and not pollutants:
        return _tidy(raw, roles, limits)
    if "kind" in roles and _names_pollutants(raw.columns[roles["kind"]]):
        return _by_kind(raw, roles, limits)
    if pollutants:
        return _long(raw, roles, pollutants, limits)
    return _wide(raw, roles, limits)


def _names_pollutants(column: Filled) -> bool:
    return isinstance(column, Column) and any(headers.pollutant(word) for word in column.words if word)


def _hours(raw: Raw, roles: Mapping[str, str]) -> tuple[times.Hours, bool]:
    """The hours of the rows, and whether they are days."""
    columns = raw.columns
    if {"year", "month", "day"} <= roles.keys():
        parts = [cells.numbers(columns[roles[key]], key, highest=9999)[0] for key in ("year", "month", "day")]
        return _from_parts(parts, _clock(raw, roles)), "hour" not in roles
    name = roles.get("time") or roles.get("date")
    if name is None:
        found = "、".join(list(columns)[:8])
        raise Refusal(f"{raw.path}:没有时间列,应有 time(或 date 与 hour),现有列:{found}")
    hours = times.hours(columns[name])
    if "hour" in roles and ("date" in roles or _all_midnight(hours)):
        days = times.hours(columns[roles["date"]]) if "date" in roles else hours
        return _add(days, _clock(raw, roles)), False
    return hours, _daily(hours) or ("time" not in roles and _all_midnight(hours))


def _clock(raw: Raw, roles: Mapping[str, str]) -> cells.Floats:
    if "hour" not in roles:
        return np.zeros(raw.rows)
    return times.clocks(raw.columns[roles["hour"]], roles["hour"])


def _from_parts(parts: list[cells.Floats], clock: cells.Floats) -> times.Hours:
    year, month, day = parts
    bad = np.isnan(year + month + day) | ~((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31))
    months = ((np.where(bad, 2000, year) - 1970) * 12 + np.where(bad, 1, month) - 1).astype(int)
    days = months.astype("datetime64[M]").astype("datetime64[D]") + (np.where(bad, 1, day) - 1).astype(int)
    return _add(np.where(bad, times.NEVER, days.astype("datetime64[h]")), clock)


def _add(days: times.Hours, clock: cells.Floats) -> times.Hours:
    added = days.astype("datetime64[D]").astype("datetime64[h]") + np.nan_to_num(clock).astype(int)
    return np.where(np.isnan(clock), times.NEVER, added)


def _all_midnight(hours: times.Hours) -> bool:
    known = hours[~np.isnat(hours)]
    return bool(len(known)) and bool((known == known.astype("datetime64[D]")).all())


def _daily(hours: times.Hours) -> bool:
    """Only midnights, on more than one day: the file is daily."""
    return _all_midnight(hours) and len(np.unique(hours[~np.isnat(hours)])) > 1


def _long(raw: Raw, roles: dict[str, str], pollutants: Mapping[str, str], limits: Mapping[str, float]) -> Long:
    timeless = np.full(raw.rows, times.NEVER), False
    hours, daily = _hours(raw, roles) if _time_name(roles) else timeless
    table = Long(hours, {}, daily=daily, original=raw)
    for header, name in pollutants.items():
        if name in table.values:
            table.notes.append(f"列“{header}”与前面的列同为 {name},未用")
            continue
        highest = cells.limits_or(limits, name) * (1000 if name.startswith("CO") else 1)
        table.values[name], reasons = cells.numbers(raw.columns[header], name, highest=highest)
        table.faults.update(reasons)
        if name.startswith("CO") and headers.micrograms(header):
            table.values[name] /= 1000
    table.cities = _words(raw, roles, "city") or _codes(raw, roles)
    table.stations = _words(raw, roles, "station") or _words(raw, roles, "stationname")
    if "issued" in roles:
        table.issued = times.hours(raw.columns[roles["issued"]])
    return table


def _words(raw: Raw, roles: Mapping[str, str], role: str) -> Column | None:
    column = raw.columns.get(roles.get(role, ""))
    if column is None or isinstance(column, Column):
        return column
    return Column.of(text.removesuffix(".0") for text in column.texts())


def _codes(raw: Raw, roles: Mapping[str, str]) -> Column | None:
    """A column of city codes counts as the place only if it holds six-digit codes (the national feed's are 0, 1, 2 …)."""
    column = _words(raw, roles, "citycode")
    if column is None or not all(re.fullmatch(r"\d{6}", word.strip()) for word in column.words if word.strip()):
        return None
    return column


def _by_kind(raw: Raw, roles: dict[str, str], limits: Mapping[str, float]) -> Long:
    """The national hourly publication: date, hour, type, then one column per city or station."""
    hours, daily = _hours(raw, roles)
    kinds = raw.columns[roles["kind"]]
    assert isinstance(kinds, Column)
    places = [header for header in raw.columns if header not in roles.values()]
    names = [headers.pollutant(word) or "" for word in kinds.words]
    keys, where = np.unique(hours[~np.isnat(hours)], return_inverse=True)
    rows = np.full(len(hours), -1)
    rows[~np.isnat(hours)] = where
    table = Long(np.repeat(keys, len(places)), {}, daily=daily)
    for name in dict.fromkeys(filter(None, names)):
        chosen = np.isin(kinds.codes, [code for code, known in enumerate(names) if known == name]) & (rows >= 0)
        grid = np.full((len(keys), len(places)), np.nan)
        for place, header in enumerate(places):
            highest = cells.limits_or(limits, name) * (1000 if name.startswith("CO") else 1)
            values, reasons = cells.numbers(raw.columns[header], name, highest=float("inf"))
            kept = np.where(values[chosen] <= highest, values[chosen], np.nan)
            grid[rows[chosen], place] = kept
            table.faults.update(reasons if name == names[0] else {})
        table.values[name] = grid.ravel()
    _place(table, places, len(keys))
    return table


def _place(table: Long, places: list[str], repeats: int) -> None:
    column = Column(np.tile(np.arange(len(places)), repeats), tuple(places))
    if all(STATION.fullmatch(place) for place in places):
        table.stations = column
    else:
        table.cities = column


def _tidy(raw: Raw, roles: dict[str, str], limits: Mapping[str, float]) -> Long:
    """One row per place, hour and pollutant, the value in a column of its own."""
    hours, daily = _hours(raw, roles)
    kinds = raw.columns[roles["kind"]]
    if not isinstance(kinds, Column):
        raise Refusal(f"{raw.path}:列“{roles['kind']}”应是污染物名称")
    table = Long(hours, {}, daily=daily)
    names = [headers.pollutant(word) for word in kinds.words]
    for name in dict.fromkeys(known for known in names if known):
        highest = cells.limits_or(limits, name)
        values, reasons = cells.numbers(raw.columns[roles["value"]], name, highest=1e9)
        chosen = np.isin(kinds.codes, [code for code, known in enumerate(names) if known == name])
        table.values[name] = np.where(chosen & (values <= highest), values, np.nan)
        table.faults.update({reason: count for reason, count in reasons.items() if chosen.all()})
    table.cities = _words(raw, roles, "city") or _codes(raw, roles)
    table.stations = _words(raw, roles, "station") or _words(raw, roles, "stationname")
    return table


def _wide(raw: Raw, roles: dict[str, str], limits: Mapping[str, float]) -> Long:
    """One column per city; of PM2.5 unless the headers or the file's name say otherwise."""
    hours, daily = _hours(raw, roles)
    spare = [header for header in raw.columns if header not in roles.values()]
    if not spare or "city" in roles or "station" in roles:
        wanted = "、".join(COLUMNS[:7])
        raise Refusal(
            f"{raw.path}:没有污染物列,应至少有 PM2.5(可用:{wanted}),现有列:{'、'.join(list(raw.columns)[:8])}"
        )
    parts = {header: headers.split(header) or (_named(raw.path), header) for header in spare}
    places = list(dict.fromkeys(place for _, place in parts.values()))
    table = Long(np.repeat(hours, len(places)), {}, daily=daily)
    for header, (name, place) in parts.items():
        grid = table.values.setdefault(name, np.full(len(hours) * len(places), np.nan))
        highest = cells.limits_or(limits, name) * (1000 if name.startswith("CO") else 1)
        values, reasons = cells.numbers(raw.columns[header], f"{place} {name}", highest=highest)
        if all(reason.endswith("不是数") for reason in reasons) and np.isnan(values).all() and reasons:
            table.notes.append(f"列“{header}”不是数,未用")
            continue
        grid[places.index(place) :: len(places)] = values
        table.faults.update(reasons)
    if all(np.isnan(values).all() for values in table.values.values()):
        raise Refusal(f"{raw.path}:没有污染物列,应至少有 PM2.5,现有列:{'、'.join(list(raw.columns)[:8])}")
    _place(table, places, len(hours))
    return table


def _named(path: str) -> str:
    words = re.split(r"[^A-Za-z0-9.]+", path.rpartition("/")[2])
    return next((known for word in words if (known := headers.pollutant(word.removesuffix(".csv")))), "PM2.5")
