"""Which city does a cell mean: code, short name, full name, or a county of it?"""

import re
from collections.abc import Callable

from contacts.cells import key

PROVINCES = {
    "北京": "110000", "天津": "120000", "河北": "130000", "山西": "140000", "内蒙古": "150000", "辽宁": "210000",
    "吉林": "220000", "黑龙江": "230000", "上海": "310000", "江苏": "320000", "浙江": "330000", "安徽": "340000",
    "福建": "350000", "江西": "360000", "山东": "370000", "河南": "410000", "湖北": "420000", "湖南": "430000",
    "广东": "440000", "广西": "450000", "海南": "460000", "重庆": "500000", "四川": "510000", "贵州": "520000",
    "云南": "530000", "西藏": "540000", "陕西": "610000", "甘肃": "620000", "青海": "630000", "宁夏": "640000",
    "新疆": "650000", "台湾": "710000", "香港": "810000", "澳门": "820000",
}  # fmt: skip
MUNICIPALITIES = frozenset({"110000", "120000", "310000", "500000", "810000", "820000"})
_PROVINCE_NAME = re.compile(rf"({'|'.join(PROVINCES)})(省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)?")
_SUFFIX = re.compile(r"(?<=..)(市市辖区|市|地区|盟)\Z")
_CITY_PART = re.compile(r"(.{2,6}?)(市|地区|盟)(?=.)")
_STATE_CODES = frozenset(code[:2] for code in PROVINCES.values())

Known = Callable[[str], str | None]


def city(written: str, known: Known) -> str:
    """The six digits of a city. ``known`` turns a code or short name into a code, or None.

    A county's code means its city; a well-formed city code nobody knows is taken as it stands (GB/T 2260).
    Raises ValueError for a province and for what is no place.
    """
    plain = key(written).replace(" ", "")
    if plain.isascii() and plain.isdigit():
        return _by_code(written, plain, known)
    bare = _SUFFIX.sub("", plain)
    city_part = _CITY_PART.match(plain)
    if code := known(bare) or known(plain) or (known(city_part[1]) if city_part else None):
        return code
    if (head := _PROVINCE_NAME.match(plain)) and (rest := plain[head.end() :]):
        return city(rest, known)
    if bare in PROVINCES and PROVINCES[bare] in MUNICIPALITIES:
        return PROVINCES[bare]
    if head:
        raise ValueError(f"“{written}”是省份,请写城市")
    raise ValueError(f"不认识的城市“{written}”,请写六位行政区划代码或城市短名,例如 130100 或 石家庄")


def _by_code(written: str, digits: str, known: Known) -> str:
    code = {4: f"{digits}00", 9: digits[:6], 12: digits[:6]}.get(len(digits), digits)
    if len(code) != 6 or code[:2] not in _STATE_CODES:
        raise ValueError(f"“{written}”不是六位行政区划代码")
    if code[:2] + "0000" in MUNICIPALITIES:
        return code[:2] + "0000"
    if code.endswith("0000"):
        raise ValueError(f"“{written}”是省级代码,请写城市代码")
    return known(code) or known(f"{code[:4]}00") or (code if code[2:4] == "90" else f"{code[:4]}00")


def cities(written: str, known: Known) -> list[str]:
    """An officer's mandate: cities and whole provinces, joined by ``;`` or any other separator, each once."""
    codes = [_mandate(word, known) for word in re.split(r"[;,、|/\s]+", key(written)) if word]
    if not codes:
        raise ValueError("没有填写城市")
    return sorted(set(codes))


def _mandate(word: str, known: Known) -> str:
    bare = re.sub(r"(省|壮族自治区|回族自治区|维吾尔自治区|自治区)\Z", "", word)
    if bare in PROVINCES:
        return PROVINCES[bare]
    if re.fullmatch(r"\d{2}0000", word) and word in PROVINCES.values():
        return word
    return city(word, known)
