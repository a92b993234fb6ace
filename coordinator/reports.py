"""One alert or drill → its record 总结评估: read from the rows, written nowhere, the same again whenever asked."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import progress, rulebook
from coordinator.errors import Fault
from coordinator.models import Alert, Answer, Issue, NoticeKind, Receiver, Revision, Signature
from rules.levels import Level

CHANGES = {"start": "发布", "upgrade": "升级", "downgrade": "降级", "extend": "调整", "lift": "解除", "retract": "撤回"}
SAID = {"acknowledge": "签收", "executing": "已执行", "cannot": "不能执行", "already_down": "已停产", "done": "已完成"}


def of(session: Session, alert_id: int) -> dict[str, Any]:
    """The whole story of one alert. Raises Fault when the book does not close: no report on figures that don't add up."""
    alert = session.get_one(Alert, alert_id)
    standing = progress.of(session, alert_id)
    _closed_or_fault(session, alert, standing)
    issues = list(session.scalars(select(Issue).where(Issue.alert_id == alert_id).order_by(Issue.rev)))
    receivers = list(session.scalars(select(Receiver).where(Receiver.alert_id == alert_id).order_by(Receiver.key)))
    return {
        "alert": alert.id, "number": alert.number, "mode": alert.mode, "kind": alert.kind, "state": alert.state,
        "level": Level(alert.level).word, "cities": [rulebook.city(city).name for city in alert.cities],
        "reason": alert.reason, "clause": alert.clause, "ruleset": alert.ruleset,
        "effective_from": alert.effective_from, "effective_to": alert.effective_to, "ended_at": alert.ended_at,
        "timeline": timeline(session, alert),
        "lead_time_h": _hours(alert.issued_at, alert.effective_from),
        "to_first_signature_min": _minutes(alert.created_at, _first_signature(session, alert)),
        "to_issue_min": _minutes(alert.created_at, alert.issued_at),
        "reach": standing,
        "acknowledged_after_min": _spread(
            _minutes(issue.issued_at, one.acknowledged_at)
            for one in receivers for issue in issues if one.acknowledged_rev == issue.rev and one.acknowledged_at
        ),
        "by_city": _by(receivers, alert, "city"), "by_grade": _by(receivers, alert, "grade"),
        "without_answer": [_card(one) for one in receivers if one.acknowledged_rev < alert.order_rev][:500],
        "cannot": [_card(one) | {"why": one.cannot} for one in receivers if one.cannot],
        "levels": [{"rev": issue.rev, "change": CHANGES[issue.change], "at": issue.issued_at} for issue in issues],
    }  # fmt: skip


def _closed_or_fault(session: Session, alert: Alert, standing: dict[str, Any]) -> None:
    listed = session.scalar(select(func.sum(Issue.listed)).where(Issue.alert_id == alert.id)) or 0
    corrections = standing["apart"].get(NoticeKind.CORRECTION, 0)
    waiting = select(Issue.rev).where(Issue.alert_id == alert.id, Issue.materialised_at.is_(None))
    if session.scalar(waiting.limit(1)) is None and standing["listed"] + corrections != listed:
        raise Fault(
            f"预警 {alert.number} 的账不平:名单 {listed},通知 {standing['listed'] + corrections};请先运行 liandong verify"
        )


def timeline(session: Session, alert: Alert) -> list[dict[str, Any]]:
    """Who did what when, in order: proposals, signatures, issues, answers that need a person."""
    rows: list[dict[str, Any]] = []
    for revision in session.scalars(select(Revision).where(Revision.alert_id == alert.id)):
        what = f"拟定{CHANGES[revision.change]}(第{revision.rev}版,{Level.parse(revision.said['level']).chinese})"
        rows.append({"at": revision.asked_at, "who": revision.asked_by, "what": what})
    for signed in session.scalars(select(Signature).where(Signature.alert_id == alert.id)):
        word = "会签" if signed.decision == "approve" else "退回"
        rows.append({"at": signed.signed_at, "who": signed.officer, "what": f"{word}(第{signed.rev}版)"})
    for issue in session.scalars(select(Issue).where(Issue.alert_id == alert.id)):
        rows.append({"at": issue.issued_at, "who": "", "what": f"{CHANGES[issue.change]}发出,名单 {issue.listed} 条"})
    for answer in session.scalars(
        select(Answer).where(Answer.alert_id == alert.id, Answer.kind == "cannot").limit(200)
    ):
        rows.append({"at": answer.answered_at, "who": answer.by, "what": f"{SAID[answer.kind]}:{answer.words}"})
    names = dict(session.execute(select(Officer.id, Officer.name)).all()) | {"program": "程序", "timetable": "时刻表"}
    return [row | {"who": names.get(row["who"], row["who"])} for row in sorted(rows, key=lambda row: row["at"])]


def _first_signature(session: Session, alert: Alert) -> datetime | None:
    return session.scalar(select(func.min(Signature.signed_at)).where(Signature.alert_id == alert.id))


def _by(receivers: Sequence[Receiver], alert: Alert, what: str) -> list[dict[str, Any]]:
    """Receivers, acknowledged, executed, cannot: by city or by grade."""
    found: dict[str, dict[str, Any]] = {}
    for one in receivers:
        key = str(getattr(one, what))
        name = rulebook.city(key).name if what == "city" and key else key or "值班人员"
        row = found.setdefault(key, {"name": name, "receivers": 0, "acknowledged": 0, "executed": 0, "cannot": 0})
        row["receivers"] += 1
        row["acknowledged"] += one.acknowledged_rev >= max(alert.order_rev, 1)
        row["executed"] += one.executed_at is not None
        row["cannot"] += bool(one.cannot)
    return [found[key] for key in sorted(found)]


def _card(one: Receiver) -> dict[str, Any]:
    return {"key": one.key, "name": one.name, "city": one.city, "grade": one.grade, "complaint": one.complaint}


def _spread(minutes: Iterable[float | None]) -> dict[str, float | int | None]:
    known = sorted(one for one in minutes if one is not None)
    if not known:
        return {"count": 0, "median": None, "slowest": None}
    return {"count": len(known), "median": round(median(known), 1), "slowest": known[-1]}


def _minutes(since: datetime | None, until: datetime | None) -> float | None:
    return round((until - since) / timedelta(minutes=1), 1) if since and until else None


def _hours(since: datetime | None, until: datetime | None) -> float | None:
    return round((until - since) / timedelta(hours=1), 1) if since and until else None
