"""Who is on duty for a place at a moment 值班表, and where does the roster have gaps?"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from contacts.models import Officer, Shift


@dataclass(frozen=True, slots=True)
class Duty:
    """Who answers for a place: ``officers`` in order of id; ``by_roster`` is false when nobody had a shift."""

    officers: tuple[Officer, ...]
    by_roster: bool


def covers(cities: Iterable[str], city: str) -> bool:
    """Whether a mandate holds a city; a province's code ``xx0000`` holds every city of it.

    >>> covers(["130000"], "130100"), covers(["130100"], "130000")
    (True, False)
    """
    return any(code in (city, f"{city[:2]}0000") for code in cities)


def officers_of(session: Session, city: str, roles: Collection[str]) -> list[Officer]:
    """Active officers of these roles whose mandate holds the city; one with the city itself before the province's."""
    found = session.scalars(select(Officer).where(Officer.active, Officer.role.in_(roles)).order_by(Officer.id))
    return sorted((each for each in found if covers(each.cities, city)), key=lambda each: city not in each.cities)


def on_duty(session: Session, city: str, at: datetime, roles: Collection[str]) -> Duty:
    """Who of these roles is on duty for the city at ``at``.

    When no shift says so, everybody of those roles answers: an empty roster must never mean that nobody is called.
    """
    everybody = officers_of(session, city, roles)
    turns = _turns(session, at)
    rostered = tuple(each for each in everybody if each.id in turns)
    return Duty(rostered or tuple(everybody), by_roster=bool(rostered))


def on_duty_anywhere(session: Session, at: datetime, roles: Collection[str]) -> list[Officer]:
    """Who of these roles is on duty at ``at``, wherever; everybody of those roles when no shift says so."""
    query = select(Officer).where(Officer.role.in_(roles), Officer.active).order_by(Officer.id)
    everybody, turns = list(session.scalars(query)), _turns(session, at)
    return [each for each in everybody if each.id in turns] or everybody


def _turns(session: Session, at: datetime) -> set[str]:
    """Officers with a shift at ``at``; one withdrawn later was still theirs then."""
    standing = or_(Shift.withdrawn_at.is_(None), Shift.withdrawn_at > at)
    return set(session.scalars(select(Shift.officer_id).where(Shift.from_at <= at, Shift.to_at > at, standing)))


def gaps(
    session: Session, city: str, roles: Collection[str], *, start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """The stretches of [start, end) in which nobody of these roles has a shift for the city."""
    ids = [each.id for each in officers_of(session, city, roles)]
    shifts = session.execute(
        select(Shift.from_at, Shift.to_at)
        .where(Shift.officer_id.in_(ids), Shift.withdrawn_at.is_(None), Shift.from_at < end, Shift.to_at > start)
        .order_by(Shift.from_at)
    )
    return uncovered([(begun, over) for begun, over in shifts], start=start, end=end)


def uncovered(
    spans: Iterable[tuple[datetime, datetime]], *, start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """What is left of [start, end) when every span is taken out; spans come in order of their start."""
    left, reached = [], start
    for begun, over in spans:
        if begun > reached:
            left.append((reached, min(begun, end)))
        reached = max(reached, over)
        if reached >= end:
            return left
    return [*left, (reached, end)]
