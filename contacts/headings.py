"""Where does the heading of a table stand, and which column is which?"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from contacts.cells import narrow, text
from contacts.columns import Form

_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]|【[^】]*】|〔[^〕]*〕|\{[^}]*\}")
_NOISE = re.compile(r"[\s_\-.:*#、,;·'\"()\[\]【】〔〕{}/\\%~&+]")
_PARTS = re.compile(r"[\s/|()\[\]【】,;:]+")
_RUNS = re.compile(r"[\u4e00-\u9fff]+|[A-Za-z][A-Za-z0-9_ \-]*")


@dataclass(frozen=True)
class Heading:
    """``places`` gives for each field the columns that hold it, best name first; rows begin after ``last_row``."""

    places: dict[str, list[int]]
    titles: dict[str, str]
    found: tuple[str, ...]
    last_row: int  # index into the rows looked at
    twice: tuple[str, ...] = ()

    def missing(self, form: Form) -> list[str]:
        """Chinese titles of the columns this heading lacks."""
        titles = {column.field: column.title for column in form.columns}
        alone = [column.title for column in form.columns if column.needed and column.field not in self.places]
        groups = [group for group in form.either if not any(field in self.places for field in group)]
        return alone + ["或".join(titles[field] for field in group) for group in groups]


def find(rows: list[list[object]], form: Form) -> Heading:
    """The heading among the first rows: the row, or two rows read together, that names most of the form."""
    texts = [[text(cell) for cell in row] for row in rows]
    best, score = Heading({}, {}, (), -1), (-len(form.columns), 0)
    for heading in (*_single(texts, form), *_double(texts, form)):
        worth = (-len(heading.missing(form)), len(heading.places))
        if heading.places and worth > score:
            best, score = heading, worth
    return best


def likeness(rows: list[list[object]], form: Form) -> tuple[int, int]:
    """How many fields of the form these rows name, and their width; settles the delimiter of a text file."""
    return len(find(rows, form).places), max((len(row) for row in rows), default=0)


def _single(rows: list[list[str]], form: Form) -> Iterator[Heading]:
    for index, row in enumerate(rows):
        yield _located(row, [[name] for name in row], index, form)


def _double(rows: list[list[str]], form: Form) -> Iterator[Heading]:
    for index, (top, below) in enumerate(pairwise(rows)):
        pairs = list(zip(_spread(top, below), below, strict=True))
        names = [[upper + lower, lower, upper] if upper != lower else [lower] for upper, lower in pairs]
        shown = [upper + lower if upper != lower else lower for upper, lower in pairs]
        yield _located(shown, names, index + 1, form)


def _spread(top: list[str], below: list[str]) -> list[str]:
    """A title merged over several columns speaks for each that has a title of its own below."""
    spread, last = [], ""
    for place, lower in enumerate(below):
        upper = top[place] if place < len(top) else ""
        last = upper or (last if lower else "")
        spread.append(last)
    return spread


def _located(shown: list[str], names: list[list[str]], last_row: int, form: Form) -> Heading:
    ranked: dict[str, list[tuple[int, int]]] = {}
    for place, candidates in enumerate(names):
        hits = [hit for name in candidates if (hit := _field(name, form))]
        if hits:
            field, rank = hits[0]
            ranked.setdefault(field, []).append((rank, place))
    places = {field: [place for _, place in sorted(found)] for field, found in ranked.items()}
    titles = {field: shown[columns[0]] for field, columns in places.items()}
    twice = [field for field, found in ranked.items() if max(Counter(rank for rank, _ in found).values()) > 1]
    found = tuple(name for name in shown if name)
    return Heading(places, titles, found, last_row, tuple(titles[field] for field in twice))


def _field(title: str, form: Form) -> tuple[str, int] | None:
    """The field a title means and how good the name is; a bilingual title must not contradict itself."""
    names = _names(form)
    plain = narrow(title)
    bare = _BRACKETS.sub("", plain)
    for reading in (plain, bare):
        if (hit := names.get(folded(reading))) is not None:
            return hit
    parts = [part for part in (*_PARTS.split(plain), *_RUNS.findall(plain)) if part]
    hits = {hit for part in parts if (hit := names.get(folded(part))) is not None}
    if len({field for field, _ in hits}) == 1 and len(plain) <= 40:
        return min(hits, key=lambda hit: hit[1])
    return None


def folded(name: str) -> str:
    """A name without what typists vary: width, case, blanks and punctuation."""
    return _NOISE.sub("", narrow(name)).lower()


@cache
def _names(form: Form) -> dict[str, tuple[str, int]]:
    known: dict[str, tuple[str, int]] = {}
    for column in form.columns:
        for rank, name in enumerate(column.names):
            known.setdefault(folded(name), (column.field, rank))
    return known
