"""Open-Meteo over real sockets: what it answers, how it fails, and what is made of it."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from coordinator import clock, db, intake, rulebook
from coordinator.cli.feed import feed
from coordinator.errors import Fault, Misconfigured, Refusal, TryLater
from coordinator.feeds import open_meteo
from coordinator.models import FeedState, Forecast


def answer_for(lat: float, lon: float, **changes: Any) -> dict[str, Any]:
    start = clock.now().astimezone(clock.BEIJING).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    times = [(start + timedelta(hours=n)).isoformat(timespec="minutes") for n in range(48)]
    hourly = {
        "time": times,
        "pm2_5": [50.0 + n for n in range(48)],
        "pm10": [None] * 48,
        "carbon_monoxide": [800.0] * 48,
    }
    units = {"time": "iso8601", "pm2_5": "μg/m³", "pm10": "μg/m³", "carbon_monoxide": "μg/m³"}
    return {
        "latitude": round(lat, 1), "longitude": round(lon, 1), "utc_offset_seconds": 28800, "generationtime_ms": 0.1,
        "hourly_units": units, "hourly": hourly, **changes,
    }  # fmt: skip


def spoken(query: dict[str, list[str]], **changes: Any) -> list[dict[str, Any]]:
    pairs = zip(query["latitude"][0].split(","), query["longitude"][0].split(","), strict=True)
    return [answer_for(float(lat), float(lon), **changes) for lat, lon in pairs]


@pytest.fixture
def source(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A server that answers as ``kept.answer`` says."""
    kept = SimpleNamespace(status=200, answer=spoken, headers={}, asked=[], cut=0)

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.asked.append(self.path)
            said = kept.answer(parse_qs(urlsplit(self.path).query)) if callable(kept.answer) else kept.answer
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - kept.cut])

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setenv("OPEN_METEO_BASE", f"http://127.0.0.1:{server.server_port}")
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


def kept_rows() -> list[Forecast]:
    with db.reading() as session:
        return list(session.scalars(select(Forecast).order_by(Forecast.city, Forecast.at)))


def test_every_city_of_the_map_is_asked_for_in_batches_and_stored(source: SimpleNamespace) -> None:
    answer = intake.pull("open-meteo")
    cities = rulebook.cities()
    assert answer == {"feed": "open-meteo", "accepted": 48 * len(cities), "duplicates": 0, "rejected": []}
    assert len(source.asked) == -(-len(cities) // open_meteo.BATCH)
    rows = [row for row in kept_rows() if row.city == "110000"]
    local = rows[0].at.astimezone(clock.BEIJING)
    assert (local.hour, rows[0].pm25, rows[0].pm10, rows[0].co, rows[0].span_h) == (0, 50, None, 0.8, 1)
    assert len({row.issued_at for row in kept_rows()}) == 1


def test_hours_are_read_with_the_offset_the_answer_states(source: SimpleNamespace) -> None:
    source.answer = lambda query: spoken(query, utc_offset_seconds=0)
    intake.pull("open_meteo")
    assert kept_rows()[0].at.hour == 0


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (b"<html>maintenance</html>", "不是 JSON"),
        ([], "无法对应"),
        ({"error": True, "reason": "x"}, "无法对应"),
        (lambda query: spoken(query, utc_offset_seconds="x"), "写错"),
        (lambda query: spoken(query, latitude=0.0), "答复却是"),
        (lambda query: spoken(query, hourly={"time": ["2026-01-01T00:00"], "pm2_5": []}), "无法对应"),
        (lambda query: spoken(query, hourly_units={"pm2_5": "ppb", "pm10": "x", "carbon_monoxide": "x"}), "单位"),
        (lambda query: [{"error": True, "reason": "没有此地"}] * len(spoken(query)), "没有此地"),
        (lambda query: spoken(query, hourly=None), "缺少或写错"),
        (lambda query: spoken(query, hourly={"time": 5, "pm2_5": 5}), "缺少或写错"),
    ],
    ids=["html", "empty list", "error", "offset", "elsewhere", "lengths", "unit", "error each", "null", "numbers"],
)
def test_an_answer_that_makes_no_sense_is_a_fault_and_stores_nothing(
    source: SimpleNamespace, broken: Any, word: str
) -> None:
    source.answer = broken
    with pytest.raises(Fault, match=word):
        intake.pull("open-meteo")
    assert kept_rows() == []
    with db.reading() as session:
        state = session.get_one(FeedState, ("open-meteo", "forecasts"))
    assert (state.heard_at, state.newest_at) == (None, None) and word in state.trouble


