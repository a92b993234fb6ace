"""Incidents over the interface: report, learn more, what is owed to whom by when, close."""

from typing import Any

from apiflask import APIBlueprint
from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import incidents as emergencies
from coordinator import mandates
from coordinator.models import Duty, Incident, Mode
from coordinator.web import acting, asked, auth, said, wire

incidents = APIBlueprint("incidents_api", __name__, url_prefix="/api/v1", tag="Incidents")
Answer = Any
NONE = "没有编号为 {} 的事件"


@incidents.get("/incidents")
@incidents.input(asked.PageQuery, location="query", arg_name="sought")
@auth.may("read")
@acting.look
def listed(session: Session, sought: asked.PageQuery) -> Answer:
    """Incidents, newest first."""
    rows, place = wire.paged(session, select(Incident).order_by(Incident.id.desc()), sought.page)
    return {"incidents": [_brief(row) for row in rows], **place}


@incidents.post("/incidents")
@incidents.input(asked.Reported, arg_name="body")
@incidents.doc(responses={201: "The incident, graded, with its deadlines"})
@auth.may("report")
@acting.act
def reported(session: Session, body: asked.Reported) -> Answer:
    """Report an incident. It is graded at once, its clocks run, the desks concerned are called."""
    officer = auth.officer()
    city = wire.cities([body.city or next(iter(officer.cities), "")], "city")[0]
    mandates.require_places(officer, [city])
    facts = body.facts if body.facts is not None else dict(body.model_extra or {})
    incident = emergencies.report(
        session, facts, city=city, title=body.title or "突发环境事件", mode=Mode(body.mode), officer=officer
    )
    acting.hint(f"incident {incident.id}")
    return _whole(session, incident), 201, {"Location": url_for("incidents_api.one", incident_id=incident.id)}


@incidents.get("/incidents/<row:incident_id>")
@auth.may("read")
@acting.look
def one(session: Session, incident_id: int) -> Answer:
    """One incident: facts, grades, deadlines, who was called."""
    return _whole(session, wire.found(session.get(Incident, incident_id), NONE.format(incident_id)))


@incidents.get("/incidents/<row:incident_id>/grade")
@auth.may("read")
@acting.look
def grade(session: Session, incident_id: int) -> Answer:
    """What follows from the facts known, as ``liandong incident grade`` says it."""
    return wire.found(session.get(Incident, incident_id), NONE.format(incident_id)).findings


@incidents.post("/incidents/<row:incident_id>/update")
@incidents.input(asked.Learned, arg_name="body")
@incidents.doc(responses={200: "The incident, graded anew"})
@auth.may("report")
@acting.act
def learned(session: Session, incident_id: int, body: asked.Learned) -> Answer:
    """More became known: grade and clocks follow."""
    incident = _held(session, incident_id)
    emergencies.learn(session, incident, body.facts, officer=auth.officer())
    acting.hint(f"incident {incident.id}")
    return _whole(session, incident)


@incidents.post("/incidents/<row:incident_id>/duties/<row:duty_id>/done")
@incidents.input(asked.Reason, arg_name="body")
@incidents.doc(responses={200: "The incident"})
@auth.may("report")
@acting.act
def fulfilled(session: Session, incident_id: int, duty_id: int, body: asked.Reason) -> Answer:
    """A report that was owed has been made."""
    incident = _held(session, incident_id)
    duty = session.get(Duty, duty_id)
    wire.found(
        duty if duty and duty.incident_id == incident_id else None, f"事件 {incident_id} 没有编号为 {duty_id} 的时限"
    )
    emergencies.done(session, duty_id, officer=auth.officer())
    return _whole(session, incident)


@incidents.post("/incidents/<row:incident_id>/close")
@incidents.input(asked.Reason, arg_name="body")
@incidents.doc(responses={200: "The incident, closed"})
@auth.may("report")
@acting.act
def closed(session: Session, incident_id: int, body: asked.Reason) -> Answer:
    """Close it, once every deadline is met."""
    incident = _held(session, incident_id)
    emergencies.close(session, incident, officer=auth.officer(), reason=body.reason)
    return _whole(session, incident)


def _held(session: Session, incident_id: int) -> Incident:
    incident = emergencies.load(session, incident_id)
    mandates.require_places(auth.officer(), [incident.city])
    return incident


def _brief(row: Incident) -> dict[str, Any]:
    return {
        "id": row.id,
        "mode": row.mode,
        "title": row.title,
        "city": row.city,
        "city_name": said.city_name(row.city),
        "state": row.state,
        "grade": emergencies.grade_of(row),
        "learned_at": row.learned_at,
        "reported_by": row.reported_by,
        "created_at": row.created_at,
        "closed_at": row.closed_at,
    }


def _whole(session: Session, row: Incident) -> dict[str, Any]:
    duties = [
        {"id": duty.id, "duty": duty.name, "to": duty.to, "due_at": duty.due_at, "clause": duty.clause,
         "done_at": duty.done_at, "done_by": duty.done_by}
        for duty in emergencies.duties(session, row)
    ]  # fmt: skip
    called = [
        {"key": desk.key, "name": desk.name, "city": desk.city, "acknowledged_at": desk.acknowledged_at}
        for desk in emergencies.told(session, row)
    ]
    return _brief(row) | {"facts": row.facts, "findings": row.findings, "duties": duties, "called": called}
