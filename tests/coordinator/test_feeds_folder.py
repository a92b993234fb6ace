"""A folder others write into: the national feed's shapes, plain tables, forecasts; what can't be read is named."""

import gzip
import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from coordinator import clock, db, intake
from coordinator.errors import Fault, Misconfigured
from coordinator.models import FeedState, Forecast, Payload, Quarantined, Reading


@pytest.fixture
def folder(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "feeds"
    made.mkdir()
    monkeypatch.setenv("LIANDONG_FEED_DIR", str(made))
    return made


def settle(path: Path) -> Path:
    """Nobody has written to it for a minute."""
    past = clock.wall() - 60
    os.utime(path, (past, past))
    return path


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return settle(path)


def at(back: int) -> str:
    return (clock.now().astimezone(clock.BEIJING) - timedelta(hours=back)).strftime("%Y-%m-%d %H:00:00")


def test_a_table_of_cities_is_taken_once(folder: Path) -> None:
    put(folder / "hour.csv", f"time,city,PM2.5,PM10\n{at(2)},北京市,80,120\n{at(1)},石家庄,,90\n{at(1)},纽约,50,60\n")
    answer = intake.pull("folder")
    assert (answer["accepted"], answer["duplicates"]) == (2, 0)
    assert intake.pull("folder")["accepted"] == 0
    with db.reading() as session:
        rows = session.scalars(select(Reading).order_by(Reading.at, Reading.city)).all()
        payloads = session.scalar(select(func.count()).select_from(Payload))
    assert [(row.city, row.pm25, row.pm10, row.source) for row in rows] == [
        ("110000", 80, 120, "folder"), ("130100", None, 90, "folder"),
    ]  # fmt: skip
    assert payloads == 1


def test_a_subfolder_is_a_source_of_its_own(folder: Path) -> None:
    put(folder / "省站" / "hour.csv", f"time,city,PM2.5\n{at(1)},北京,80\n")
    intake.pull("folder")
    with db.reading() as session:
        assert session.get_one(FeedState, ("省站", "readings")).newest_at is not None


def test_impossible_and_old_values_of_a_file_are_named(folder: Path) -> None:
    put(folder / "hour.csv", f"time,city,PM2.5\n{at(1)},北京,-5\n{at(200)},北京,80\n{at(1)},天津,70\n")
    assert intake.pull("folder")["accepted"] == 1
    with db.reading() as session:
        reasons = session.scalars(select(Quarantined.reason)).all()
    assert len(reasons) == 2 and any("72" in reason for reason in reasons)


def test_a_broken_file_is_named_and_doesnt_stop_the_others(folder: Path) -> None:
    put(folder / "a.csv", "这不是数据\n")
    put(folder / "b.csv", f"time,city,PM2.5\n{at(1)},北京,80\n")
    (folder / "c.csv.gz").write_bytes(b"\x1f\x8b broken")
    settle(folder / "c.csv.gz")
    with pytest.raises(Fault, match="2 个文件"):
        intake.pull("folder")
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Reading)) == 1
        assert "a.csv" in session.get_one(FeedState, ("folder", "readings")).trouble


def test_a_file_still_being_written_waits(folder: Path) -> None:
    path = put(folder / "hour.csv", f"time,city,PM2.5\n{at(1)},北京,80\n")
    os.utime(path)
    assert intake.pull("folder")["accepted"] == 0


def test_a_forecast_table_is_known_by_its_name(folder: Path) -> None:
    day = (clock.now().astimezone(clock.BEIJING) + timedelta(days=1)).date().isoformat()
    put(folder / "未来五天预报.csv", f"城市,{day}\n北京,180-220\n")
    intake.pull("folder")
    with db.reading() as session:
        assert [(row.city, row.aqi) for row in session.scalars(select(Forecast))] == [("110000", 220)]


def test_no_folder_is_said_in_words(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANDONG_FEED_DIR", "/no/such/folder")
    with pytest.raises(Misconfigured, match="LIANDONG_FEED_DIR"):
        intake.pull("folder")


@pytest.mark.parametrize(
    ("name", "hour"),
    [
        ("cnemc_station_feed_2017-07-07T16.geojson.gz", datetime(2017, 7, 7, 16)),
        ("cnemc_station_feed_2017-07-07.xml.gz", datetime(2017, 7, 7, 16)),
        ("cnemc_hourly_csv_sample_2022-01-04T20.csv", datetime(2022, 1, 4, 20)),
        ("raw_china_cities_20190112.csv.gz", datetime(2019, 1, 12, 23)),
    ],
)
def test_the_national_publications_come_in_as_they_are(
    folder: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch, name: str, hour: datetime
) -> None:
    now = hour.replace(tzinfo=clock.BEIJING) + timedelta(minutes=40)
    monkeypatch.setattr(clock, "now", lambda: now)
    settle(Path(shutil.copy(shared_data / "02_region_air" / name, folder / name)))
    answer = intake.pull("folder")
    assert answer["accepted"] > 5
    with db.reading() as session:
        rows = session.scalars(select(Reading)).all()
    assert max(row.at for row in rows) == hour.replace(tzinfo=clock.BEIJING)
    assert all(row.pm25 is None or row.pm25 > 0 for row in rows)
    if "station" in name or "hourly" in name:
        assert all(row.station for row in rows)


def test_the_swapped_ozone_labels_are_put_right(
    folder: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this publication the column o3_24h holds the hour's value."""
    now = datetime(2022, 1, 4, 20, 40, tzinfo=clock.BEIJING)
    monkeypatch.setattr(clock, "now", lambda: now)
    name = "cnemc_hourly_csv_sample_2022-01-04T20.csv"
    settle(Path(shutil.copy(shared_data / "02_region_air" / name, folder / name)))
    intake.pull("folder")
    with db.reading() as session:
        ozone = {row.station: row.o3 for row in session.scalars(select(Reading))}
    assert (ozone["1001A"], ozone["1002A"], ozone["1012A"]) == (0, 23, 0)


def test_a_zip_bomb_is_refused(folder: Path) -> None:
    (folder / "bomb.csv.gz").write_bytes(gzip.compress(b"0" * (270 << 20), 1))
    settle(folder / "bomb.csv.gz")
    with pytest.raises(Fault):
        intake.pull("folder")
