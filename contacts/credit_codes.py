"""Is this a 统一社会信用代码: eighteen characters, and does its check character agree (GB 32100-2015)?"""

import re
from operator import mul

from contacts.cells import narrow

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_SHAPE = re.compile(r"[0-9A-Z]{18}")
_EXPONENT = re.compile(r"\d(\.\d+)?E\+?\d+", re.I)


def credit_code(written: str) -> str:
    """The code in capitals without blanks; anything that is not eighteen letters and digits is a ValueError.

    Letters outside the standard's alphabet pass here and fail `agrees`: lists hold provisional codes, and a plant
    left out for its code would not be told.
    """
    code = narrow(written).replace(" ", "").replace("-", "").upper()
    if _SHAPE.fullmatch(code):
        return code
    if _EXPONENT.fullmatch(code):
        raise ValueError("代码被表格存成了数字,后几位已丢失,请把该列设为文本后重填")
    if len(code) != 18:
        raise ValueError(f"统一社会信用代码应为 18 位,这里是 {len(code)} 位")
    strange = sorted(set(code) - set(ALPHABET))
    raise ValueError(f"统一社会信用代码只含数字和大写字母,不含 {' '.join(strange)}")


def check_character(code: str) -> str:
    """The eighteenth character that the first seventeen ask for: 31 − Σ(value × 3^place) mod 31."""
    total = sum(map(mul, map(_VALUE.__getitem__, code[:17]), WEIGHTS))
    return ALPHABET[(31 - total % 31) % 31]


def agrees(code: str) -> bool:
    """Holds when every letter is of the standard's alphabet and the check character is right."""
    return set(code) <= set(ALPHABET) and check_character(code) == code[17]
