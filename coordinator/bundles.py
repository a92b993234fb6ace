"""One phone, many plants: their reminders go out as one text that counts them. Orders are never bundled.

Each plant keeps its row; a row whose text went out in another's is cancelled and names it, or is suppressed with it.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import clock, db, issuing, render, wordings
from coordinator.models import REACHED, Alert, Issue, Notice, NoticeKind, State
from coordinator.orders import LANES
from coordinator.plan import lane_of

# Fewer are read one by one; from here on they hide each other, and a mainland carrier delays a number's fifth text.
FROM = 5
NAMED = 3

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Folded:
    """The row that is sent for all of its phone, and those it stands for."""

    carrying: Row
    carried: tuple[Row, ...]


def least(environ: Mapping[str, str] = os.environ) -> int:
    """From how many plants of one phone their reminders become one; 0: never (``BUNDLE_REMINDERS_FROM``)."""
    given = environ.get("BUNDLE_REMINDERS_FROM", "").strip()
    return int(given) if given.isdecimal() else FROM


def fold(session: Session, book: wordings.Book, rows: Iterable[Row]) -> tuple[list[Row], list[Folded]]:
    """The rows to be sent, and what some of them stand for. Only who holds every plant's code already gets one text."""
    listed, many = list(rows), least()
    by_phone: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in listed:
        if row["channel"] == "sms" and row["kind"] == NoticeKind.REMINDER:
            by_phone[row["alert_id"], row["rev"], row["lane"], row["address"]].append(row)
    folded = []
    for (alert_id, rev, _, address), theirs in by_phone.items():
        if many and len(theirs) >= many:
            told = _told(session, alert_id, rev, address)
            known = [row for row in theirs if row["receiver"] in told]
            if len(known) >= many:
                folded.append(_one_for(session, book, known))
    carried = {id(row) for each in folded for row in each.carried}
    return [row for row in listed if id(row) not in carried], folded


def _told(session: Session, alert_id: int, rev: int, address: str) -> set[str]:
    """Receivers whose order, with its code, was sent to this phone."""
    orders = select(Notice.receiver).where(
        Notice.alert_id == alert_id, Notice.rev == rev, Notice.channel == "sms", Notice.kind == NoticeKind.ORDER,
        Notice.address == address, Notice.state.in_(REACHED),
    )  # fmt: skip
    return set(session.scalars(orders))


def _one_for(session: Session, book: wordings.Book, rows: list[Row]) -> Folded:
    """It goes in the lane of its orders: the limits that stop a number's seventh text would else stop the one that spares it."""
    first, *others = rows
    alert = session.get_one(Alert, first["alert_id"])
    order = issuing.order_of(session, alert, session.get_one(Issue, (alert.id, first["rev"])))
    said = render.reminder_of_many(
        order, person=first["person"], names=[row["receiver_name"] for row in rows[:NAMED]], n=len(rows),
        marker=first["marker"],
    )  # fmt: skip
    first |= {"wording_id": book.whole(said), "filling": {}, "lane": LANES.index(lane_of(order))}
    return Folded(first, tuple(others))


def write(session: Session, folded: Iterable[Folded]) -> None:
    """The rows that went out in another's text, once it is known what became of that one."""
    rows = [row | _fate(each.carrying, len(each.carried) + 1) for each in folded for row in each.carried]
    if rows:
        session.execute(db.insert_new(Notice.__table__), rows)  # type: ignore[arg-type]


def _fate(carrying: Row, n: int) -> Row:
    if carrying["state"] == State.SUPPRESSED:
        return {"state": State.SUPPRESSED, "error": carrying["error"], "finished_at": clock.now()}
    return {
        "state": State.CANCELLED,
        "error": f"同一手机的 {n} 家企业并为一条,见通知 {carrying['number']} 的催办 #{carrying['marker']}",
        "finished_at": clock.now(),
    }
