"""What do the tables of measures consist of?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from rules.industries import Grade, Industry, Words
from rules.levels import Level

UNCONFIRMED = "unconfirmed"


class MeasureKind(StrEnum):
    """What a measure asks for, mildest first."""

    SELF = "self"
    EXEMPT = "exempt"
    MANAGE = "manage"
    EXTEND = "extend"
    LIMIT = "limit"
    STOP = "stop"

    @property
    def chinese(self) -> str:
        return _CHINESE[self]


_CHINESE = dict(zip(MeasureKind, ("自主减排", "豁免", "加强管理", "延长工时", "限产", "停产"), strict=True))
RANK = {kind: rank for rank, kind in enumerate(MeasureKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One line of what a plant does. ``cut`` is the share 0–1 of production that stops; ``why`` says why this plant."""

    text: str
    kind: MeasureKind
    cut: float = 0.0
    unit: str = ""
    source: str
    confidence: str
    why: str

    def __hash__(self) -> int:
        return hash((self.text, self.why))  # cheap and telling: what is rendered for some measures is kept by them

    @property
    def confirmed(self) -> bool:
        return self.confidence != UNCONFIRMED

    def as_json(self) -> dict[str, object]:
        """What `measure_from` turns back into the same measure."""
        return {name: getattr(self, name) for name in ("text", "cut", "unit", "source", "confidence", "why")} | {
            "kind": self.kind.value
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A plant's special class 豁免: honoured up to ``covers`` and through ``until`` (no date: until withdrawn)."""

    kind: str
    covers: Level | None = None
    until: date | None = None
    condition: str = ""
    load_cap: str = ""
    approver: str = ""


@dataclass(frozen=True, slots=True)
class PlantLine:
    """One line of the plant's own plan 一厂一策; name "" is the whole plant. ``cuts``: yellow, orange, red, 0–1."""

    name: str
    yellow: str = ""
    orange: str = ""
    red: str = ""
    cuts: tuple[float | None, float | None, float | None] = (None, None, None)

    def at(self, level: Level) -> str:
        """The plan's own words at ``level``, "" where it says nothing."""
        return {Level.YELLOW: self.yellow, Level.ORANGE: self.orange, Level.RED: self.red}.get(level, "").strip()

    def cut_at(self, level: Level) -> float | None:
        """The share 0–1 the plan gives at ``level``, None where it gives none."""
        return self.cuts[level - Level.YELLOW] if level >= Level.YELLOW else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a dated measure table 减排措施表. "*" in industry or grades means any; no place means everywhere."""

    edition: str
    document: str
    place: tuple[str, ...]
    in_force_from: date
    in_force_to: date | None
    industry: str
    grades: tuple[str, ...]
    levels: tuple[Level, ...]
    kind: MeasureKind
    cut: float
    unit: str
    text: str
    source: str
    confidence: str

    def in_force(self, day: date) -> bool:
        """Whether the edition binds on ``day``, both ends included."""
        return self.in_force_from <= day and (self.in_force_to is None or day <= self.in_force_to)

    def strictness(self) -> tuple[int, float]:
        """Larger is stricter: first the kind, then the share."""
        return RANK[self.kind], self.cut


@dataclass(frozen=True, slots=True)
class ExemptClass:
    """A class of spared plants: how far it is spared when the list is silent, and what it does instead."""

    name: str
    covers: Level
    text: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Block:
    """One society-wide measure 全社会措施 for an alert's text."""

    topic: str
    force: str
    text: str
    source: str

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All measure tables together with their vocabulary; read by `measures_for` and `society`."""

    industries: Words[Industry]
    grades: Words[Grade]
    classes: Mapping[str, ExemptClass]
    rows: tuple[Row, ...]
    blocks: tuple[tuple[tuple[str, ...], tuple[Level, ...], Block], ...]

    def industry(self, text: str) -> Industry:
        """The industry somebody typed. Errors: ValueError with the nearest names."""
        return self.industries.named(text)

    def grade(self, text: str) -> str:
        """The canonical grade somebody typed. Errors: ValueError with the nearest names."""
        return self.grades.named(text).name


def near(place: tuple[str, ...], city: str) -> int | None:
    """How closely ``place`` names ``city``: 2 the city, 1 its province, 0 everywhere, None not at all.

    >>> near(("130000",), "130100"), near((), "130100"), near(("140000",), "130100")
    (1, 0, None)
    """
    if not place:
        return 0
    if city in place:
        return 2
    return 1 if f"{city[:2]}0000" in place else None


def measure_from(kept: Mapping[str, object]) -> Measure:
    """The measure that `Measure.as_json` wrote."""
    words = {name: str(kept[name]) for name in ("text", "unit", "source", "confidence", "why")}
    return Measure(kind=MeasureKind(str(kept["kind"])), cut=float(str(kept["cut"])), **words)
