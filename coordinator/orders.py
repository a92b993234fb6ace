"""What does an order say, to whom, and what is planned for each? Values only."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from coordinator.clock import BEIJING
from coordinator.errors import Refusal
from rules.levels import Level
from rules.measure_tables import Block, Exemption, Measure, PlantLine

LANES = ("duty", "red", "orange", "yellow", "lift", "reminder", "drill")
CHANGES = ("start", "upgrade", "downgrade", "extend", "lift", "retract")
MODES = ("actual", "exercise", "test")
_DRILL = re.compile(r"演[\s\u200b-\u200f\u2060\ufeff]*[练練]")


@dataclass(frozen=True, slots=True)
class Place:
    """A city by GB/T 2260 code and name."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """One who can be told; ``phone`` and ``email`` are "" when absent."""

    key: str
    name: str
    phone: str
    email: str
    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """An enterprise as the emission list has it."""

    credit_code: str
    name: str
    city: str
    industry: str
    grade: str
    contacts: tuple[Person, ...] = ()
    lines: tuple[PlantLine, ...] = ()
    exemption: Exemption | None = None
    in_drill: bool = False


@dataclass(frozen=True, slots=True)
class OfficerCard:
    """An officer of the place, who takes part in drills."""

    id: str
    name: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one revision of an alert says to everybody.

    ``lift_at`` is when a lift takes effect (none: at its issue); ``replaces`` names what it stands instead of, or "".
    """

    alert: str
    rev: int
    mode: str
    kind: str = "air"
    level: Level
    previous: Level | None
    cities: tuple[Place, ...]
    effective_from: datetime
    effective_to: datetime | None
    reason: str
    clause: str
    issuer: str
    desk_phone: str
    change: str
    base_url: str
    issued_at: datetime | None = None
    lift_at: datetime | None = None
    replaces: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise Refusal(f"mode 应为 {'、'.join(MODES)},得到 {self.mode!r}")
        if self.change not in CHANGES:
            raise Refusal(f"change 应为 {'、'.join(CHANGES)},得到 {self.change!r}")

    def __hash__(self) -> int:
        return hash((self.alert, self.rev, self.mode, self.change))  # cheap: an order keys the cache of its words

    @property
    def day(self) -> date:
        """The Beijing day on which it takes effect: the measure tables in force on it bind."""
        return self.effective_from.astimezone(BEIJING).date()


@dataclass(frozen=True, slots=True)
class PlannedNotice:
    """One notice to one address."""

    channel: str
    address: str
    person_key: str
    lane: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReceiver:
    """One plant or officer, what they must do and how they are told; ``ladder`` is all who can be asked, in order."""

    key: str
    name: str
    city: str
    city_name: str
    industry: str
    grade: str
    measures: tuple[Measure, ...]
    society: tuple[Block, ...]
    person: Person | None
    ladder: tuple[Person, ...]
    notices: tuple[PlannedNotice, ...]
    lane: str
    complaint: str
    order: Order

    @property
    def is_officer(self) -> bool:
        return self.key.startswith("officer:")


def says_drill(text: str) -> bool:
    """Whether ``text`` holds the word 演练, however it is spaced, traditional or in another width."""
    return "演" in text and bool(_DRILL.search(text))


def without_drill(text: str) -> str:
    """``text`` with another word for 演练."""
    return _DRILL.sub("训练", text)
