"""How much the embedded database carries, how much this site would ask of it, and what to do when that is too much."""

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from contacts.models import Contact, Enterprise
from coordinator import db

EMBEDDED_NOTICES = 20_000
"""Notices of one order up to which SQLite is recommended: the largest order measured on it (docs/benchmarks.md).

SQLite has one writer at a time: the writing of notices, claims, results, receipts and acknowledgements stand in one
queue, and a second worker does not shorten it. In a larger order people who acknowledge wait behind those still being
told. No guarantee depends on this number.
"""
COMMAND = "liandong migrate-to-postgres --to postgresql://…"


def planned(session: Session) -> int:
    """Notices that one order to every listed plant would make: an SMS and a mail to the first who can be reached."""
    can_be_reached = or_(Contact.phone.is_not(None), Contact.email.is_not(None))
    turn = func.row_number().over(partition_by=Contact.enterprise_code, order_by=(Contact.order, Contact.id))
    ways = case((Contact.phone.is_not(None), 1), else_=0) + case((Contact.email.is_not(None), 1), else_=0)
    first = (
        select(ways.label("ways"), turn.label("turn"))
        .join(Enterprise, Enterprise.credit_code == Contact.enterprise_code)
        .where(can_be_reached)
        .subquery()
    )
    return session.scalar(select(func.coalesce(func.sum(first.c.ways), 0)).where(first.c.turn == 1)) or 0


def too_many(notices: int) -> bool:
    """Whether one order of so many is more than the embedded database should be asked for."""
    return db.is_sqlite() and notices > EMBEDDED_NOTICES


def advice(session: Session) -> str:
    """What an operator should know, "" when the site fits its database."""
    notices = planned(session)
    if not too_many(notices):
        return ""
    return (
        f"向全部企业派发一次约 {notices:,} 份通知,超过 SQLite 建议的 {EMBEDDED_NOTICES:,} 份:不会丢也不会重发,但签收和回执要排队等候;"
        f"请用 {COMMAND} 搬到 PostgreSQL"
    )
