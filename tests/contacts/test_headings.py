import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts import headings
from contacts.columns import CONTACTS, ENTERPRISES, FORMS, OFFICERS, Form

NEEDED = [column for column in ENTERPRISES.columns if column.needed]


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_every_name_of_a_column_finds_it(form: Form) -> None:
    for column in form.columns:
        for name in column.names:
            assert headings.find([[name]], form).places == {column.field: [0]}, name


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_no_name_means_two_columns(form: Form) -> None:
    names = [
        headings.folded(name)
        for column in form.columns
        for name in {headings.folded(each): each for each in column.names}.values()
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("title", "field"),
    [("企业名称（全称）", "name"), ("*城市", "city"), ("统一社会信用代码 credit_code", "credit_code"), ("行业(industry)", "industry"),
     ("Credit Code", "credit_code"), ("creditCode", "credit_code"), ("绩效\n等级", "grade"), ("经度（°）", "lon"),
     ("城市(必填)", "city"), ("企业名称/name", "name"), ("ＧＲＡＤＥ", "grade"), ("绩效等级grade", "grade")],
)  # fmt: skip
def test_a_title_is_known_with_its_ornaments(title: str, field: str) -> None:
    assert list(headings.find([[title]], ENTERPRISES).places) == [field]


@pytest.mark.parametrize("title", ["备注", "法人代表", "", "name city", "2026"])
def test_a_strange_title_is_left_alone(title: str) -> None:
    assert headings.find([[title]], ENTERPRISES).places == {}


@given(
    st.permutations(NEEDED),
    st.lists(st.sampled_from(["备注", "序号", "省", "法人"]), max_size=4),
    st.integers(0, 5),
    st.booleans(),
)
def test_order_language_titles_above_and_other_columns_do_not_matter(
    columns: list, others: list[str], above: int, english: bool
) -> None:
    row = [column.field if english else column.title for column in columns]
    rows = [["某市 2026 年应急减排清单"]] * above + [[*others, *row], ["1"] * (len(others) + len(row))]

    found = headings.find(rows, ENTERPRISES)

    assert found.last_row == above and not found.missing(ENTERPRISES)
    assert {field: places[0] - len(others) for field, places in found.places.items()} == {
        column.field: place for place, column in enumerate(columns)
    }


def test_a_heading_of_two_rows_is_read_together() -> None:
    rows = [
        ["信用代码", "企业名称", "城市", "行业", "绩效等级", "黄色预警", "", "橙色预警", ""],
        ["", "", "", "", "", "减排措施", "停限产比例", "减排措施", "停限产比例"],
    ]

    found = headings.find(rows, ENTERPRISES)

    assert found.last_row == 1 and not found.missing(ENTERPRISES)
    assert found.places["yellow_measure"] == [5] and found.places["orange_cut"] == [8]


def test_the_better_name_wins_and_the_other_fills_its_blanks() -> None:
    found = headings.find([["统一社会信用代码", "姓名", "联系电话", "手机"]], CONTACTS)

    assert found.places["phone"] == [3, 2]


def test_what_is_missing_is_named() -> None:
    assert headings.find([["工号", "姓名"]], OFFICERS).missing(OFFICERS) == ["角色", "城市", "手机或邮箱"]
