import io
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.complaints import Unreadable
from tests.contacts.conftest import HEADINGS, listed, plant


def workbook() -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([HEADINGS, plant(1), plant(2)]):
            sheet.write_row(number, 0, row)
    return made.getvalue()


WORKBOOK = workbook()
TEXT = "\n".join(",".join(map(str, row)) for row in (HEADINGS, plant(1), plant(2))).encode()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([WORKBOOK, TEXT, TEXT.decode().encode("utf-16")]),
    st.lists(st.tuples(st.integers(0), st.integers(0, 255))),
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path: Path, whole: bytes, damage: list[tuple[int, int]]
) -> None:
    content = bytearray(whole)
    for place, value in damage:
        content[place % len(content)] = value
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)

    try:
        found = listed(path)
    except Unreadable as refused:
        assert "a.xlsx" in str(refused)
    else:
        assert found.rows <= 20


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(WORKBOOK[: len(WORKBOOK) // 2])

    with pytest.raises(Unreadable, match="损坏"):
        listed(path)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="读不了"):
        listed(tmp_path)


def test_a_quoted_cell_over_two_lines_keeps_the_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [HEADINGS, plant(1, name='"第一\n厂"'), plant(2, industry="航天")]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))

    found = listed(path)

    assert next(iter(found.plants.values()))["name"] == "第一 厂"
    assert [each.row for each in found.complaints.rejected] == [4]


def test_a_hidden_sheet_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        for name, number in (("今年", 1), ("去年", 2)):
            sheet = book.add_worksheet(name)
            for line, row in enumerate([HEADINGS, plant(number)]):
                sheet.write_row(line, 0, row)
        book.worksheets()[1].hide()

    found = listed(path)

    assert len(found.plants) == 1 and found.complaints.told() == ["隐藏的工作表“去年”未读"]
