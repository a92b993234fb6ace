"""What came in from a feed: believed and stored, known already, or set aside by name; the raw payload is kept."""

import json
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from coordinator import clock, db, storing
from coordinator.errors import Refusal
from coordinator.feeds import Handed, Kind, bulletin
from coordinator.freshness import FeedAge, feed_ages
from coordinator.screening import Dated, Rejected, Unbelievable, rejected

__all__ = [
    "LARGEST_BODY", "MOST_ROWS", "FeedAge", "accept", "accept_forecast_table", "accept_forecasts", "accept_readings",
    "feed_ages", "pull", "pull_all",
]  # fmt: skip

logger = logging.getLogger(__name__)
LARGEST_BODY = 32 << 20
MOST_ROWS = 100_000
FARTHEST = timedelta(days=16)
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
        sha256 = storing.digest(handed.raw)
        known = storing.known_payload(session, handed.source, sha256)
        issued_at, complaints = _issue_time(handed, now, known.received_at if known else now)
        rows, faults = ([], []) if complaints else _screened(session, handed, issued_at, now)
        complaints += [*handed.rejected, *faults]
        payload = known or storing.keep_payload(session, handed.source, handed.raw, sha256=sha256)
        if not known:
            storing.quarantine(session, payload, complaints)
        stored = _store(session, payload, rows, issued_at)
        state.tried_at = state.heard_at = now
        state.trouble = _trouble(complaints)
        if rows:
            newest = issued_at if handed.kind is Kind.FORECASTS else max(row.at for row in rows)
            state.newest_at = max(newest, state.newest_at or newest)
    return {
        "accepted": stored.accepted,
        "duplicates": stored.duplicates,
        "rejected": [one.as_json() for one in sorted(complaints, key=lambda one: one.row)],
    }


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
    raw = raw or json.dumps(body, ensure_ascii=False, default=str).encode()
    if len(raw) > LARGEST_BODY:
        raise Refusal(f"请求体有 {len(raw) >> 20} MiB,一次最多 {LARGEST_BODY >> 20} MiB,请分批提交")
    return Handed(
        kind=kind, source=source.strip(), raw=raw, rows=enumerate(rows), issued_at=body.get("issued_at"), replay=replay
    )


def _issue_time(handed: Handed, now: datetime, first_heard_at: datetime) -> tuple[datetime, list[Rejected]]:
    """When a forecast was issued: as said, else when this content was first heard, so a repeat is no news."""
    if handed.kind is Kind.READINGS or handed.issued_at is None:
        return first_heard_at, []
    try:
        return replace_seconds(Dated(now, handed.replay).said(handed.issued_at)), []
    except Unbelievable as fault:
        reason = f"发布时间不可信:{fault}"
        return now, [rejected(place, "issued_at", handed.issued_at, reason) for place, _ in handed.rows]


def replace_seconds(at: datetime) -> datetime:
    """Issue times to the second: what is finer counts corrections."""
    return at.replace(microsecond=0)
