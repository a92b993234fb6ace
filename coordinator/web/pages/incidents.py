"""Incidents: the list, the report form, one incident with its clocks."""

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from coordinator import clock, mandates, rulebook
from coordinator import incidents as emergencies
from coordinator.errors import Refusal
from coordinator.models import Duty, Incident, Mode
from coordinator.web import acting, auth, incident_words, wording
from coordinator.web.door import acted, desk, page_number
from coordinator.web.looks import incident_form, incidents


@desk.get("/incidents")
@auth.may("read")
@acting.look
def incident_list(session: Session) -> str:
    rows, more = incidents.listed(session, page_number())
    grades = {row.id: emergencies.grade_of(row) for row in rows}
    return render_template("pages/incidents.html", incidents=rows, more=more, page=page_number(), grades=grades)


@desk.get("/incidents/new")
@auth.may("report")
def new_incident() -> str:
    return render_template("pages/report.html", incident=None, places=rulebook.cities(), words=incident_words)


@desk.post("/incidents/new")
@auth.may("report")
@acting.act
def report_incident(session: Session) -> ResponseReturnValue:
    city = rulebook.city(request.form.get("city", "")).code
    mandates.require_places(auth.officer(), [city])
    facts = {"learned_at": incident_form.learned_at(request.form)} | incident_form.facts_from(request.form)
    made = emergencies.report(
        session, facts, city=city, title=request.form.get("title", ""), mode=Mode.ACTUAL, officer=auth.officer()
    )
    acting.hint(f"incident {made.id}")
    return acted(wording.say("已登记并定级，正在通知有关值班台"), "desk.incident", incident_id=made.id)


@desk.get("/incidents/<row:incident_id>")
@auth.may("read")
@acting.look
def incident(session: Session, incident_id: int) -> str:
    look = incidents.one(session, incident_id)
    now = clock.now()
    clocks = [(duty, incidents.duty_words(duty), *incidents.standing(duty, now)) for duty in look.duties]
    return render_template(
        "pages/incident.html", look=look, incident=look.incident, clocks=clocks, words=incident_words
    )


@desk.post("/incidents/<row:incident_id>/update")
@auth.may("report")
@acting.act
def update_incident(session: Session, incident_id: int) -> ResponseReturnValue:
    held = _held(session, incident_id)
    facts = incident_form.facts_from(request.form)
    if not facts:
        raise Refusal("续报里没有任何新情况；请至少填写一项")
    emergencies.learn(session, held, facts, officer=auth.officer())
    acting.hint(f"incident {incident_id}")
    return acted(wording.say("已续报并重新定级"), "desk.incident", incident_id=incident_id)


@desk.post("/incidents/<row:incident_id>/duties/<row:duty_id>/done")
@auth.may("report")
@acting.act
def duty_done(session: Session, incident_id: int, duty_id: int) -> ResponseReturnValue:
    _held(session, incident_id)
    duty = session.get(Duty, duty_id)
    if duty is None or duty.incident_id != incident_id:
        raise Refusal("这个时限不属于这起事件")
    emergencies.done(session, duty_id, officer=auth.officer())
    return acted(wording.say("已登记办结"), "desk.incident", incident_id=incident_id)


@desk.post("/incidents/<row:incident_id>/close")
@auth.may("report")
@acting.act
def close_incident(session: Session, incident_id: int) -> ResponseReturnValue:
    emergencies.close(
        session, _held(session, incident_id), officer=auth.officer(), reason=request.form.get("reason", "")
    )
    return acted(wording.say("已结案"), "desk.incident", incident_id=incident_id)


def _held(session: Session, incident_id: int) -> Incident:
    held = emergencies.load(session, incident_id)
    mandates.require_places(auth.officer(), [held.city])
    return held
