"""What does a list of contacts, officers or shifts change, and how is it written: whole or not at all?"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from contacts.difference import Draft, compare
from contacts.lists import Rows
from contacts.models import Contact, Enterprise, Officer, Shift
from contacts.weighing import Weighed, add_rows, change_rows, lock, remove_rows, rows_of

CONTACT, OFFICER, SHIFT = (cast(Table, model.__table__) for model in (Contact, Officer, Shift))
MANY_CHANGED = 0.05  # share of phones; more looks like shifted columns
ENOUGH = 20  # contacts below which a share says nothing
ALL = 500


def weigh_contacts(session: Session, rows: Rows) -> Weighed:
    """Compare contacts with those of every plant in the cities that occur; a contact's city is its plant's."""
    lock(session)
    weighed = Weighed("contacts", rows.complaints, rows.rows)
    places = _cities(session, {key[0] for key in rows.drafts})
    for key in rows.drafts:
        if key[0] not in places:
            rows.refuse(key, "credit_code", "名录里没有这家企业,请先导入企业")
    if not weighed.stands:
        return weighed
    weighed.cities = sorted(set(places.values()))
    named = select(Enterprise.credit_code, Enterprise.name).where(Enterprise.city.in_(weighed.cities))
    plants = dict(session.execute(named).all())
    known = _known_contacts(session, weighed.cities)
    weighed.difference = compare(known, _ranked(rows.drafts))
    blank: Draft = {"phone": None, "email": None}
    weighed.difference.added = [blank | row for row in weighed.difference.added]
    _warn(weighed, plants, {key[0] for key in rows.drafts}, len(known))
    return weighed


def _cities(session: Session, codes: set[str]) -> dict[str, str]:
    wanted = sorted(codes)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), ALL):
        chunk = wanted[start : start + ALL]
        query = select(Enterprise.credit_code, Enterprise.city).where(Enterprise.credit_code.in_(chunk))
        found.update(session.execute(query).all())
    return found


def _known_contacts(session: Session, cities: Iterable[str]) -> dict[Any, dict[str, Any]]:
    seen: Counter[tuple[str, str]] = Counter()
    known = {}
    plants = select(Enterprise.credit_code).where(Enterprise.city.in_(cities))
    rows = list(rows_of(session, CONTACT, CONTACT.c.enterprise_code.in_(plants)))
    for row in sorted(rows, key=lambda each: (each["order"], each["id"])):
        person = (row["enterprise_code"], row["name"])
        known[(*person, seen[person])] = row
        seen[person] += 1
    return known


def _ranked(drafts: Mapping[Any, Draft]) -> dict[Any, Draft]:
    """次序 as written; where it is not, the place in the file behind those before it."""
    last: Counter[str] = Counter()
    ranked = {}
    for key, draft in drafts.items():
        code, name, _ = key
        order = draft["order"] if draft["order"] is not None else last[code] + 1
        last[code] = max(last[code], order)
        ranked[key] = draft | {"enterprise_code": code, "name": name, "order": order}
    return ranked


def _warn(weighed: Weighed, plants: Mapping[str, str], reached: set[str], known: int) -> None:
    silent = [f"{code} {name}" for code, name in plants.items() if code not in reached]
    if silent:
        shown = ";".join(silent[:5])
        weighed.complaints.warnings.append(
            f"{len(silent)} 家企业没有联系人,预警时无法通知({shown}{' …' if len(silent) > 5 else ''})"
        )
    moved = sum("phone" in change.fields for change in weighed.difference.changed)
    if known >= ENOUGH and moved > known * MANY_CHANGED:
        weighed.complaints.warnings.append(f"{moved} 个手机号改变,占 {moved / known:.0%};请另一人核对,各列可能错位")


def write_contacts(session: Session, weighed: Weighed) -> None:
    """Write weighed contacts; a contact that stays keeps its id."""
    remove_rows(session, CONTACT, "id", [row["id"] for row in weighed.difference.removed])
    add_rows(session, CONTACT, weighed.difference.added)
    change_rows(session, CONTACT, weighed.difference.changed, key="id")


def weigh_officers(session: Session, rows: Rows) -> Weighed:
    """Compare officers. One who is not in the file is removed only when all of their cities occur in it."""
    lock(session)
    weighed = Weighed("officers", rows.complaints, rows.rows)
    if not weighed.stands:
        return weighed
    weighed.cities = sorted({city for draft in rows.drafts.values() for city in draft["cities"]})
    listed = set(weighed.cities)
    known = {
        row["id"]: row for row in rows_of(session, OFFICER)
        if row["id"] in rows.drafts or (row["active"] and listed.issuperset(row["cities"]))
    }  # fmt: skip
    found = compare(known, {key: draft | {"id": key, "active": True} for key, draft in rows.drafts.items()})
    found.added = [{"phone": None, "email": None, "password_hash": None} | row for row in found.added]
    weighed.difference = found
    return weighed


def write_officers(session: Session, weighed: Weighed) -> None:
    """Write weighed officers; whoever left stays remembered, for what they signed, but may do nothing."""
    gone = [row["id"] for row in weighed.difference.removed]
    session.execute(update(OFFICER).where(OFFICER.c.id.in_(gone)).values(active=False))
    add_rows(session, OFFICER, weighed.difference.added)
    change_rows(session, OFFICER, weighed.difference.changed, key="id")


def weigh_shifts(session: Session, rows: Rows) -> Weighed:
    """Compare shifts with the roster of every officer whose cities all belong to the officers in the file."""
    lock(session)
    weighed = Weighed("shifts", rows.complaints, rows.rows, label="officer_id")
    officers = {row["id"]: row for row in rows_of(session, OFFICER, OFFICER.c.active)}
    for key in rows.drafts:
        if key[0] not in officers:
            rows.refuse(key, "id", "没有这名值班员,请先导入值班人员")
    if not weighed.stands:
        return weighed
    weighed.cities = sorted({city for officer, _ in rows.drafts for city in officers[officer]["cities"]})
    listed = set(weighed.cities)
    known = {
        (row["officer_id"], row["from_at"]): row
        for row in rows_of(session, SHIFT, SHIFT.c.withdrawn_at.is_(None))
        if listed.issuperset(officers.get(row["officer_id"], {"cities": ["?"]})["cities"])
    }
    weighed.difference = compare(known, {
        key: draft | {"officer_id": key[0], "from_at": key[1]} for key, draft in rows.drafts.items()
    })  # fmt: skip
    return weighed


def write_shifts(session: Session, weighed: Weighed, now: datetime) -> None:
    """Write weighed shifts; what is taken off the roster still says who was on duty until now."""
    gone = [row["id"] for row in weighed.difference.removed]
    for start in range(0, len(gone), ALL):
        chunk = gone[start : start + ALL]
        session.execute(update(SHIFT).where(SHIFT.c.id.in_(chunk)).values(withdrawn_at=now))
    add_rows(session, SHIFT, weighed.difference.added)
    change_rows(session, SHIFT, weighed.difference.changed, key="id")
