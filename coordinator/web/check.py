"""Is this notice genuine, in force, lifted? Anyone may ask; nobody's name is told."""

import unicodedata
from dataclasses import dataclass

from flask import Blueprint, Response, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from coordinator import clock
from coordinator.models import Alert, AlertState, Incident, Mode, Notice
from coordinator.web import acting, auth, limits, order_page
from coordinator.web.answers import dressed

check = Blueprint("check", __name__)
LONGEST = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """What can be said about a number without naming anybody."""

    number: str
    drill: str
    standing: str
    explained: str
    title: str
    span: str


@check.get("/check")
@auth.public
@limits.limiter.limit("60 per minute")
def ask() -> Answer:
    """A field for the number."""
    if number := _clean(request.args.get("number", "")):
        return redirect(url_for("check.tell", number=number), 303)
    return dressed("pages/check.html", 200, finding=None, number="")


@check.get("/check/<number>")
@auth.public
@limits.limiter.limit("120 per minute")
@acting.look
def tell(session: Session, number: str) -> Response:
    """Genuine or not, and how it stands now."""
    asked = _clean(number)
    finding = find(session, asked)
    return dressed("pages/check.html", 200 if finding else 404, finding=finding, number=asked)


def _clean(number: str) -> str:
    """Full width becomes half; blanks and 编号, 号 around it don't count."""
    text = "".join(unicodedata.normalize("NFKC", number).split())[:LONGEST]
    return text.removeprefix("编号").removeprefix(":").removesuffix("号")


def find(session: Session, number: str) -> Finding | None:
    """What is known under this number: a notice's, or an alert's own."""
    if not number or "\x00" in number:
        return None
    rev, city, alert_id, incident_id = _behind(session, number)
    if incident_id is not None:
        return _of_incident(session.get_one(Incident, incident_id), number)
    alert = session.get(Alert, alert_id) if alert_id is not None else None
    if alert is None or alert.issued_at is None:
        return None
    standing, explained = _standing(alert, rev or alert.in_force_rev, city)
    public = order_page.public(alert)
    return Finding(
        number, order_page.DRILL.get(Mode(alert.mode), ""), standing, explained, public["title"], public["span"]
    )


def _behind(session: Session, number: str) -> tuple[int, str, int | None, int | None]:
    """(revision, city, alert, incident) behind a number; an alert's own number stands for its present revision."""
    notice = session.execute(
        select(Notice.rev, Notice.city, Notice.alert_id, Notice.incident_id)
        .where(Notice.number == number, Notice.lane != 0)
        .order_by(Notice.rev.desc())
        .limit(1)
    ).first()
    if notice is not None:
        return notice.rev, notice.city, notice.alert_id, notice.incident_id
    called = session.execute(select(Notice.incident_id).where(Notice.number == number).limit(1)).scalar()
    alert_id = session.scalar(select(Alert.id).where(Alert.number == number))
    return 0, "", alert_id, called


def _standing(alert: Alert, rev: int, city: str) -> tuple[str, str]:
    """The word for how it stands, and what that means for whoever holds the paper."""
    if alert.state == AlertState.RETRACTED:
        return "已撤回", "这份通知确由本机关发出，后来已撤回：通知里的要求不用执行。"
    if alert.ended_at is not None:
        return "已解除", f"这份通知确由本机关发出。预警已于 {order_page.beijing(alert.ended_at)} 解除，要求不再执行。"
    if city and city not in alert.cities:
        return order_page.DEPARTED, "这份通知确由本机关发出。预警在别处继续，当地已经解除，要求不再执行。"
    if rev < alert.in_force_rev:
        return "已被新的通知取代", f"这份通知是第 {rev} 版，现行的是第 {alert.in_force_rev} 版，请按新的通知执行。"
    if alert.effective_to and alert.effective_to <= clock.now():
        return "时间已过", "这份通知确由本机关发出，上面写的时间已经过去。"
    if alert.effective_from > clock.now():
        return "真实有效，尚未到起始时间", "这份通知确由本机关发出，从下面写的时间起执行。"
    return "真实有效，正在执行", "这份通知确由本机关发出，现在有效。"


def _of_incident(incident: Incident, number: str) -> Finding:
    drill = order_page.DRILL.get(Mode(incident.mode), "")
    if incident.closed_at:
        standing, explained = "已结案", "这份通知确由本机关发出，事件已结案。"
    else:
        standing, explained = "真实有效", "这份通知确由本机关发出，事件正在处置。"
    return Finding(
        number, drill, standing, explained, "突发环境事件通报", f"{order_page.beijing(incident.learned_at)} 接报"
    )
