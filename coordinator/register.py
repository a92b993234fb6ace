"""The register as values: plants and officers as the plan wants them, read in bulk."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Contact, Enterprise, Line, Officer
from coordinator import mandates
from coordinator.orders import OfficerCard, Person, Plant
from rules.levels import Level
from rules.measure_tables import Exemption, PlantLine

CHUNK = 5000
DUTY_ROLES = ("duty", "signer", "leader")


def plants(session: Session, cities: Collection[str]) -> Iterator[Plant]:
    """Every listed enterprise of these cities, by credit code, a few thousand in memory at a time."""
    last = ""
    while True:
        rows = session.execute(
            select(Enterprise.__table__)
            .where(Enterprise.city.in_(cities), Enterprise.credit_code > last)
            .order_by(Enterprise.credit_code)
            .limit(CHUNK)
        ).all()
        if not rows:
            return
        first, last = rows[0].credit_code, rows[-1].credit_code
        lines, people = _lines(session, first, last), _people(session, first, last)
        for row in rows:
            yield _plant(row, lines.get(row.credit_code, ()), people.get(row.credit_code, ()))


def _lines(session: Session, first: str, last: str) -> dict[str, tuple[PlantLine, ...]]:
    found: defaultdict[str, list[PlantLine]] = defaultdict(list)
    columns = Line.__table__.c
    query = (
        select(
            columns.enterprise_code, columns.name, columns.yellow_measure, columns.orange_measure, columns.red_measure,
            columns.yellow_cut, columns.orange_cut, columns.red_cut,
        )
        .where(columns.enterprise_code.between(first, last))
        .order_by(columns.enterprise_code, columns.position)
    )  # fmt: skip
    for code, name, yellow, orange, red, *cuts in session.execute(query).all():
        found[code].append(
            PlantLine(
                name=name, yellow=yellow or "", orange=orange or "", red=red or "", cuts=(cuts[0], cuts[1], cuts[2])
            )
        )
    return {code: tuple(rows) for code, rows in found.items()}


def _people(session: Session, first: str, last: str) -> dict[str, tuple[Person, ...]]:
    found: defaultdict[str, list[Person]] = defaultdict(list)
    columns = Contact.__table__.c
    query = (
        select(columns.enterprise_code, columns.id, columns.name, columns.phone, columns.email, columns.order)
        .where(columns.enterprise_code.between(first, last))
        .order_by(columns.enterprise_code, columns.order, columns.id)
    )
    for code, key, name, phone, email, order in session.execute(query).all():
        found[code].append(Person(key=str(key), name=name, phone=phone or "", email=email or "", order=order))
    return {code: tuple(rows) for code, rows in found.items()}


def _plant(row: Any, lines: tuple[PlantLine, ...], people: tuple[Person, ...]) -> Plant:
    whole = (row.yellow_plan or "", row.orange_plan or "", row.red_plan or "")
    if any(whole):
        lines = (PlantLine(name="", yellow=whole[0], orange=whole[1], red=whole[2]), *lines)
    return Plant(
        credit_code=row.credit_code, name=row.name, city=row.city, industry=row.industry, grade=row.grade,
        contacts=people, lines=lines, exemption=_exemption(row), in_drill=row.in_drill,
    )  # fmt: skip


def _exemption(row: Any) -> Exemption | None:
    if not row.exemption_kind:
        return None
    return Exemption(
        kind=row.exemption_kind,
        covers=Level.parse(row.exemption_max_level) if row.exemption_max_level else None,
        until=row.exemption_expires_on,
        condition=row.exemption_condition or "",
        load_cap=row.exemption_load_cap or "",
        approver=row.exemption_approver or "",
    )


def officers(session: Session, cities: Collection[str], roles: Collection[str] = DUTY_ROLES) -> list[Officer]:
    """Active officers whose mandate touches one of the cities, by id."""
    found = session.scalars(select(Officer).where(Officer.active, Officer.role.in_(roles)).order_by(Officer.id))
    return [officer for officer in found if any(mandates.covers(officer, city) for city in cities)]


def cards(session: Session, cities: Collection[str]) -> list[OfficerCard]:
    """The same officers as the plan wants them."""
    return [card(officer) for officer in officers(session, cities)]


def card(officer: Officer) -> OfficerCard:
    return OfficerCard(id=officer.id, name=officer.name, phone=officer.phone or "", email=officer.email or "")
