from collections.abc import Callable
from pathlib import Path

import pytest

from contacts.complaints import Unreadable
from tests.contacts.conftest import HEADINGS, code, listed, plant

Write = Callable[..., Path]


def reasons(path: Path) -> list[tuple[int, str, str]]:
    return [(each.row, each.column, each.reason) for each in listed(path).complaints.rejected]


def test_a_plain_list_is_read(book: Write) -> None:
    found = listed(book(清单=[HEADINGS, plant(1), plant(2, city="130200", grade="A")]))

    assert not found.complaints.rejected and not found.complaints.told()
    assert found.plants[code(2)] == {"name": "第2厂", "city": "130200", "industry": "水泥", "grade": "A"}
    assert found.lines is None and found.rows == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_text_files_of_every_office_are_read(text: Write, encoding: str, mark: str) -> None:
    found = listed(text([["清单"], HEADINGS, plant(1), plant(2)], encoding, mark))

    assert list(found.plants) == [code(1), code(2)] and not found.complaints.rejected


@pytest.mark.parametrize(
    ("other", "column", "says"),
    [({"industry": "航天"}, "行业", "航天"), ({"grade": "E"}, "绩效等级", "E"), ({"city": "某地"}, "城市", "某地"),
     ({"city": "河北省"}, "城市", "省份"), ({"code": "123"}, "统一社会信用代码", "18 位"), ({"name": ""}, "企业名称", "没有填写"),
     ({"grade": "—"}, "绩效等级", "没有填写"), ({"name": "13800138000"}, "企业名称", "错位")],
)  # fmt: skip
def test_a_bad_cell_is_refused_by_row_column_and_reason(
    book: Write, other: dict[str, str], column: str, says: str
) -> None:
    found = reasons(book(清单=[["某市清单"], HEADINGS, plant(1), plant(2, **other)]))

    assert [(row, title) for row, title, _ in found] == [(4, column)] and says in found[0][2]


def test_a_code_twice_is_refused_and_names_the_first_row(book: Write) -> None:
    assert reasons(book(清单=[HEADINGS, plant(1), plant(2), plant(1)])) == [(4, "统一社会信用代码", "与第 2 行重复")]


def test_a_wrong_check_character_is_a_warning(book: Write) -> None:
    found = listed(book(清单=[HEADINGS, plant(1, code="911301000000000000")]))

    assert not found.complaints.rejected and "校验位" in found.complaints.told()[0]


@pytest.mark.parametrize(
    "city", ["石家庄", "石家庄市", "河北省石家庄市", "130100", 130100.0, "130102", "石家庄市长安区", "１３０１００"]
)
def test_a_city_is_known_by_code_name_or_county(book: Write, city: object) -> None:
    assert listed(book(清单=[HEADINGS, plant(1, city=city)])).plants[code(1)]["city"] == "130100"


def test_a_city_nobody_knows_is_taken_by_its_code(book: Write) -> None:
    assert listed(book(清单=[HEADINGS, plant(1, city="440100")])).plants[code(1)]["city"] == "440100"


def test_a_formula_is_text(text: Write) -> None:
    path = text([HEADINGS, plant(1, name="=HYPERLINK(1)")])

    assert listed(path).plants[code(1)]["name"] == "=HYPERLINK(1)"


def test_several_sheets_make_one_list_and_notes_are_left_out(book: Write) -> None:
    path = book(
        说明=[["填表说明"], ["请勿改动表头"]],
        北京=[HEADINGS, plant(1, city="北京")],
        天津=[HEADINGS, plant(2, city="天津")],
    )

    found = listed(path)

    assert list(found.plants) == [code(1), code(2)] and found.complaints.told() == ["工作表“说明”没有本名录的表头,未读"]


def test_half_a_register_is_not_taken_for_a_whole_one(book: Write) -> None:
    path = book(北京=[HEADINGS, plant(1, city="北京")], 天津=[HEADINGS[:4], plant(2, city="天津")[:4]])

    with pytest.raises(Unreadable, match="工作表“天津”缺少列:绩效等级 grade"):
        listed(path)


def test_totals_remarks_and_blank_rows_are_no_plants(book: Write) -> None:
    rows = [HEADINGS, plant(1), [], ["合计", "1 家"], HEADINGS, plant(2), ["注:本表由各县区填报"]]

    found = listed(book(清单=rows))

    assert list(found.plants) == [code(1), code(2)] and not found.complaints.rejected


