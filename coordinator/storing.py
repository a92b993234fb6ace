"""Which handed-in rows are new, repeated or corrected: payloads, readings and forecasts written down, never overwritten."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from coordinator import clock, db
from coordinator.models import FeedState, Forecast, Payload, Quarantined, Reading
from coordinator.screening import COLUMNS, Rejected

AIR = tuple(COLUMNS.values())
CHUNK = 500
SAME_ISSUE = timedelta(microseconds=1)

Values = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Measured:
    """One believed row of observations."""

    city: str
    station: str
    at: datetime
    values: Values


@dataclass(frozen=True, slots=True)
class Foretold:
    """One believed row of a forecast: one hour (``span_h`` 1) or one day (24) of one city."""

    city: str
    at: datetime
    span_h: int
    values: Values
    aqi_low: float | None = None
    primary: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """How many rows were new (corrections too), and how many said what was already known."""

    accepted: int
    duplicates: int


def open_feed(session: Session, name: str, kind: str) -> FeedState:
    """The state of a source, locked: two hand-overs of one source wait for each other."""
    session.execute(db.insert_new(_table(FeedState)), {"name": name, "kind": kind, "trouble": ""})
    return session.get_one(FeedState, (name, kind), with_for_update=True)


def known_payload(session: Session, source: str, digest: str) -> Payload | None:
    """The payload of the same content that this source handed in first, if it did."""
    query = select(Payload).where(Payload.sha256 == digest, Payload.source == source).order_by(Payload.id).limit(1)
    return session.scalar(query)


def keep_payload(session: Session, source: str, raw: bytes, *, sha256: str, received_at: datetime) -> Payload:
    """The raw bytes, compressed, before anything is made of them."""
    payload = Payload(source=source, sha256=sha256, received_at=received_at, body=zlib.compress(raw, 3))
    session.add(payload)
    session.flush()
    return payload


def quarantine(session: Session, payload: Payload, complaints: Sequence[Rejected]) -> None:
    """What can't be believed is kept by name and reason; it never becomes a number."""
    rows = [one.as_json() | {"payload_id": payload.id, "source": payload.source} for one in complaints]
    _insert(session, _table(Quarantined), rows)


def store_readings(session: Session, payload: Payload, rows: Sequence[Measured]) -> Stored:
    """New hours are added, other values for a known hour become its next revision, equal values are duplicates.

    What a row doesn't name stays as it was; a named absence takes a value back.
    """
    newest = _newest_readings(session, payload.source, rows)
    now, fresh = clock.now(), []
    for row in rows:
        key = (row.city, row.station, row.at)
        revision, before = newest.get(key, (-1, {}))
        after = before | row.values
        if revision >= 0 and after == before:
            continue
        newest[key] = (revision + 1, after)
        fresh.append(
            {"payload_id": payload.id, "source": payload.source, "city": row.city, "station": row.station,
             "at": row.at, "revision": revision + 1, "received_at": now, **after}
        )  # fmt: skip
    _insert(session, _table(Reading), fresh)
    return Stored(len(fresh), len(rows) - len(fresh))


def _newest_readings(
    session: Session, source: str, rows: Sequence[Measured]
) -> dict[tuple[str, str, datetime], tuple[int, Values]]:
    if not rows:
        return {}
    air = [getattr(Reading, name) for name in AIR]
    query = (
        select(Reading.city, Reading.station, Reading.at, Reading.revision, *air)
        .where(Reading.source == source, Reading.city.in_({row.city for row in rows}))
        .where(Reading.at.between(min(row.at for row in rows), max(row.at for row in rows)))
        .order_by(Reading.revision)
    )
    return {
        (city, station, at): (revision, dict(zip(AIR, values, strict=True)))
        for city, station, at, revision, *values in session.execute(query)
    }


def store_forecasts(session: Session, payload: Payload, rows: Sequence[Foretold], *, issued_at: datetime) -> Stored:
    """Every issue is kept. Other values under the same issue time are a correction: the next issue, a microsecond on."""
    known = _issued(session, payload.source, rows, issued_at)
    now, fresh = clock.now(), []
    for row in rows:
        said = _said(row)
        earlier = known.setdefault((row.city, row.at, row.span_h), [])
        if earlier and earlier[-1] == said:
            continue
        fresh.append(
            {"payload_id": payload.id, "source": payload.source, "city": row.city, "at": row.at, "span_h": row.span_h,
             "issued_at": issued_at + SAME_ISSUE * len(earlier), "received_at": now, **said}
        )  # fmt: skip
        earlier.append(said)
    _insert(session, _table(Forecast), fresh)
    return Stored(len(fresh), len(rows) - len(fresh))


def _said(row: Foretold) -> dict[str, Any]:
    return dict.fromkeys(AIR) | row.values | {"aqi_low": row.aqi_low, "primary_pollutant": row.primary}


def _issued(
    session: Session, source: str, rows: Sequence[Foretold], issued_at: datetime
) -> dict[tuple[str, datetime, int], list[dict[str, Any]]]:
    said = (*AIR, "aqi_low", "primary_pollutant")
    query = (
        select(Forecast.city, Forecast.at, Forecast.span_h, *(getattr(Forecast, name) for name in said))
        .where(Forecast.source == source, Forecast.city.in_({row.city for row in rows}))
        .where(Forecast.issued_at >= issued_at, Forecast.issued_at < issued_at + timedelta(seconds=1))
        .order_by(Forecast.issued_at)
    )
    known: dict[tuple[str, datetime, int], list[dict[str, Any]]] = {}
    for city, at, span_h, *values in session.execute(query):
        known.setdefault((city, at, span_h), []).append(dict(zip(said, values, strict=True)))
    return known


def _insert(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Rows by the thousand, without the object layer; rows of one statement name the same columns."""
    names = [column.name for column in table.columns if column.name != "id"]
    if not db.is_sqlite() and len(rows) > CHUNK:
        _copy(session, table, names, rows)
        return
    for start in range(0, len(rows), CHUNK):
        session.execute(insert(table), [{name: row.get(name) for name in names} for row in rows[start : start + CHUNK]])


def _copy(session: Session, table: Table, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """PostgreSQL's COPY: eight times as fast as INSERT."""
    cursor: Any = session.connection().connection.cursor()
    with cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([row.get(name) for name in names])


def _table(record: type) -> Table:
    table = record.__table__  # type: ignore[attr-defined]
    assert isinstance(table, Table)
    return table
