"""How many SMS segments does a text cost?"""

from dataclasses import dataclass

# 3GPP TS 23.038 §6.2.1: the default alphabet and, after an escape, its extension table.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
ALPHABET = BASIC | EXTENDED

GSM_SINGLE, GSM_PART = 160, 153  # septets; a part gives 7 to the header that joins it to the others
UCS_SINGLE, UCS_PART = 70, 67  # UTF-16 units; the header takes 3


@dataclass(frozen=True, slots=True)
class Segments:
    """``units`` are septets in GSM-7 and UTF-16 units in UCS-2."""

    encoding: str
    segments: int
    units: int


def count(text: str) -> Segments:
    """One character outside GSM-7 turns the whole text to UCS-2; Chinese text always is.

    >>> count("停产50%")
    Segments(encoding='UCS-2', segments=1, units=5)
    """
    if ALPHABET.issuperset(text):
        doubled = EXTENDED.intersection(text)
        units = len(text) + sum(map(text.count, doubled))
        return Segments("GSM-7", _parts(text, units, doubled, single=GSM_SINGLE, part=GSM_PART), units)
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    doubled = frozenset(filter("\uffff".__lt__, text)) if units > len(text) else frozenset()
    return Segments("UCS-2", _parts(text, units, doubled, single=UCS_SINGLE, part=UCS_PART), units)


def _parts(text: str, units: int, doubled: frozenset[str], *, single: int, part: int) -> int:
    """A character of two units is never cut in half, so a part may stay one unit short."""
    if units <= single:
        return 1
    if not doubled:
        return -(-units // part)
    parts, room = 1, part
    for character in text:
        size = 2 if character in doubled else 1
        if size > room:
            parts, room = parts + 1, part
        room -= size
    return parts
