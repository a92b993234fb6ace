"""What came in from a feed: believed and stored, known already, or set aside by name; the raw payload is kept."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Station
from contacts.places import city as place_code
from coordinator import clock, db, rulebook, storing
from coordinator.errors import CoordinatorError, Refusal
from coordinator.feeds import Feed, Handed, Kind, bulletin, feeds
from coordinator.freshness import FeedAge, feed_ages
from coordinator.models import FeedState, Payload
from coordinator.rows import Screen
from coordinator.screening import COLUMNS, TOP_INDEX, Dated, Places, Rejected, Unbelievable, rejected

__all__ = [
    "LARGEST_BODY", "MOST_ROWS", "FeedAge", "accept", "accept_forecast_table", "accept_forecasts", "accept_readings",
    "feed_ages", "pull", "pull_all",
]  # fmt: skip

logger = logging.getLogger(__name__)
LARGEST_BODY = 32 << 20
MOST_ROWS = 100_000
LONGEST_SOURCE = 64

Answer = dict[str, Any]


def accept_readings(body: object, raw: bytes = b"") -> Answer:
    """Store what can be believed of POST /api/v1/readings; Refusal when the body is no hand-over at all."""
    return accept(_handed(Kind.READINGS, body, raw))


def accept_forecasts(body: object, raw: bytes = b"") -> Answer:
    """The same for POST /api/v1/forecasts. ``AQI`` may be a range: the upper bound is what the rules look at."""
    return accept(_handed(Kind.FORECASTS, body, raw))


def accept_forecast_table(
    path: Path, *, source: str = "upload", issued_at: datetime | None = None, name: str = ""
) -> Answer:
    """A city × day table, xlsx or csv, as forecasters send it around; complaints name the spreadsheet's own row."""
    return accept(bulletin.read(path, source=source, issued_at=issued_at or clock.now(), name=name))


def accept(handed: Handed) -> Answer:
    """One hand-over, one transaction: a bad row never takes the good ones with it."""
    now = clock.now()
    with db.transaction() as session:
        state = storing.open_feed(session, handed.source, handed.kind)
        known = storing.known_payload(session, handed.source, handed.sha256)
        issued_at, late = _issue_time(handed, now, known.received_at if known else now)
        screen = Screen(_places(session), Dated(now, handed.replay), _highest(), [*late, *handed.rejected])
        payload = known or storing.keep_payload(
            session, handed.source, handed.raw, sha256=handed.sha256, received_at=now
        )
        if handed.kind is Kind.READINGS:
            stored, newest_at = _take_readings(session, payload, handed, screen)
        else:
            rows = [] if late else list(screen.forecasts(handed, issued_at))
            stored = storing.store_forecasts(session, payload, rows, issued_at=issued_at)
            newest_at = issued_at if rows else None
        if not known:
            storing.quarantine(session, payload, screen.complaints)
        _heard(state, now, newest_at, screen.complaints)
    return {
        "accepted": stored.accepted,
        "duplicates": stored.duplicates,
        "rejected": [one.as_json() for one in sorted(screen.complaints, key=lambda one: one.row)],
    }


def _take_readings(
    session: Session, payload: Payload, handed: Handed, screen: Screen
) -> tuple[storing.Stored, datetime | None]:
    rows = list(screen.readings(handed))
    return storing.store_readings(session, payload, rows), max((row.at for row in rows), default=None)


def _heard(state: FeedState, now: datetime, newest_at: datetime | None, complaints: Sequence[Rejected]) -> None:
    state.tried_at = state.heard_at = now
    state.newest_at = max(filter(None, (state.newest_at, newest_at)), default=None)
    first = next(iter(complaints), None)
    state.trouble = f"{len(complaints)} 处不可用,例如 {first.column} {first.value}:{first.reason}" if first else ""


def _highest() -> dict[str, float]:
    return {COLUMNS[title]: value for title, value in rulebook.limits().items()} | {"aqi": TOP_INDEX}


