from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts import cells


@pytest.mark.parametrize(
    ("cell", "text"),
    [(13800138000.0, "13800138000"), (0.5, "0.5"), (True, "TRUE"), (None, ""), ("  某 厂\u3000", "某 厂"), ("a\x00b\nc", "a b c"),
     ('="0012"', "0012"), ("'0012", "0012"), ("'名", "'名"), (date(2026, 3, 1), "2026-03-01"), (float("nan"), "")],
)  # fmt: skip
def test_a_cell_becomes_clean_text(cell: object, text: str) -> None:
    assert cells.text(cell) == text


def test_a_formula_stays_text() -> None:
    assert cells.text('=HYPERLINK("http://x","点我")') == '=HYPERLINK("http://x","点我")'
    assert cells.text("=1+1") == "=1+1"


def test_a_number_the_spreadsheet_rounded_is_not_taken_for_a_code() -> None:
    assert "e+17" in cells.text(911101080000000000.0)


@given(st.text(), st.floats(), st.integers())
def test_any_cell_becomes_one_line_that_a_database_takes(text: str, number: float, whole: int) -> None:
    for cell in (text, number, whole):
        made = cells.text(cell)
        assert "\x00" not in made and "\n" not in made and made == made.strip()


@pytest.mark.parametrize(
    "written",
    ["2026-11-22 08:00", "2026/11/22 8:00", "2026年11月22日 8时", "2026-11-22T08:00:00+08:00", "2026-11-22T00:00:00Z",
     "2026-11-22 08:00:00", "2026-11-22T08:00:00.000+0800", "2026-11-22 上午8:00"],
)  # fmt: skip
def test_a_time_is_beijing_time_unless_it_says_otherwise(written: str) -> None:
    assert cells.moment(written) == datetime(2026, 11, 22, 0, 0, tzinfo=UTC)


def test_midnight_may_end_a_day() -> None:
    assert cells.moment("2026-11-22 24:00") == cells.moment("2026-11-23")


@pytest.mark.parametrize(
    "written", ["", "x", "2026-02-30", "2026-11-22 25:00", "2026-11-22 24:30", "22/11/2026 08:00", "46000"]
)
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        cells.moment(written)


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_a_reason(written: str) -> None:
    for read in (cells.moment, cells.day, cells.number, cells.share, cells.yes, cells.degrees(180)):
        try:
            read(written)
        except ValueError as reason:
            assert str(reason)


@pytest.mark.parametrize(
    ("written", "title", "share"),
    [("50%", "", 0.5), ("0.5", "", 0.5), ("50", "", 0.5), ("1", "比例(%)", 0.01), ("停产", "", 1.0)],
)
def test_a_share_is_read_by_its_percent_sign(written: str, title: str, share: float) -> None:
    assert cells.share(written, percent=title) == share


def test_a_capacity_carries_its_unit() -> None:
    assert (cells.number("1,200 万吨/年"), cells.unit("1,200 万吨/年")) == (1200, "万吨/年")
