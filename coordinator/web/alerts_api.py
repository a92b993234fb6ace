"""Alerts over the interface: propose, sign, change, lift, and where they stand."""

from typing import Any

from apiflask import APIBlueprint
from flask import url_for
from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from coordinator import clock, pace, progress
from coordinator.models import Alert
from coordinator.web import acting, alert_acts, asked, auth, said, wire
from coordinator.web.looks import alerts as looks
from coordinator.web.looks import foreseen

alerts = APIBlueprint("alerts_api", __name__, url_prefix="/api/v1", tag="Alerts")
Answer = Any


@alerts.get("/alerts")
@alerts.input(asked.AlertsQuery, location="query", arg_name="sought")
@auth.may("read")
@acting.look
def listed(session: Session, sought: asked.AlertsQuery) -> Answer:
    """Alerts, newest first."""
    query = select(Alert).order_by(Alert.id.desc())
    if sought.state:
        query = query.where(Alert.state == sought.state)
    if sought.mode:
        query = query.where(Alert.mode == sought.mode)
    if sought.city:
        code = wire.cities([sought.city], "city")[0]
        query = query.where(cast(Alert.cities, Text).contains(f'"{code}"'))
    rows, place = wire.paged(session, query, sought.page)
    return {"alerts": [said.brief(row) for row in rows], **place}


@alerts.post("/alerts")
@alerts.input(asked.Proposed, arg_name="body")
@alerts.doc(responses={201: "The alert, proposed"})
@auth.may("propose")
@acting.act
def proposed(session: Session, body: asked.Proposed) -> Answer:
    """Propose an alert. Nothing is sent before people have signed it."""
    alert = alert_acts.propose(session, auth.officer(), body.model_dump())
    return said.alert(session, alert), 201, {"Location": url_for("alerts_api.one", alert_id=alert.id)}


@alerts.get("/alerts/<row:alert_id>")
@auth.may("read")
@acting.look
def one(session: Session, alert_id: int) -> Answer:
    """One alert: what it says, what it rests on, what waits, who signed, what happened."""
    return said.alert(session, wire.found(session.get(Alert, alert_id), f"没有编号为 {alert_id} 的预警"))


@alerts.get("/alerts/<row:alert_id>/preview")
@auth.may("read")
@acting.look
def foretold(session: Session, alert_id: int) -> Answer:
    """What signing would send: to how many, by which channels, at what cost, and which numbers would pass a limit of SMS."""
    wire.found(session.get(Alert, alert_id), f"没有编号为 {alert_id} 的预警")
    ahead = foreseen.of(session, looks.one(session, alert_id, auth.officer()))
    return {"preview": foreseen.as_json(ahead), "as_of": clock.now()}


@alerts.get("/alerts/<row:alert_id>/progress")
@auth.may("read")
@acting.look
def how_far(session: Session, alert_id: int) -> Answer:
    """How many notices are where, how many receivers are told, have acknowledged, carry out, can't be reached."""
    wire.found(session.get(Alert, alert_id), f"没有编号为 {alert_id} 的预警")
    return progress.of(session, alert_id) | pace.of_alert(session, alert_id).as_json() | {"as_of": clock.now()}


SUMMARIES: dict[str, tuple[str, type[asked.Body]]] = {
    "submit": ("Submit to the signers.", asked.Act),
    "approve": ("Sign what waits. The last signature needed issues and dispatches at once.", asked.Act),
    "reject": ("Refuse what waits; one signer is enough.", asked.Act),
    "hold": ("Hold what is not yet handed to a carrier; one person is enough.", asked.Act),
    "release": ("Ask that what is held goes on; two must sign.", asked.Act),
    "retract": ("Withdraw; after issue one signature sends the correction to all who were reached.", asked.Act),
    "change": ("Ask for another level, other cities or times.", asked.Change),
    "lift": ("Ask that it ends; two must sign.", asked.Lift),
}


def _add(name: str) -> None:
    summary, schema = SUMMARIES[name]

    def acted(session: Session, alert_id: int, body: asked.Act) -> Answer:
        words = body.model_dump(exclude={"rev"}, exclude_unset=True)
        alert = alert_acts.perform(session, name, alert_id, auth.officer(), rev=body.rev, words=words)
        return said.alert(session, alert)

    acted.__name__, acted.__doc__ = name, summary
    act = auth.may(alert_acts.MANDATE[name])(acting.act(acted))
    alerts.post(f"/alerts/<row:alert_id>/{name}")(
        alerts.input(schema, arg_name="body")(alerts.doc(responses={200: "The alert"})(act))
    )


for _name in SUMMARIES:
    _add(_name)
