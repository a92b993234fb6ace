import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.credit_codes import ALPHABET, agrees, check_character, credit_code


def test_the_worked_example_of_the_standard_agrees() -> None:
    assert credit_code("91350100m000100y43") == "91350100M000100Y43"
    assert agrees("91350100M000100Y43")
    assert not agrees("91350100M000100Y44")


@given(st.text(ALPHABET, min_size=17, max_size=17))
def test_every_code_can_be_sealed(body: str) -> None:
    code = body + check_character(body + "0")

    assert agrees(code) and credit_code(f" {code.lower()} ") == code


@pytest.mark.parametrize(
    ("written", "says"),
    [("9113010012345678", "18 位"), ("91130100-234567_90厂", "_"), ("9.11301e+17", "数字"), ("某厂", "18 位")],
)
def test_a_bad_code_says_what_is_wrong(written: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        credit_code(written)
