"""What comes in is believed, known already, or set aside by name; nothing becomes a zero."""

import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from contacts.models import Station
from coordinator import clock, db, intake
from coordinator.errors import Refusal
from coordinator.models import FeedState, Forecast, Payload, Quarantined, Reading

BAD_VALUES = [-1, -99.9, 1e308, float("inf"), float("nan"), 99999, "abc", "3,5", "12..5", True, [1], {"v": 1}, "1e400"]
ABSENT_VALUES = [None, "", "-", "—", "-;", "NA", "null"]


def hour(back: int = 1) -> datetime:
    return clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=back)


def row(back: int = 1, city: str = "110000", **values: Any) -> dict[str, Any]:
    return {"time": hour(back).isoformat(), "city": city, **(values or {"PM2.5": 80})}


def post(*rows: Any, source: str = "站网", **more: Any) -> dict[str, Any]:
    return intake.accept_readings({"source": source, "rows": list(rows), **more})


def kept(record: Any = Reading) -> list[Any]:
    with db.reading() as session:
        return list(session.scalars(select(record).order_by(record.id)))


def test_readings_are_stored_by_city_and_hour(any_store: str) -> None:
    answer = post(row(2, **{"PM2.5": 80, "PM10": 120.5, "O3_8h": 60, "CO": 1.2}), row(1, "石家庄", pm2_5="91"))
    assert answer == {"accepted": 2, "duplicates": 0, "rejected": []}
    first, second = kept()
    assert (first.city, first.at, first.pm25, first.pm10, first.o3_8h, first.co) == (
        "110000",
        hour(2),
        80,
        120.5,
        60,
        1.2,
    )
    assert (second.city, second.pm25, second.pm10, second.station) == ("130100", 91, None, "")


def test_the_raw_payload_is_kept_as_it_came(store: Path) -> None:
    raw = json.dumps({"source": "站网", "rows": [row()]}, indent=3).encode()
    intake.accept_readings(json.loads(raw), raw)
    [payload] = kept(Payload)
    assert zlib.decompress(payload.body) == raw
    assert kept()[0].payload_id == payload.id


def test_the_same_payload_again_is_all_duplicates(any_store: str) -> None:
    body = {"source": "站网", "rows": [row(2), row(1)]}
    intake.accept_readings(body)
    assert intake.accept_readings(body) == {"accepted": 0, "duplicates": 2, "rejected": []}
    assert len(kept()) == 2
    assert len(kept(Payload)) == 1


def test_another_value_for_the_same_hour_is_a_correction(any_store: str) -> None:
    post(row(2))
    assert post(row(2, **{"PM2.5": 85}), row(1)) == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert [(one.at, one.revision, one.pm25) for one in kept()] == [
        (hour(2), 0, 80),
        (hour(2), 1, 85),
        (hour(1), 0, 80),
    ]


def test_a_correction_keeps_what_it_does_not_name_and_takes_back_what_it_names_as_missing(store: Path) -> None:
    post(row(**{"PM2.5": 999, "PM10": 100}))
    post(row(**{"PM2.5": None, "NO2": 40}))
    newest = kept()[-1]
    assert (newest.revision, newest.pm25, newest.pm10, newest.no2) == (1, None, 100, 40)


def test_two_sources_do_not_correct_each_other(store: Path) -> None:
    post(row(), source="甲")
    assert post(row(**{"PM2.5": 60}), source="乙")["accepted"] == 1
    assert {one.revision for one in kept()} == {0}


@pytest.mark.parametrize("value", BAD_VALUES, ids=str)
def test_an_impossible_value_is_named_and_never_a_zero(store: Path, value: Any) -> None:
    answer = post(row(2), row(1, **{"PM2.5": value}))
    assert (answer["accepted"], [(one["row"], one["column"]) for one in answer["rejected"]]) == (1, [(1, "PM2.5")])
    assert [one.pm25 for one in kept()] == [80]
    [set_aside] = kept(Quarantined)
    assert (set_aside.row, set_aside.column, set_aside.source) == (1, "PM2.5", "站网")
    assert set_aside.reason


@pytest.mark.parametrize("value", ABSENT_VALUES, ids=repr)
def test_a_missing_value_is_missing(store: Path, value: Any) -> None:
    answer = post(row(**{"PM2.5": value, "PM10": 50}))
    assert answer == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert (kept()[0].pm25, kept()[0].pm10) == (None, 50)


def test_a_bad_value_leaves_the_rest_of_its_row(store: Path) -> None:
    answer = post(row(**{"PM2.5": -5, "PM10": 50}))
    assert (answer["accepted"], len(answer["rejected"])) == (1, 1)
    assert (kept()[0].pm25, kept()[0].pm10) == (None, 50)


def test_particles_of_exactly_zero_are_a_fault_of_the_instrument(store: Path) -> None:
    """The national feed of 2017-07-07 16 h says PM2.5 0, PM10 0 beside a 24-hour mean of 86."""
    answer = post(row(2, **{"PM2.5": 0, "PM10": 0, "O3": 0}), row(1, **{"PM2.5": 0}))
    assert (answer["accepted"], len(answer["rejected"])) == (1, 3)
    assert [(one.pm25, one.pm10, one.o3) for one in kept()] == [(None, None, 0)]


