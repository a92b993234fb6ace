import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts import addresses


@pytest.mark.parametrize(
    "written",
    ["13800138000", "138 0013 8000", "138-0013-8000", "+86 13800138000", "0086-13800138000", "8613800138000",
     "13800138000.0", "\uff11\uff13\uff18\uff10\uff10\uff11\uff13\uff18\uff10\uff10\uff10"],
)  # fmt: skip
def test_a_mobile_number_is_one_number_however_it_is_written(written: str) -> None:
    assert addresses.phone(written) == "+8613800138000"


@pytest.mark.parametrize(
    "written",
    ["12369", "110", "95588", "4001234567", "1380013800", "138001380001", "10800138000", "abc", "1.38E+10",
     "13800138000/13900139000", "13800138000转8001", "+1 900 555 1234"],
)  # fmt: skip
def test_what_cannot_be_dialled_or_is_no_person_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        addresses.phone(written)


def test_a_landline_is_dialled_but_takes_no_text() -> None:
    assert addresses.phone("(0311) 8601-2345") == "+8631186012345"
    assert not addresses.takes_text("+8631186012345")
    assert addresses.takes_text("+8613800138000")


def test_a_segment_newer_than_the_library_is_still_a_mobile() -> None:
    assert addresses.phone("15400000001") == "+8615400000001"
    assert addresses.takes_text("+8615400000001")
    assert not addresses.assigned("+8615400000001")


def test_the_country_of_a_number_is_known() -> None:
    assert addresses.country_of("+8613800138000") == "CN"
    assert addresses.country_of(addresses.phone("+852 9123 4567")) == "HK"


@given(st.integers(13, 19), st.integers(0, 10**9 - 1), st.lists(st.integers(0, 11), max_size=4))
def test_every_mobile_survives_blanks_and_strokes(head: int, rest: int, cuts: list[int]) -> None:
    digits = f"{head}{rest:09d}"
    written = digits
    for cut in sorted(cuts, reverse=True):
        written = f"{written[:cut]}-{written[cut:]}" if cut % 2 else f"{written[:cut]} {written[cut:]}"

    assert addresses.phone(written) == f"+86{digits}"


@pytest.mark.parametrize(
    ("written", "kept"),
    [("a@Example.CN", "a@example.cn"), ("ａ@example.cn", "a@example.cn"), ("mailto:a@example.cn", "a@example.cn"),
     ("用户@例子.中国", "用户@例子.中国"), ("desk@plant.test", "desk@plant.test"), ("desk@mail.local", "desk@mail.local"),
     ("desk@localhost", "desk@localhost")],
)  # fmt: skip
def test_a_mail_address_is_normalised(written: str, kept: str) -> None:
    assert addresses.email(written) == kept


@pytest.mark.parametrize(
    "written", ["a", "@", "a b@example.cn", "张三<a@example.cn>", "a@b.cn;c@d.cn", "a@plant", "a@b..cn"]
)
def test_what_no_mail_reaches_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        addresses.email(written)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_reason(written: str) -> None:
    for read in (addresses.phone, addresses.email):
        try:
            kept = read(written)
        except ValueError as reason:
            assert str(reason)
        else:
            assert read(kept) == kept


def test_a_log_shows_a_mask() -> None:
    assert addresses.mask("+8613812345678") == "+86138****5678"
    assert addresses.mask("zhang@example.cn") == "z***@example.cn"