def test_an_empty_answer_is_no_forecast(source: SimpleNamespace) -> None:
    source.answer = lambda query: spoken(query, hourly={"time": [], "pm2_5": [], "pm10": [], "carbon_monoxide": []})
    with pytest.raises(Fault, match="空答复"):
        intake.pull("open-meteo")


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_a_refusing_source_is_tried_later(source: SimpleNamespace, status: int) -> None:
    source.status, source.answer = status, {"error": True, "reason": "Minutely API request limit exceeded"}
    with pytest.raises(TryLater, match=str(status)):
        intake.pull("open-meteo")


def test_a_redirect_is_not_followed(source: SimpleNamespace) -> None:
    source.status, source.headers = 302, {"Location": "http://127.0.0.1:9/elsewhere"}
    with pytest.raises(TryLater, match="302"):
        intake.pull("open-meteo")


def test_an_answer_cut_in_the_middle_is_not_used(source: SimpleNamespace) -> None:
    source.cut = 100
    with pytest.raises(TryLater):
        intake.pull("open-meteo")


def test_a_source_that_is_away_doesnt_stop_the_timetable(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPEN_METEO_BASE", "http://127.0.0.1:1")
    [trouble] = intake.pull_all()
    assert "连不上" in trouble


def test_nothing_is_pulled_by_timetable_that_nobody_set_up(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPEN_METEO_BASE", raising=False)
    monkeypatch.delenv("LIANDONG_FEED_DIR", raising=False)
    assert intake.pull_all() == []


def test_an_unknown_source_or_address_is_said_in_words(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refusal, match="open-meteo"):
        intake.pull("open-meto")
    monkeypatch.setenv("OPEN_METEO_BASE", "file:///etc/passwd")
    with pytest.raises(Misconfigured):
        intake.pull("open-meteo")


def test_the_command_lists_sources_and_pulls_one(source: SimpleNamespace) -> None:
    run = CliRunner()
    listed = json.loads(run.invoke(feed, ["list", "--json"]).stdout)
    assert {one["name"]: one["state"] for one in listed} == {"open-meteo": "silent", "folder": "silent"}
    assert "新收" in run.invoke(feed, ["pull", "open-meteo"]).stdout
    listed = json.loads(run.invoke(feed, ["list", "--json"]).stdout)
    [mine] = [one for one in listed if one["name"] == "open-meteo"]
    assert (mine["state"], mine["kind"]) == ("fresh", "forecasts") and mine["age_s"] < 100
    assert "从未收到" in run.invoke(feed, ["list"]).stdout


def test_a_recorded_answer_is_read_as_it_is(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = json.loads((shared_data / "03_forecasts" / "open_meteo_air_quality_2023-04-25_5days.json").read_text())
    bucharest = rulebook.City("000001", "Bucharest", "Bucharest", "", "", 26.1, 44.43, None, ())
    rows = list(open_meteo.city_rows(bucharest, recorded))
    assert len(rows) == 120
    first = rows[0]
    assert datetime.fromisoformat(str(first["time"])).utcoffset() == timedelta(hours=3)
    assert first["PM2.5"] == recorded["hourly"]["pm2_5"][0]
    assert first["CO"] == recorded["hourly"]["carbon_monoxide"][0] / 1000
    empty = json.loads((shared_data / "03_forecasts" / "open_meteo_air_quality_empty.json").read_text())
    assert list(open_meteo.city_rows(bucharest, empty)) == []