def test_a_garbled_value_takes_nothing_back(store: Path) -> None:
    post(row())
    assert post(row(**{"PM2.5": "#VALUE!", "PM10": 70}))["accepted"] == 1
    assert (kept()[-1].pm25, kept()[-1].pm10) == (80, 70)


def test_a_row_without_any_value_is_named(store: Path) -> None:
    answer = post(row(**{"PM2.5": None}), {"time": hour().isoformat(), "city": "110000", "humidity": 40})
    assert (answer["accepted"], [one["row"] for one in answer["rejected"]]) == (0, [0, 1])


def test_the_future_is_refused_by_name_even_in_a_replay(store: Path) -> None:
    ahead = (clock.now() + timedelta(minutes=11)).isoformat()
    for replay in (False, True):
        answer = post({"time": ahead, "city": "110000", "PM2.5": 80}, replay=replay)
        assert (answer["accepted"], answer["rejected"][0]["column"]) == (0, "time")


def test_utc_hours_read_as_beijing_are_in_the_future_and_named(store: Path) -> None:
    wrong = (clock.now() + timedelta(hours=8)).astimezone(UTC)
    assert post({"time": wrong.isoformat(), "city": "110000", "PM2.5": 80})["rejected"][0]["column"] == "time"


def test_more_than_72_hours_back_is_stale_unless_it_is_said_to_be_history(store: Path) -> None:
    assert post(row(71))["accepted"] == 1
    stale = post(row(74))
    assert (stale["accepted"], stale["rejected"][0]["column"]) == (0, "time")
    assert post(row(74), replay=True)["accepted"] == 1


def test_a_time_without_a_zone_is_beijing_time(store: Path) -> None:
    local = hour().astimezone(clock.BEIJING).replace(tzinfo=None)
    post({"time": local.isoformat(sep=" "), "city": "北京市", "PM2.5": 80})
    assert kept()[0].at == hour()


def test_a_time_between_the_hours_is_named(store: Path) -> None:
    assert post({"time": (hour() - timedelta(minutes=30)).isoformat(), "city": "110000", "PM2.5": 1})["accepted"] == 0
    assert post({"time": (hour(2) + timedelta(seconds=20)).isoformat(), "city": "110000", "PM2.5": 1})["accepted"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"city": "亚特兰蒂斯"}, {"city": "999999"}, {"city": None}, {"city": True}, {"city": {}}, {"time": None},
        {"time": "yesterday"}, {"time": 1700000000}, {"time": "9999-12-31T23:59:59-23:59"}, {"city": None, "station": "9999Z"},
    ],
    ids=str,
)  # fmt: skip
def test_an_unknown_place_or_time_is_named_and_the_good_rows_stay(store: Path, bad: dict[str, Any]) -> None:
    answer = post(row(2), row(1) | bad, row(1))
    assert (answer["accepted"], [one["row"] for one in answer["rejected"]]) == (2, [1])
    assert answer["rejected"][0]["reason"]


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 5000, "\u202e换", "' OR 1=1 --"], ids=ascii)
def test_any_text_anywhere_is_named_and_kept(any_store: str, text: str) -> None:
    rows = [row(2, **{name: text}) for name in ("PM2.5", "city", "time")]
    rows += [
        row(2) | {"city": text},
        row(2) | {"station": text, "city": None},
        row(2) | {"time": text},
        {text: text},
        row(1),
    ]
    answer = post(*rows)
    assert (answer["accepted"], {one["row"] for one in answer["rejected"]}) == (1, set(range(7)))
    assert len(kept(Quarantined)) == len(answer["rejected"])


@pytest.mark.parametrize("junk", [1, None, "x", [], [[]]], ids=repr)
def test_a_row_that_is_no_object_is_named(store: Path, junk: Any) -> None:
    assert post(junk, row())["rejected"][0]["row"] == 0
    assert len(kept()) == 1


def test_a_station_of_the_register_stands_for_its_city(any_store: str) -> None:
    with db.transaction() as session:
        session.add(Station(code="1001A", name="万寿西宫", city="110000", lon=116.4, lat=39.9))
    answer = post(
        {"time": hour().isoformat(), "station": "1001A", "PM2.5": 80},
        {"time": hour().isoformat(), "station": "1001A", "city": "石家庄", "PM2.5": 80},
        {"time": hour().isoformat(), "station": "2002A", "city": "石家庄", "PM2.5": 70},
    )
    assert (answer["accepted"], [one["row"] for one in answer["rejected"]]) == (2, [1])
    assert [(one.city, one.station) for one in kept()] == [("110000", "1001A"), ("130100", "2002A")]