def test_lines_come_as_rows_of_their_own_sheet(book: Write) -> None:
    headings = ("信用代码", "生产线", "工序", "产能", "黄色预警减排措施", "黄色停限产比例(%)", "橙色措施", "red_cut")
    lines = [
        headings,
        [code(1), "1#窑", "煅烧", "120万吨/年", "限产", 20, "停产", 1],
        [code(1), "2#窑", "", "", "", "", "", ""],
    ]

    found = listed(book(企业=[HEADINGS, plant(1), plant(2)], 生产线=lines))

    assert not found.complaints.rejected
    first, second = found.lines[code(1)].values()
    assert (first["capacity"], first["unit"], first["yellow_cut"], first["red_cut"]) == (120, "万吨/年", 0.2, 1.0)
    assert (first["yellow_measure"], first["orange_measure"], second["position"]) == ("限产", "停产", 1)


def test_lines_may_be_rows_of_the_list_itself(book: Write) -> None:
    headings = (*HEADINGS, "生产线", "红色预警减排措施")
    found = listed(
        book(清单=[headings, [*plant(1), "1#窑", "停产"], [*plant(1), "2#窑", "停产"], [*plant(2), "", "全厂停产"]])
    )

    assert not found.complaints.rejected and list(found.lines[code(1)]) == ["1#窑", "2#窑"]
    assert found.plants[code(2)]["red_plan"] == "全厂停产" and code(2) not in found.lines


def test_rows_of_one_plant_must_agree(book: Write) -> None:
    path = book(清单=[(*HEADINGS, "生产线"), [*plant(1), "1#窑"], [*plant(1, grade="A"), "2#窑"], [*plant(1), "1#窑"]])

    assert [(row, column) for row, column, _ in reasons(path)] == [(3, "绩效等级"), (4, "生产线")]


def test_a_cut_without_a_line_is_the_plants(book: Write) -> None:
    found = listed(book(清单=[(*HEADINGS, "橙色停限产比例"), [*plant(1), "50%"]]))

    assert found.lines[code(1)]["全厂"]["orange_cut"] == 0.5


def test_exemptions_and_drills_are_read(book: Write) -> None:
    headings = (*HEADINGS, "是否保障类", "豁免最高级别", "豁免到期", "参演")
    found = listed(
        book(清单=[headings, [*plant(1), "是", "橙色", "2027年3月31日", "√"], [*plant(2), "否", "", "", ""]])
    )

    spared, plain = found.plants.values()
    assert (spared["exemption_kind"], spared["exemption_max_level"], spared["in_drill"]) == ("保障类", "orange", True)
    assert (plain["exemption_kind"], plain["exemption_expires_on"], plain["in_drill"]) == (None, None, False)


@pytest.mark.parametrize(("column", "cell"), [("参演", "也许"), ("豁免最高级别", "紫色"), ("豁免到期", "以后")])
def test_what_decides_who_is_told_is_not_guessed(book: Write, column: str, cell: str) -> None:
    assert [each[:2] for each in reasons(book(清单=[(*HEADINGS, column), [*plant(1), cell]]))] == [(2, column)]


def test_what_decides_nothing_is_left_empty_with_a_warning(book: Write) -> None:
    found = listed(book(清单=[(*HEADINGS, "经度", "评级日期"), [*plant(1), "东经", "去年"]]))

    assert not found.complaints.rejected and len(found.complaints.told()) == 2
    assert found.plants[code(1)]["lon"] is None


def test_merged_cells_speak_for_every_row(tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate([HEADINGS, plant(1, city=""), plant(2, city="")]):
            sheet.write_row(number, 1, row)
        sheet.merge_range(1, 3, 2, 3, "石家庄")

    assert {row["city"] for row in listed(path).plants.values()} == {"130100"}


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "空文件"), (b"PK\x03\x04broken", "损坏"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 600, "密码"),
     (b"<html><table><tr><td>a", "网页"), (b"a,b\n1,2\n", "缺少列"), (bytes(range(128, 256)) * 3, "编码")],
)  # fmt: skip
def test_a_file_that_is_no_list_is_refused_in_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "清单.xlsx"
    path.write_bytes(content)

    with pytest.raises(Unreadable, match=says) as refused:
        listed(path)
    assert "清单.xlsx" in str(refused.value) and "\n" not in str(refused.value)


def test_two_columns_of_one_name_are_refused(text: Write) -> None:
    with pytest.raises(Unreadable, match="出现两次"):
        listed(text([(*HEADINGS, "城市"), [*plant(1), "北京"]]))


def test_a_missing_column_is_named_with_what_was_found(text: Write) -> None:
    with pytest.raises(Unreadable, match="缺少列:绩效等级 grade;找到的列:统一社会信用代码、企业名称、城市、行业"):
        listed(text([HEADINGS[:4], plant(1)[:4]]))
