"""What is this industry or grade called, however somebody typed it?"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_TAIL = re.compile(r"(行业|企业|工业|制造业|生产|制造|业|厂|类)$")
_BLANK = re.compile(r"[\s\u200b\ufeff、,/·()\[\]【】]+")


@dataclass(frozen=True, slots=True)
class Industry:
    """One of the 39 key industries 重点行业, a branch of one (``part_of``), or 其他."""

    name: str
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class Grade:
    """One performance grade 绩效等级.

    ``self_chosen``  the plant chooses its own cuts and is never ordered to stop
    ``follows``      whose row is read when there is none for this grade; the stricter neighbour
    ``now``          the nearest grade of the system of 2026 (环办大气〔2026〕2号)
    """

    name: str
    self_chosen: bool
    follows: str
    now: str


@dataclass(frozen=True, slots=True)
class Words(Generic[T]):
    """Names and aliases of one vocabulary. ``known`` maps a folded name to what it means."""

    what: str
    known: Mapping[str, T]
    names: tuple[str, ...]

    def named(self, text: str) -> T:
        """What ``text`` means; blanks, full width, case, 行业/企业/级 endings and aliases don't matter.

        Errors: ValueError names the unknown word and the nearest known ones; nothing is guessed.
        Source: rules/sets/measures/industries.toml, grades.toml.

        >>> Words("行业", {"水泥": 15}, ("水泥",)).named(" 水泥行业 ")
        15
        """
        if text in self.known:
            return self.known[text]
        folded = fold(text)
        for candidate in (folded, _TAIL.sub("", folded), _TAIL.sub("", _TAIL.sub("", folded))):
            if candidate in self.known:
                return self.known[candidate]
        raise ValueError(self._unknown(text, folded))

    def _unknown(self, text: str, folded: str) -> str:
        if not folded:
            return f"{self.what}没有填写"
        near = difflib.get_close_matches(folded, self.known, n=3, cutoff=0.4)
        hint = f",最接近的是:{'、'.join(near)}" if near else f",应为:{'、'.join(self.names)}"
        return f"不认识的{self.what}“{text.strip()}”{hint}"


def fold(text: str) -> str:
    """``text`` without what typists vary: width, case, blanks, brackets and separators.

    >>> fold(" B 级 (2024)")
    'B级2024'
    """
    return _BLANK.sub("", unicodedata.normalize("NFKC", text)).upper().replace("−", "-").replace("－", "-")


def industries(rows: Iterable[Mapping[str, object]]) -> Words[Industry]:
    """The vocabulary of industries from the rows of industries.toml.

    Errors: ValueError when two industries claim one alias, or a branch has no trunk.

    >>> industries([{"name": "焦化", "aliases": ["炼焦"]}]).named("炼焦").name
    '焦化'
    """
    made = [(Industry(str(row["name"]), str(row.get("part_of", ""))), row) for row in rows]
    names = tuple(industry.name for industry, _ in made)
    for industry, _ in made:
        if industry.part_of and industry.part_of not in names:
            raise ValueError(f"行业“{industry.name}”所属的“{industry.part_of}”不在表中")
    return Words("行业", _folded((each.name, row, each) for each, row in made), names)


def grades(rows: Iterable[Mapping[str, object]]) -> Words[Grade]:
    """The vocabulary of grades from the rows of grades.toml; "A级", "a" and "Ａ" are all A.

    >>> grades([{"name": "A", "self_chosen": True, "now": "A", "aliases": []}]).named("a级").self_chosen
    True
    """
    made = [
        (Grade(str(row["name"]), bool(row.get("self_chosen")), str(row.get("follows", "")), str(row["now"])), row)
        for row in rows
    ]
    known = _folded((each.name, row, each) for each, row in made)
    known |= {f"{folded}{tail}": each for folded, each in known.items() for tail in ("级", "企业", "级企业")}
    return Words("绩效等级", known, tuple(each.name for each, _ in made))


def weakest(names: Iterable[str], order: Iterable[str]) -> str:
    """The grade that counts for a plant graded in several industries: its lowest (短板, 环办大气〔2026〕2号).

    names  canonical grades; order  all grades from best to worst
    Errors: ValueError when there is no grade or one that is not in ``order``.

    >>> weakest(["A", "C", "B"], ["A", "B", "C", "D"])
    'C'
    """
    rank = list(order)
    return max(names, key=rank.index)


def _folded(made: Iterable[tuple[str, Mapping[str, object], T]]) -> dict[str, T]:
    known: dict[str, T] = {}
    for name, row, meaning in made:
        aliases = row.get("aliases", [])
        if not isinstance(aliases, list):
            raise ValueError(f"“{name}”的 aliases 应为列表")
        for word in dict.fromkeys(fold(str(each)) for each in (name, *aliases)):
            if known.setdefault(word, meaning) != meaning:
                raise ValueError(f"别名“{word}”既指“{name}”又指另一项")
    return known
