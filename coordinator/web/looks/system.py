"""The state of the installation: sources and what was set aside, lanes, accounts, who leads, the audit chain."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contacts.models import Contact, Enterprise, Officer
from coordinator import audit, config, leases, queues, status
from coordinator.freshness import FeedAge, feed_ages
from coordinator.models import Audited, Drill, Quarantined, ScheduleRun
from coordinator.web.looks.alerts import names, paged


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLook:
    ages: list[FeedAge]
    quarantined: list[Quarantined]
    more: bool
    reasons: list[tuple[str, str, int]]


def feeds(session: Session, page: int) -> FeedLook:
    """Sources by name; what could not be believed, newest first, and how often by reason."""
    rows, more = paged(session, select(Quarantined).order_by(Quarantined.id.desc()), page)
    count = func.count().label("n")
    query = select(Quarantined.source, Quarantined.reason, count).group_by(Quarantined.source, Quarantined.reason)
    counted = [(source, reason, n) for source, reason, n in session.execute(query.order_by(count.desc()).limit(20))]
    return FeedLook(ages=feed_ages(session), quarantined=rows, more=more, reasons=counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLook:
    rows: list[Audited]
    more: bool
    names: dict[str, str]
    head: tuple[int, str]


def audited(session: Session, asked: dict[str, str], page: int) -> AuditLook:
    """Who did what, newest first; ``asked``: who, subject."""
    query = select(Audited).order_by(Audited.seq.desc())
    if asked.get("who"):
        query = query.where(Audited.who == asked["who"])
    if asked.get("subject"):
        query = query.where(Audited.subject.startswith(asked["subject"], autoescape=True))
    rows, more = paged(session, query, page)
    return AuditLook(rows=rows, more=more, names=names(session, {row.who for row in rows}), head=audit.head(session))


def system(session: Session) -> dict[str, Any]:
    """What an administrator asks first when something is slow."""
    counts = {
        name: session.scalar(select(func.count()).select_from(table)) or 0
        for name, table in (("企业", Enterprise), ("联系人", Contact), ("人员", Officer), ("审计记录", Audited))
    }
    return {
        "lanes": status.lanes(session),
        "stopped": status.stopped(session),
        "leader_age_s": leases.leader_age_s(session, "clock"),
        "hints": queues.answers(),
        "last_drill": session.scalar(select(func.max(Drill.started_at))),
        "failed": list(
            session.scalars(
                select(ScheduleRun).where(ScheduleRun.state == "failed").order_by(ScheduleRun.id.desc()).limit(10)
            )
        ),
        "counts": counts,
        "settings": config.load(),
        **status.looked_after(session),
    }
