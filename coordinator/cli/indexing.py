"""A file's rows with their AQI, as CSV or JSON lines."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite

import numpy as np

from coordinator import rulebook
from coordinator.cli import tables
from coordinator.errors import Refusal
from coordinator.feeds.files import Table
from coordinator.tabular.cells import MARKS, Floats
from coordinator.tabular.headers import pollutant
from rules.aqi import POLLUTANTS, Averaging, Index, Standard, index

BATCH = 20_000  # rows written at a time


def lines(path: str, standard: str, *, hourly: bool, as_json: bool, method: str) -> Iterator[str]:
    """CSV with a header, or one JSON object a row; numbers that can't be said are empty, null in JSON."""
    kind = Averaging.HOURLY if hourly else Averaging.DAILY
    table = tables.load(path)
    found = rulebook.standard(standard)
    try:
        answer = index(_columns(table, found, kind, method), found, averaging=kind)
    except ValueError as error:
        raise Refusal(f"{path}:{error}") from error
    columns = {**_given(table), **_added(answer)}
    names = list(columns)
    if as_json:
        for row in zip(*_typed(columns, answer), strict=True):
            yield json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
        return
    yield _csv([names])
    texts = list(columns.values())
    for first in range(0, len(texts[0]), BATCH):
        yield _csv(zip(*(text[first : first + BATCH] for text in texts), strict=True))


def _csv(rows: object) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    return written.getvalue().removesuffix("\n")


def _columns(table: Table, standard: Standard, kind: Averaging, method: str) -> Mapping[str, Floats]:
    """What the standard asks for: of a day the 24-hour columns where the file has them, of an hour as ``method`` says.

    text       as the standard is written: in 2012 running 24-hour PM where the file has it, and running 8-hour O3
    published  what the national publication does: the hour's mean of each of the six, no O3_8h; its station AQI is
               then met exactly. Taken by default for a file that brings an AQI of its own.
    """
    published = method == "published" or (method == "auto" and "AQI" in table.values)
    if kind is Averaging.DAILY:
        return _first_of(table, POLLUTANTS, lambda name: (f"{name}_24h", name))
    if published:
        return _first_of(table, tuple(name for name in POLLUTANTS if name != "O3_8h"), lambda name: (name,))
    running = ("PM2.5", "PM10") if standard.hourly_pm_is_running else ()
    chosen = _first_of(table, POLLUTANTS, lambda name: (f"{name}_24h", name) if name in running else (name,))
    return chosen | ({"SO2_24h": table.values["SO2_24h"]} if "SO2_24h" in table.values else {})


def _first_of(table: Table, names: Sequence[str], order: Callable[[str], tuple[str, ...]]) -> dict[str, Floats]:
    usable = {name: [column for column in order(name) if column in table.values] for name in names}
    return {name: table.values[columns[0]] for name, columns in usable.items() if columns}


def _given(table: Table) -> dict[str, list[str]]:
    """The file's own columns and words; of a wide file, time, place and the values as they were understood."""
    if table.original is not None:
        taken = {"AQI", "primary", "category"}
        return {
            (f"{name}_given" if name in taken else name): column.texts()
            for name, column in table.original.columns.items()
        }
    given = {"time": [str(hour) + ":00" for hour in table.hours]}
    if table.cities:
        given["city"] = [table.cities[code] if code >= 0 else "" for code in table.city_of]
    if table.stations:
        given["station"] = [table.stations[code] for code in table.station_of]
    return given | {_kept(name): _numbers(column) for name, column in table.values.items()}


def _kept(name: str) -> str:
    return "AQI_given" if name == "AQI" else name


def _numbers(column: Floats) -> list[str]:
    return ["" if np.isnan(value) else f"{value:.10g}" for value in column]


def _added(answer: Index) -> dict[str, list[str]]:
    added = {"AQI": _numbers(answer.aqi), "primary": [";".join(names) for names in answer.primary]}
    return {
        **added,
        "category": answer.category,
        **{f"IAQI_{name}": _numbers(part) for name, part in answer.iaqi.items()},
    }


def _typed(columns: Mapping[str, list[str]], answer: Index) -> list[list[object]]:
    numeric = {"AQI", *(f"IAQI_{name}" for name in answer.iaqi)}
    numeric |= {name for name in columns if pollutant(name) or name.endswith("_given")}
    return [[_number(text) for text in texts] if name in numeric else [*texts] for name, texts in columns.items()]


def _number(text: str) -> object:
    if text.strip().lower() in MARKS:
        return None
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value if isfinite(value) else None
