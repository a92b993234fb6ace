"""A forecaster's table in the layouts people send around."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from coordinator import clock, db, intake
from coordinator.errors import Refusal
from coordinator.feeds import bulletin
from coordinator.models import Forecast

ISSUED = datetime(2026, 1, 11, 8, tzinfo=UTC)
WIDE = "城市,1月12日,1月13日\n北京,180-220,230~260\n石家庄市,201-250 PM2.5,轻度至中度\n"
PAIRS = "城市,2026-01-12,首要污染物,2026-01-13,首要污染物\n北京,180-220,PM2.5,230-260,臭氧\n石家庄,201-250,细颗粒物,101-200,PM10\n"
LONG = "日期,城市,AQI,首要污染物\n2026/1/12,北京,180—220,PM2.5\n2026/1/13,北京,230-260,O3\n"
BOUNDS = "城市,预报日期,AQI下限,AQI上限,首要污染物\n北京,2026-01-12,180,220,PM2.5\n"
DOWN = "日期,北京,石家庄\n12日,180-220,201-250\n13日,230-260,101-200\n"


def read(tmp_path: Path, content: str, name: str = "预报.csv") -> bulletin.Handed:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return bulletin.read(path, source="会商", issued_at=ISSUED)


def said(handed: bulletin.Handed) -> dict[tuple[Any, Any], tuple[Any, Any]]:
    return {(row["city"], row["time"]): (row["AQI"], row["primary"]) for _, row in handed.rows}  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("180-220", (180, 220)), ("180~220", (180, 220)), ("180～220", (180, 220)), ("180—220", (180, 220)),
        ("180 至 220", (180, 220)), ("220-180", (180, 220)), ("200", (200, 200)), ("180-220 PM2.5", (180, 220)),
        ("PM2.5 180-220", (180, 220)), ("180-220(PM10)", (180, 220)), ("中度至重度(180~220)", (180, 220)),
        ("中度至重度污染", (151, 300)), ("轻-中度污染", (101, 200)), ("良", (51, 100)), ("优良", (0, 100)),
        ("良好", (51, 100)), ("200左右", (200, 200)),
        ("１８０－２２０", (180, 220)), ("O3 120-140", (120, 140)),
    ],
)  # fmt: skip
def test_a_range_has_two_ends(text: str, bounds: tuple[float, float]) -> None:
    assert bulletin.aqi_range(text) == bounds


@pytest.mark.parametrize("text", ["-5", "abc", "PM2.5", "", "12345", "1e3"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="180-220"):
        bulletin.aqi_range(text)


def test_cities_down_and_days_across(tmp_path: Path) -> None:
    assert said(read(tmp_path, WIDE)) == {
        ("北京", "2026-01-12"): ("180-220", ""), ("北京", "2026-01-13"): ("230-260", ""),
        ("石家庄市", "2026-01-12"): ("201-250", "PM2.5"), ("石家庄市", "2026-01-13"): ("101-200", ""),
    }  # fmt: skip


def test_the_primary_pollutant_may_stand_in_the_next_column(tmp_path: Path) -> None:
    assert said(read(tmp_path, PAIRS)) == {
        ("北京", "2026-01-12"): ("180-220", "PM2.5"), ("北京", "2026-01-13"): ("230-260", "O3_8h"),
        ("石家庄", "2026-01-12"): ("201-250", "PM2.5"), ("石家庄", "2026-01-13"): ("101-200", "PM10"),
    }  # fmt: skip


@pytest.mark.parametrize("content", [LONG, BOUNDS], ids=["range", "bounds"])
def test_one_row_for_each_city_and_day(tmp_path: Path, content: str) -> None:
    assert said(read(tmp_path, content))["北京", "2026-01-12"] == ("180-220", "PM2.5")


def test_days_down_and_cities_across(tmp_path: Path) -> None:
    assert said(read(tmp_path, DOWN))["石家庄", "2026-01-13"] == ("101-200", "")


def test_a_workbook_with_a_title_merged_days_and_real_dates(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["京津冀及周边地区空气质量预报会商表"])
    sheet.append(["城市", datetime(2026, 1, 12), None, datetime(2026, 1, 13), None])
    sheet.append([None, "AQI范围", "首要污染物", "AQI范围", "首要污染物"])
    sheet.append(["北京", "180-220", "PM2.5", "230-260", "PM2.5"])
    sheet.append(["唐山", "待定", "PM2.5", 200, "PM2.5"])
    sheet.append(["不知道市", "180-220", "", "", ""])
    sheet.merge_cells("B2:C2")
    path = tmp_path / "table.xlsx"
    book.save(path)
    monkeypatch.setattr(clock, "now", lambda: ISSUED)
    answer = intake.accept_forecast_table(path, name="会商表.xlsx")
    assert answer["accepted"] == 3
    assert [(one["row"], one["value"]) for one in answer["rejected"]] == [(5, "待定"), (6, "不知道市")]
    with db.reading() as session:
        rows = session.scalars(select(Forecast).order_by(Forecast.city, Forecast.at)).all()
    assert [(row.city, row.aqi_low, row.aqi, row.primary_pollutant) for row in rows] == [
        ("110000", 180, 220, "PM2.5"), ("110000", 230, 260, "PM2.5"), ("130200", 200, 200, "PM2.5"),
    ]  # fmt: skip


def test_a_day_without_a_year_is_the_one_nearest_to_the_issue(tmp_path: Path) -> None:
    path = tmp_path / "年末.csv"
    path.write_text("城市,12月31日,1月1日\n北京,180-220,230-260\n", encoding="gb18030")
    handed = bulletin.read(path, source="会商", issued_at=datetime(2025, 12, 30, tzinfo=UTC))
    assert [row["time"] for _, row in handed.rows] == ["2025-12-31", "2026-01-01"]  # type: ignore[index]


@pytest.mark.parametrize("content", ["什么也不是\n", "a,b\n1,2\n", "城市\n北京\n", "PK\x03\x04broken"])
def test_a_file_without_a_table_is_refused_with_what_was_looked_for(tmp_path: Path, content: str) -> None:
    with pytest.raises(Refusal):
        read(tmp_path, content)
