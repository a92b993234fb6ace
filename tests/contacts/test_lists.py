from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contacts import lists
from contacts.complaints import Unreadable
from contacts.lists import Rows
from tests.contacts.conftest import code, known_city, silence

Write = Callable[..., Path]
PEOPLE = ("统一社会信用代码", "姓名", "手机", "邮箱", "次序")
STAFF = ("工号", "姓名", "角色", "城市", "手机", "邮箱")


def rejected(rows: Rows) -> list[tuple[int, str]]:
    return [(each.row, each.column) for each in rows.complaints.rejected]


def test_contacts_are_read_with_what_reaches_them(text: Write) -> None:
    path = text(
        [PEOPLE, [code(1), "张三", "138 0013 8000", "Z@Example.CN", 1], [code(1), "李四", "", "l@example.cn", ""]]
    )

    rows = lists.contacts(path, silence)

    assert rows.drafts[code(1), "张三", 0] == {"phone": "+8613800138000", "email": "Z@example.cn", "order": 1}
    assert rows.drafts[code(1), "李四", 0] == {"phone": None, "email": "l@example.cn", "order": None}


@pytest.mark.parametrize(
    ("row", "column"),
    [((code(1), "张三", "", "", 1), "手机"), ((code(1), "张三", "12369", "", 1), "手机"), ((code(1), "张三", "", "a@", 1), "邮箱"),
     ((code(1), "", "13800138000", "", 1), "姓名"), ((code(1), "13800138000", "张三", "", 1), "姓名"),
     (("1", "张三", "13800138000", "", 1), "统一社会信用代码"), ((code(1), "张三", "13800138000", "", "先"), "次序")],
)  # fmt: skip
def test_a_contact_who_cannot_be_told_is_refused(text: Write, row: tuple[object, ...], column: str) -> None:
    assert (2, column) in rejected(lists.contacts(text([PEOPLE, row]), silence))


def test_namesakes_stay_apart_and_a_repeated_row_is_refused(text: Write) -> None:
    one, other = [code(1), "张三", "13800138000", "", 1], [code(1), "张三", "13800138001", "", 2]

    rows = lists.contacts(text([PEOPLE, one, other, one]), silence)

    assert len(rows.drafts) == 2 and rejected(rows) == [(4, "姓名")]


def test_a_landline_is_kept_with_a_warning(text: Write) -> None:
    rows = lists.contacts(text([PEOPLE, [code(1), "张三", "0311-86012345", "", 1]]), silence)

    assert not rows.complaints.rejected and "固定电话" in rows.complaints.told()[0]


def test_contacts_without_any_address_column_are_refused(text: Write) -> None:
    with pytest.raises(Unreadable, match="手机或邮箱"):
        lists.contacts(text([PEOPLE[:2], [code(1), "张三"]]), silence)


@pytest.mark.parametrize(
    ("written", "role"),
    [
        ("duty", "duty"),
        ("值班员", "duty"),
        ("签发人", "signer"),
        ("Leader", "leader"),
        ("领导", "leader"),
        ("导演", "director"),
    ],
)
def test_a_role_is_known_in_both_languages(written: str, role: str) -> None:
    assert lists.role(written) == role


@pytest.mark.parametrize("cities", ["130100;110000", "石家庄;北京", "130100；北京", "北京、石家庄市", "110000,130100"])
def test_a_mandate_lists_cities_in_any_way(text: Write, cities: str) -> None:
    rows = lists.officers(
        text([STAFF, ["d1", "王一", "duty", cities, "13800138000", ""]], mark="\t"), known_city, silence
    )

    assert rows.drafts["d1"]["cities"] == ["110000", "130100"]


@pytest.mark.parametrize("province", ["130000", "河北", "河北省"])
def test_a_mandate_may_be_a_province(text: Write, province: str) -> None:
    rows = lists.officers(text([STAFF, ["d1", "王一", "duty", province, "13800138000", ""]]), known_city, silence)

    assert rows.drafts["d1"]["cities"] == ["130000"]


def test_an_unknown_role_or_place_is_refused(text: Write) -> None:
    rows = lists.officers(text([STAFF, ["d1", "王一", "司机", "火星", "13800138000", ""]]), known_city, silence)

    assert rejected(rows) == [(2, "角色"), (2, "城市")]


def test_shifts_are_beijing_time(text: Write) -> None:
    rows = lists.shifts(text([("工号", "开始", "结束"), ["d1", "2026-11-22 08:00", "2026-11-22 24:00"]]), silence)

    assert rows.drafts == {
        ("d1", datetime(2026, 11, 22, tzinfo=UTC)): {"to_at": datetime(2026, 11, 22, 16, tzinfo=UTC)}
    }


def test_a_shift_ends_after_it_begins_and_stands_once(text: Write) -> None:
    good, back = ["d1", "2026-11-22 08:00", "2026-11-23"], ["d1", "2026-11-22 08:00", "2026-11-22 07:00"]

    assert rejected(lists.shifts(text([("id", "from", "to"), good, back, good]), silence)) == [(3, "to"), (4, "from")]


def test_stations_are_read_and_their_places_checked(text: Write) -> None:
    headings = ("编码", "名称", "城市", "经度", "纬度")
    path = text([headings, ["1001A", "万寿西宫", "北京", 116.37, 39.87], ["1002A", "x", "北京", 39.87, 116.37]])

    rows = lists.stations(path, known_city, silence)

    assert rows.drafts["1001A"] == {"name": "万寿西宫", "city": "110000", "lon": 116.37, "lat": 39.87}
    assert rejected(rows) == [(3, "纬度")]
