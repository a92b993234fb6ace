"""A watched folder: files that others put there, in any shape the data files come in; a subfolder names the source."""

import csv
import gzip
import os
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from coordinator import clock, db, rulebook
from coordinator.errors import Fault, Misconfigured, Refusal
from coordinator.feeds import Handed, Kind, bulletin, digest, files
from coordinator.models import Payload
from coordinator.screening import COLUMNS, OLDEST, Rejected

SOURCE = "folder"
KIND = Kind.READINGS
CAPTION = "监视文件夹(LIANDONG_FEED_DIR):国家站网小时数据、预报表等文件"
EVERY = timedelta()
SHAPES = (".csv", ".csv.gz", ".parquet", ".json", ".geojson", ".geojson.gz", ".xml", ".xml.gz", ".xlsx", ".xls")
TABLES = (".csv", ".xlsx", ".xls")
STILL_WRITTEN_S = 2.0  # seconds since the last change; a file being written isn't read
LARGEST = 256 << 20
FOREIGN = "不在本区域城市之列,未收"
OLD = "早于 72 小时,未收(补录历史请用接口并写 replay: true)"


def wanted() -> bool:
    """Pulled by timetable where a folder is named."""
    return bool(os.environ.get("LIANDONG_FEED_DIR"))


def fetch() -> Iterator[Handed]:
    """Every file not taken before, oldest first. One that can't be read doesn't stop the others, and is named at the end."""
    troubles = []
    for path in _new_files(_folder()):
        try:
            yield read(path, source=_source(path), now=clock.now())
        except (Refusal, OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
            troubles.append(f"{path.name}:{error}")
    if troubles:
        raise Fault(f"{len(troubles)} 个文件读不了:" + ";".join(troubles[:3]))


def _folder() -> Path:
    written = os.environ.get("LIANDONG_FEED_DIR", "")
    if not written or not Path(written).is_dir():
        raise Misconfigured(f"LIANDONG_FEED_DIR={written}: 不是已有的文件夹;请建立并写明其路径")
    return Path(written)


def _source(path: Path) -> str:
    inside = path.parent.relative_to(_folder()).as_posix()
    return SOURCE if inside == "." else inside


def _new_files(folder: Path) -> list[Path]:
    with db.reading() as session:
        known = set(session.scalars(select(Payload.sha256)))
    found = [path for path in folder.rglob("*") if path.is_file() and path.name.lower().endswith(SHAPES)]
    settled = [path for path in found if clock.wall() - path.stat().st_mtime > STILL_WRITTEN_S]
    ready = [path for path in settled if path.stat().st_size <= LARGEST and digest(path.read_bytes()) not in known]
    return sorted(ready, key=lambda path: (path.stat().st_mtime, path.name))


def read(path: Path, *, source: str, now: datetime) -> Handed:
    """What a file hands in: a city × day forecast table, hourly forecasts, or readings."""
    foretells = "forecast" in path.name.lower() or "预报" in path.name
    if foretells and path.name.lower().endswith(TABLES):
        try:
            return bulletin.read(path, source=source, issued_at=now)
        except Refusal:
            if not path.name.lower().endswith(".csv"):
                raise
    _refuse_bomb(path)
    table = files.read(path, naming=_code, station_cities=rulebook.station_cities())
    if table.daily and not foretells:
        raise Refusal("是日均值,不是小时监测值;日预报请在文件名中写“预报”")
    issued_at = None if table.issued is None else _moments(table.issued[~np.isnat(table.issued)]).max()
    rows, left_out = _rows(table, now, oldest=now - OLDEST)
    faults = [Rejected(0, "", f"{count} 处", reason) for reason, count in {**table.faults, **left_out}.items() if count]
    return Handed(
        kind=Kind.FORECASTS if foretells or issued_at is not None else Kind.READINGS,
        source=source,
        raw=path.read_bytes(),
        rows=rows,
        issued_at=issued_at.astype(datetime).replace(tzinfo=UTC) if issued_at is not None else None,
        rejected=faults,
    )


def _refuse_bomb(path: Path) -> None:
    if path.suffix.lower() != ".gz":
        return
    size = 0
    with gzip.open(path) as unpacked:
        while part := unpacked.read(1 << 20):
            size += len(part)
            if size > LARGEST:
                raise Refusal(f"解开后超过 {LARGEST >> 20} MiB,不像小时数据")


def _code(name: str) -> str:
    found = rulebook.find_city(name)
    return found.code if found else name.strip()


def _moments(hours: Any) -> Any:
    """Beijing hours of a table as UTC."""
    return hours.astype("datetime64[s]") - np.timedelta64(8, "h")


def _rows(table: files.Table, now: datetime, *, oldest: datetime) -> tuple[list[tuple[int, object]], dict[str, int]]:
    """Rows as for POST /api/v1/readings, numbered as in the file; what is foreign or old is only counted."""
    moments = _moments(table.hours)
    dated = ~np.isnat(table.hours)
    recent = dated & (moments >= np.datetime64(oldest.astimezone(UTC).replace(tzinfo=None) - timedelta(hours=1)))
    known = np.array([rulebook.find_city(city) is not None for city in table.cities] + [False])
    ours = known[table.city_of]
    columns = {name: table.values[name] for name in COLUMNS if name in table.values}
    rows: list[tuple[int, object]] = []
    for place in np.flatnonzero(recent & ours):
        row: dict[str, Any] = {
            name: float(values[place]) for name, values in columns.items() if not np.isnan(values[place])
        }
        if not row:
            continue
        row |= {"time": f"{moments[place]}+00:00", "city": table.cities[table.city_of[place]]}
        if table.stations:
            row["station"] = table.stations[table.station_of[place]]
        rows.append((int(place) + 2, row))
    return rows, {FOREIGN: int((recent & ~ours).sum()), OLD: int((dated & ~recent & ours).sum())}
