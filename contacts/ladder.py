"""Who is asked next when nobody answers 催办, and when? Pure: levels and counts in, steps out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

# Minutes after the order. The first reminder never comes sooner than ten; one person gets at most two texts of one
# order, because mainland carriers refuse the third identical text to a number within a day.
RUNGS: dict[str, tuple[int, ...]] = {
    "red": (10, 20, 30, 40, 50),
    "orange": (15, 30, 45),
    "yellow": (20, 40),
    "blue": (30, 45),
    "pre": (30,),
}
ACKNOWLEDGE_DUE = timedelta(minutes=60)
# Minutes an alert may wait for a signature before the next officer is called.
SIGN_WITHIN: dict[str, int] = {"red": 10, "orange": 15, "yellow": 30, "blue": 30, "pre": 30}
OFFICER_ORDER = ("signer", "leader")
Entry = TypeVar("Entry")


class Ask(StrEnum):
    """What a step does: remind who was told, tell the next person, or put the plant on the desk's call sheet."""

    REMIND = "remind"
    NEXT = "next"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class Step:
    """``after`` counts from the order; ``person`` is the place on the ladder, 0 the first contact."""

    after: timedelta
    ask: Ask
    person: int


def steps(level: str, people: int) -> tuple[Step, ...]:
    """Every step for a receiver with ``people`` contacts at ``level`` (`Level.word`): remind, next …, desk.

    >>> [(step.ask.value, step.person) for step in steps("orange", 2)]
    [('remind', 0), ('next', 1), ('desk', 0)]
    """
    minutes = _of(RUNGS, level)
    asked = [Step(timedelta(minutes=minutes[0]), Ask.REMIND, 0)] if people else []
    asked += [
        Step(timedelta(minutes=after), Ask.NEXT, person)
        for person, after in enumerate(minutes[1:], start=1)
        if person < people
    ]
    return (*asked, Step(ACKNOWLEDGE_DUE, Ask.DESK, 0))


def next_step(level: str, *, taken: int, people: int) -> Step | None:
    """The step after ``taken`` steps, or None when the plant is with the desk.

    >>> next_step("red", taken=0, people=1).after
    datetime.timedelta(seconds=600)
    """
    ahead = steps(level, people)[taken:]
    return ahead[0] if ahead else None


def first_step(level: str) -> timedelta:
    """How long after the order a silent receiver is reminded."""
    return timedelta(minutes=_of(RUNGS, level)[0])


def signature_due(level: str, *, called: int) -> timedelta:
    """How long after submission the next officer is called, when ``called`` have been and nobody signed."""
    return timedelta(minutes=_of(SIGN_WITHIN, level) * called)


def signers_in_order(officers: Iterable[tuple[str, str]], on_duty: Sequence[str]) -> list[str]:
    """Officers who may sign, as they are called: signers on duty, other signers, leaders on duty, other leaders.

    ``officers`` are (id, role); the ids of one step keep the order they came in.

    >>> signers_in_order([("b", "leader"), ("c", "signer"), ("d", "signer"), ("e", "duty")], ["d"])
    ['d', 'c', 'b']
    """
    able = [(officer, role) for officer, role in officers if role in OFFICER_ORDER]
    return [
        officer
        for officer, role in sorted(able, key=lambda each: (OFFICER_ORDER.index(each[1]), each[0] not in on_duty))
    ]


def _of(table: dict[str, Entry], level: str) -> Entry:
    if level not in table:
        raise ValueError(f"no ladder for level {level!r}; known: {', '.join(table)}")
    return table[level]