def _places(session: Session) -> Places:
    """Cities by name or code: those of the region's map, and those that stations of the register stand in."""
    stations: dict[str, str] = dict(session.execute(select(Station.code, Station.city)).all())
    registered = set(stations.values())

    def known(text: str) -> str | None:
        found = rulebook.find_city(text)
        return found.code if found else text if text in registered else None

    def city(written: str) -> str | None:
        try:
            code = place_code(written, known)
        except ValueError:
            return None
        return known(code)

    return Places(city, stations)


def _handed(kind: Kind, body: object, raw: bytes) -> Handed:
    if not isinstance(body, dict):
        raise Refusal('请求体应为 JSON 对象:{"source": …, "rows": […]}')
    source, rows = body.get("source"), body.get("rows")
    if not isinstance(source, str) or not 0 < len(source.strip()) <= LONGEST_SOURCE or not source.isprintable():
        raise Refusal(f"source: 请写明数据来源的名称(1—{LONGEST_SOURCE} 个字符的文字)")
    if not isinstance(rows, list):
        raise Refusal('rows: 应为数组,每行如 {"time": …, "city": …, "PM2.5": …}')
    if len(rows) > MOST_ROWS:
        raise Refusal(f"rows: 有 {len(rows)} 行,一次最多 {MOST_ROWS} 行,请分批提交")
    replay = body.get("replay", False)
    if not isinstance(replay, bool):
        raise Refusal("replay: 只能是 true 或 false")
    raw = raw or json.dumps(body, default=str).encode()
    if len(raw) > LARGEST_BODY:
        raise Refusal(f"请求体有 {len(raw) >> 20} MiB,一次最多 {LARGEST_BODY >> 20} MiB,请分批提交")
    return Handed(
        kind=kind,
        source=source.strip(),
        raw=raw,
        rows=list(enumerate(rows)),
        issued_at=body.get("issued_at"),
        replay=replay,
    )


def _issue_time(handed: Handed, now: datetime, first_heard_at: datetime) -> tuple[datetime, list[Rejected]]:
    """When a forecast was issued: as said, else when this content was first heard, so a repeat is no news."""
    if handed.kind is Kind.READINGS or handed.issued_at is None:
        return first_heard_at.replace(microsecond=0), []
    try:
        return Dated(now, handed.replay).said(handed.issued_at).replace(microsecond=0), []
    except Unbelievable as fault:
        reason = f"发布时间不可信:{fault}"
        return now, [rejected(place, "issued_at", handed.issued_at, reason) for place, _ in handed.rows]


def pull(name: str) -> Answer:
    """Fetch one source now. Refusal for a name nobody knows; TryLater or Fault says why nothing came."""
    known = feeds()
    feed = known.get(name.strip().lower().replace("_", "-"))
    if feed is None:
        raise Refusal(f"没有名为“{name}”的数据源,可用:{'、'.join(known) or '无'}")
    answer: Answer = {"feed": name, "accepted": 0, "duplicates": 0, "rejected": []}
    try:
        for handed in feed.fetch():
            part = accept(handed)
            answer = {**answer, **{key: answer[key] + part[key] for key in part}}
    except CoordinatorError as error:
        _note_trouble(feed.SOURCE, feed.KIND, str(error))
        raise
    return answer


def pull_all() -> list[str]:
    """Every source that is set up, by timetable: one that is away doesn't stop the others. Says what failed."""
    troubles = []
    for name, feed in feeds().items():
        if not feed.wanted() or _heard_lately(feed):
            continue
        try:
            pull(name)
        except CoordinatorError as error:
            logger.warning("feed %s: %s", name, error)
            troubles.append(f"{name}: {error}")
    return troubles


def _heard_lately(feed: Feed) -> bool:
    with db.reading() as session:
        state = session.get(FeedState, (feed.SOURCE, feed.KIND))
    return bool(state and state.heard_at and state.heard_at > clock.now() - feed.EVERY)


def _note_trouble(source: str, kind: Kind, trouble: str) -> None:
    with db.transaction() as session:
        state = storing.open_feed(session, source, kind)
        state.tried_at, state.trouble = clock.now(), trouble[:500]
