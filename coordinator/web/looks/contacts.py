"""The register as officers see it: plants and what each would have to do, officers and who is on duty."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, selectinload

from contacts import roster
from contacts.models import Contact, Enterprise, Officer, RegisterImport, Shift
from coordinator import clock, register, rulebook_measures
from coordinator.clock import BEIJING
from coordinator.errors import NotFound
from coordinator.web.looks.alerts import paged
from rules.levels import Level
from rules.measure_tables import Measure
from rules.measures import measures_for

LEVELS = (Level.YELLOW, Level.ORANGE, Level.RED)
AHEAD = timedelta(days=7)


def enterprises(session: Session, asked: dict[str, str], page: int) -> tuple[list[Enterprise], bool, int]:
    """One page of plants, whether more follow, and how many there are; ``asked``: words, city, grade, only."""
    wanted = list(_wanted(asked))
    query = select(Enterprise).where(*wanted).order_by(Enterprise.city, Enterprise.name, Enterprise.credit_code)
    rows, more = paged(session, query.options(selectinload(Enterprise.contacts)), page)
    return rows, more, session.scalar(select(func.count()).select_from(Enterprise).where(*wanted)) or 0


def _wanted(asked: dict[str, str]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if words := asked.get("words"):
        reached = select(Contact.enterprise_code).where(
            or_(Contact.name.contains(words, autoescape=True), Contact.phone.contains(words, autoescape=True))
        )
        names = Enterprise.name.contains(words, autoescape=True)
        found.append(
            names | Enterprise.credit_code.startswith(words, autoescape=True) | Enterprise.credit_code.in_(reached)
        )
    if asked.get("city"):
        found.append(Enterprise.city == asked["city"])
    if asked.get("grade"):
        found.append(Enterprise.grade == asked["grade"])
    if asked.get("only") == "unreachable":
        usable = or_(Contact.phone.is_not(None), Contact.email.is_not(None))
        found.append(Enterprise.credit_code.not_in(select(Contact.enterprise_code).where(usable)))
    if asked.get("only") == "drill":
        found.append(Enterprise.in_drill.is_(True))
    return found


def grades(session: Session) -> list[str]:
    return list(session.scalars(select(Enterprise.grade).distinct().order_by(Enterprise.grade)))


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterpriseLook:
    """One plant with its lines and contacts, and its measures at each level; ``trouble`` says why there are none."""

    enterprise: Enterprise
    measures: dict[Level, tuple[Measure, ...]]
    trouble: str


def enterprise(session: Session, credit_code: str) -> EnterpriseLook:
    """A plant and what it would be told today at each level; NotFound when it isn't listed."""
    query = select(Enterprise).where(Enterprise.credit_code == credit_code)
    found = session.scalar(query.options(selectinload(Enterprise.lines), selectinload(Enterprise.contacts)))
    if found is None:
        raise NotFound(f"名单里没有 {credit_code}")
    try:
        return EnterpriseLook(enterprise=found, measures=_measures(session, found), trouble="")
    except ValueError as why:
        return EnterpriseLook(enterprise=found, measures={}, trouble=str(why))


def _measures(session: Session, found: Enterprise) -> dict[Level, tuple[Measure, ...]]:
    plant = next(each for each in register.plants(session, [found.city]) if each.credit_code == found.credit_code)
    today, table = clock.now().astimezone(BEIJING).date(), rulebook_measures.table()
    return {
        level: measures_for(
            table, industry=plant.industry, grade=plant.grade, level=level, city=plant.city, on=today,
            exemption=plant.exemption, lines=plant.lines,
        )
        for level in LEVELS
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which these places have nobody rostered for these roles; both keep the order they came in."""

    begun: datetime
    over: datetime
    roles: dict[str, None] = field(default_factory=dict)
    places: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterLook:
    """Officers, their shifts of the coming days, who is on duty now, and when a place has nobody rostered."""

    officers: list[Officer]
    shifts: list[tuple[Shift, Officer]]
    on_duty: set[str]
    gaps: list[Gap]


def officers(session: Session) -> RosterLook:
    now = clock.now()
    people = list(session.scalars(select(Officer).order_by(Officer.active.desc(), Officer.role, Officer.id)))
    query = (
        select(Shift, Officer)
        .join(Officer, Officer.id == Shift.officer_id)
        .where(Shift.to_at > now, Shift.from_at < now + AHEAD, Shift.withdrawn_at.is_(None))
        .order_by(Shift.from_at, Officer.id)
    )
    shifts = [(shift, person) for shift, person in session.execute(query)]
    return RosterLook(
        officers=people,
        shifts=shifts,
        on_duty={shift.officer_id for shift, _ in shifts if shift.from_at <= now},
        gaps=_gaps(session, people, now),
    )


def _gaps(session: Session, people: list[Officer], now: datetime) -> list[Gap]:
    """The first gap of each role in each place of a mandate, those at the same time told together."""
    found: dict[tuple[datetime, datetime], Gap] = {}
    for place in sorted({code for person in people if person.active for code in person.cities})[:60]:
        for role in ("duty", "signer", "leader"):
            for span in roster.gaps(session, place, (role,), start=now, end=now + AHEAD)[:1]:
                gap = found.setdefault(span, Gap(*span))
                gap.roles.setdefault(role)
                gap.places.setdefault(place)
    return [found[span] for span in sorted(found)][:20]


def imports(session: Session) -> list[RegisterImport]:
    """The last registers that were brought in."""
    return list(session.scalars(select(RegisterImport).order_by(RegisterImport.id.desc()).limit(20)))