@pytest.mark.parametrize(
    "body",
    [
        None, [], "x", {}, {"source": "x"}, {"rows": []}, {"source": "", "rows": []}, {"source": 5, "rows": []},
        {"source": "x" * 65, "rows": []}, {"source": "a\nb", "rows": []}, {"source": "x", "rows": {}},
        {"source": "x", "rows": [], "replay": "yes"}, {"source": "x", "rows": [1] * (intake.MOST_ROWS + 1)},
    ],
    ids=lambda body: str(body)[:40],
)  # fmt: skip
def test_what_is_no_hand_over_is_refused_with_a_sentence(store: Path, body: Any) -> None:
    for accept in (intake.accept_readings, intake.accept_forecasts):
        with pytest.raises(Refusal):
            accept(body)


def test_forecast_hours_are_kept_by_issue(any_store: str) -> None:
    rows = [{"time": hour(-n).isoformat(), "city": "110000", "PM2.5": 100 + n} for n in range(1, 25)]
    body = {"source": "数值预报", "issued_at": hour(0).isoformat(), "rows": rows}
    assert intake.accept_forecasts(body) == {"accepted": 24, "duplicates": 0, "rejected": []}
    assert intake.accept_forecasts({**body, "rows": rows[:2]}) == {"accepted": 0, "duplicates": 2, "rejected": []}
    again = intake.accept_forecasts({**body, "rows": [rows[0] | {"PM2.5": 130}]})
    assert again["accepted"] == 1
    first = [one for one in kept(Forecast) if one.at == hour(-1)]
    assert [one.pm25 for one in first] == [101, 130]
    assert first[0].issued_at < first[1].issued_at
    assert {one.span_h for one in kept(Forecast)} == {1}


def test_a_daily_forecast_keeps_both_ends_of_its_range(store: Path) -> None:
    day = (clock.now().astimezone(clock.BEIJING) + timedelta(days=1)).date()
    rows = [
        {"time": day.isoformat(), "city": "唐山", "AQI": "180-220", "primary": "细颗粒物(PM2.5)"},
        {"time": f"{day + timedelta(days=1)}T00:00:00+08:00", "city": "唐山", "AQI": "230~260"},
        {"time": (day + timedelta(days=2)).isoformat(), "city": "唐山", "AQI": 150, "span_h": 24, "primary": "O3"},
    ]
    assert intake.accept_forecasts({"source": "会商", "rows": rows})["rejected"] == []
    said = [(one.aqi_low, one.aqi, one.primary_pollutant, one.span_h) for one in kept(Forecast)]
    assert said == [(180, 220, "PM2.5", 24), (230, 260, "", 24), (None, 150, "O3_8h", 24)]
    assert kept(Forecast)[0].at == datetime(day.year, day.month, day.day, tzinfo=clock.BEIJING)


@pytest.mark.parametrize("value", [-1, "-1", 501, "180-620", "abc", float("nan")], ids=str)
def test_an_impossible_index_is_named(store: Path, value: Any) -> None:
    body = {"source": "会商", "rows": [{"time": hour(-24).isoformat(), "city": "唐山", "AQI": value}]}
    answer = intake.accept_forecasts(body)
    assert (answer["accepted"], answer["rejected"][0]["column"]) == (0, "AQI")


def test_a_forecast_issued_in_the_future_or_long_ago_is_set_aside_whole(store: Path) -> None:
    rows = [{"time": hour(-n).isoformat(), "city": "110000", "PM2.5": 300} for n in (1, 2)]
    for issued_at in (clock.now() + timedelta(hours=1), clock.now() - timedelta(hours=73)):
        answer = intake.accept_forecasts({"source": "x", "issued_at": issued_at.isoformat(), "rows": rows})
        assert (answer["accepted"], {one["column"] for one in answer["rejected"]}) == (0, {"issued_at"})
    assert kept(Forecast) == []


def test_yesterdays_forecast_handed_in_again_is_no_news(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"source": "x", "rows": [{"time": hour(-5).isoformat(), "city": "110000", "PM2.5": 300}]}
    intake.accept_forecasts(body)
    issued_at = kept(Forecast)[0].issued_at
    later = clock.now() + timedelta(hours=20)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert intake.accept_forecasts(body)["duplicates"] == 1
    with db.reading() as session:
        assert session.get_one(FeedState, ("x", "forecasts")).newest_at == issued_at


def test_a_feed_ages_by_its_newest_hour_not_by_its_chatter(store: Path) -> None:
    post(row(5))
    post(row(5), row(6))
    with db.reading() as session:
        [age] = intake.feed_ages(session)
        later = intake.feed_ages(session, clock.now() + timedelta(hours=30))[0]
    assert (age.name, age.kind, age.state) == ("站网", "readings", "stale")
    assert age.age_s == pytest.approx((clock.now() - hour(5)).total_seconds(), abs=5)
    assert later.state == "silent"
    assert {"name", "age_s", "state"} <= age.as_json().keys()


def test_thousands_of_rows_go_in_at_once(any_store: str) -> None:
    """Speed itself is measured by the bench; here a whole region's day with its repeats and corrections."""
    cities = ["110000", "120000", "130100", "130200", "140100"]
    rows = [row(n, city) for city in cities for n in range(70)]
    assert post(*rows)["accepted"] == 350
    mixed = [one | {"PM2.5": 81} if n % 7 == 0 else one for n, one in enumerate(rows)]
    assert post(*mixed) == {"accepted": 50, "duplicates": 300, "rejected": []}
