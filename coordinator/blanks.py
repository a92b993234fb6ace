"""How is one text rendered once and then filled in for thousands?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from markupsafe import escape

from coordinator.channels import segments
from coordinator.clock import BEIJING

_HIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ue000-\uf8ff]+")
_SLOT = re.compile("\ue000([a-z]+)\ue001")
SPACE = "␠"  # a blank that a template means, where line ends and indents don't count


class Slot(str):
    """A blank in a form, to be filled for each receiver."""

    __slots__ = ()

    def __new__(cls, name: str) -> "Slot":
        return super().__new__(cls, f"\ue000{name}\ue001")


@dataclass(frozen=True, slots=True)
class Form:
    """A template rendered once for an order: fixed words at even places, names of blanks at odd ones."""

    pieces: tuple[str, ...]
    blanks: tuple[str, ...]

    @classmethod
    def cut(cls, text: str) -> "Form":
        """``text`` with slots in it, taken apart at them."""
        pieces = _SLOT.split(text)
        return cls(tuple(pieces), tuple(pieces[1::2]))

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with ``values`` in its blanks, as they are: a value is never read as a template."""
        filled = list(self.pieces)
        filled[1::2] = [values[blank] for blank in self.blanks]
        return "".join(filled)


def clean(text: str) -> str:
    """``text`` on one line without control characters, so that it can't forge a header, a second line or a slot."""
    if text.isprintable() and text == text.strip():  # nearly always, and much quicker than looking at each character
        return text
    return _HIDDEN.sub(" ", text).strip()


def safe(text: str) -> str:
    """``text`` for HTML."""
    return text if text.isalnum() else str(escape(text))


def one_line(value: object) -> object:
    """What a template may print: plain text cleaned; slots, markup and numbers as they are."""
    return clean(value) if type(value) is str else value


def clipped(text: str, room: int, tail: str) -> str:
    return text if len(text) <= room else text[: max(0, room - len(tail))] + tail


def units(text: str) -> int:
    """UTF-16 units, what a carrier counts in Chinese text."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def parts(text: str) -> int:
    """Segments of a text in Chinese; as `segments.count` says, but quicker where every character is one unit."""
    size = units(text)
    if size != len(text):
        return segments.count(text).segments
    return 1 if size <= segments.UCS_SINGLE else ceil(size / segments.UCS_PART)


def units_over(text: str, most: int) -> int:
    """How many units a text has beyond ``most`` segments; a character of two units may waste one in each."""
    size = units(text)
    return size - most * (segments.UCS_PART if size == len(text) else segments.UCS_PART - 1)


def flat(text: str) -> str:
    """A text of one line: line ends and indents go, `SPACE` becomes a blank."""
    return "".join(line.strip() for line in text.splitlines()).replace(SPACE, " ")


def beijing(moment: datetime) -> str:
    """11月23日00时, with minutes when there are any; Beijing time."""
    local = moment.astimezone(BEIJING)
    return f"{local:%-m月%-d日%H时}" + (f"{local:%M}分" if local.minute else "")
