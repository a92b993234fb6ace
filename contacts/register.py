"""What does an emission list or a station list change in the register, and how is it written: whole or not at all?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from contacts.difference import Change, Draft, compare
from contacts.emission_list import Listed
from contacts.lists import Rows
from contacts.models import Contact, Enterprise, Line, Station
from contacts.weighing import Weighed, add_rows, change_rows, lock, remove_rows, rows_of

ENTERPRISE, LINE, CONTACT, STATION = (cast(Table, model.__table__) for model in (Enterprise, Line, Contact, Station))
NEW_PLANT: Draft = {column.name: None for column in ENTERPRISE.columns} | {"in_drill": False, "revision": 1}
ALL = 500  # codes in one look-up


def weigh_enterprises(session: Session, listed: Listed) -> Weighed:
    """Compare a list with the register: the list is the whole register of the cities that occur in it."""
    lock(session)
    weighed = Weighed("enterprises", listed.complaints, listed.rows)
    if not weighed.stands:
        return weighed
    weighed.cities = sorted({draft["city"] for draft in listed.plants.values()})
    _silent(listed)
    known = {row["credit_code"]: row for row in rows_of(session, ENTERPRISE, ENTERPRISE.c.city.in_(weighed.cities))}
    for code, city in _elsewhere(session, ENTERPRISE, "credit_code", listed.plants.keys() - known.keys()):
        reason = f"已在 {city} 的清单里;迁址请把两市的清单放在同一文件里导入"
        listed.complaints.rejected.append(listed.places[code].complaint("credit_code", reason))
    wanted = listed.plants
    if listed.lines is not None:
        _with_lines(known, _lines(session, weighed.cities))
        wanted = {code: draft | {"lines": _ordered(listed.lines.get(code, {}))} for code, draft in wanted.items()}
    weighed.difference = compare(known, wanted)
    weighed.difference.added = [NEW_PLANT | draft | {"credit_code": code} for code, draft in _new(wanted, known)]
    _warn_of_orphans(session, weighed)
    return weighed


def _silent(listed: Listed) -> None:
    if not listed.plants:
        listed.complaints.warnings.append("文件里没有企业,名录未变")


def _new(wanted: Mapping[str, Draft], known: Mapping[str, Any]) -> Iterable[tuple[str, Draft]]:
    return ((code, draft) for code, draft in wanted.items() if code not in known)


def _elsewhere(session: Session, table: Table, key: str, codes: Iterable[str]) -> list[tuple[str, str]]:
    """Those of ``codes`` that are remembered for a city outside the file."""
    wanted: list[str] = list(codes)
    found: list[tuple[str, str]] = []
    for start in range(0, len(wanted), ALL):
        chunk = wanted[start : start + ALL]
        found += session.execute(select(table.c[key], table.c.city).where(table.c[key].in_(chunk))).all()
    return found


def _lines(session: Session, cities: Iterable[str]) -> dict[str, list[Draft]]:
    found: defaultdict[str, list[Draft]] = defaultdict(list)
    plants = select(ENTERPRISE.c.credit_code).where(ENTERPRISE.c.city.in_(cities))
    for row in rows_of(session, LINE, LINE.c.enterprise_code.in_(plants)):
        found[row.pop("enterprise_code")].append(row)
    return found


def _with_lines(known: dict[str, dict[str, Any]], lines: Mapping[str, list[Draft]]) -> None:
    for code, row in known.items():
        row["lines"] = sorted(lines.get(code, []), key=lambda line: int(line["position"]))


def _ordered(lines: Mapping[str, Draft]) -> list[Draft]:
    return [draft | {"name": name} for name, draft in lines.items()]


def _warn_of_orphans(session: Session, weighed: Weighed) -> None:
    gone = {row["credit_code"] for row in weighed.difference.removed}
    if gone:
        left = session.execute(select(CONTACT.c.enterprise_code, func.count()).group_by(CONTACT.c.enterprise_code))
        if people := sum(count for code, count in left if code in gone):
            weighed.complaints.warnings.append(f"移出清单的企业还有 {people} 名联系人留存,企业恢复后仍然有效")


def write_enterprises(session: Session, weighed: Weighed) -> None:
    """Write a weighed list; revisions of changed plants go up by one."""
    found = weighed.difference
    changed = [Change(each.before, each.after | {"revision": each.before["revision"] + 1}) for each in found.changed]
    gone = [row["credit_code"] for row in found.removed]
    relined = [each.after for each in changed if "lines" in each.fields]
    remove_rows(session, LINE, "enterprise_code", [*gone, *(row["credit_code"] for row in relined)])
    remove_rows(session, ENTERPRISE, "credit_code", gone)
    add_rows(session, ENTERPRISE, (_without_lines(row) for row in found.added))
    change_rows(session, ENTERPRISE, changed, key="credit_code")
    add_rows(session, LINE, _line_rows([*found.added, *relined]))


def _line_rows(plants: Iterable[Draft]) -> Iterator[Draft]:
    for plant in plants:
        yield from (line | {"enterprise_code": plant["credit_code"]} for line in plant.get("lines", ()))


def _without_lines(row: Draft) -> Draft:
    return {key: value for key, value in row.items() if key != "lines"}


def weigh_stations(session: Session, rows: Rows) -> Weighed:
    """Compare a station list with the stations of the cities that occur in it."""
    lock(session)
    weighed = Weighed("stations", rows.complaints, rows.rows)
    if not weighed.stands:
        return weighed
    weighed.cities = sorted({draft["city"] for draft in rows.drafts.values()})
    known = {row["code"]: row for row in rows_of(session, STATION, STATION.c.city.in_(weighed.cities))}
    for code, city in _elsewhere(session, STATION, "code", rows.drafts.keys() - known.keys()):
        rows.refuse(code, "code", f"已是 {city} 的站点;改属请把两市的站点放在同一文件里导入")
    weighed.difference = compare(known, {code: draft | {"code": code} for code, draft in rows.drafts.items()})
    return weighed


def write_stations(session: Session, weighed: Weighed) -> None:
    """Write weighed stations."""
    remove_rows(session, STATION, "code", [row["code"] for row in weighed.difference.removed])
    add_rows(session, STATION, weighed.difference.added)
    change_rows(session, STATION, weighed.difference.changed, key="code")
