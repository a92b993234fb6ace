"""Drills over the interface: which there are, begin one, stop one, what came of it."""

from typing import Any

from apiflask import APIBlueprint
from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import drills as rehearsals
from coordinator import paging
from coordinator.errors import NotFound
from coordinator.models import Alert, Drill
from coordinator.web import acting, asked, auth, wire

drills = APIBlueprint("drills_api", __name__, url_prefix="/api/v1", tag="Drills")
Answer = Any


@drills.get("/drills")
@drills.input(asked.PageQuery, location="query", arg_name="sought")
@auth.may("read")
@acting.look
def listed(session: Session, sought: asked.PageQuery) -> Answer:
    """The scripts at hand, and the drills held, newest first."""
    rows, place = wire.paged(session, select(Drill).order_by(Drill.id.desc()), sought.page)
    return {
        "scripts": [_script(one) for one in rehearsals.scripts()],
        "drills": [_brief(session, row) for row in rows],
        **place,
    }


@drills.post("/drills")
@drills.input(asked.Begun, arg_name="body")
@drills.doc(responses={201: "The drill, running: its alert waits for signatures"})
@auth.may("drill")
@acting.act
def held(session: Session, body: asked.Begun) -> Answer:
    """Begin a drill: its alert is proposed and submitted, people sign as ever."""
    return _begin(session, body.name, body.cities)


@drills.get("/drills/<row:drill_id>")
@auth.may("read")
@acting.look
def one(session: Session, drill_id: int) -> Answer:
    """One drill and what came of it."""
    return rehearsals.report(session, drill_id)


@drills.post("/drills/<drill_id>/start")
@drills.input(asked.Reason, arg_name="body")
@drills.doc(responses={200: "The drill", 201: "A new drill of this script"})
@auth.may("drill")
@acting.act
def started(session: Session, drill_id: str, body: asked.Reason) -> Answer:
    """Begin the script of this name; a drill already running stays as it is."""
    if drill_id.isascii() and drill_id.isdigit():
        return _brief(session, rehearsals.load(session, _number(drill_id)))
    return _begin(session, drill_id, [])


@drills.post("/drills/<drill_id>/stop")
@drills.input(asked.Reason, arg_name="body")
@drills.doc(responses={200: "The drill, stopped"})
@auth.may("drill")
@acting.act
def stopped(session: Session, drill_id: str, body: asked.Reason) -> Answer:
    """Stop it: what is not sent stays unsent, who was reached hears that it has ended."""
    drill = rehearsals.stop(session, _number(drill_id), by=auth.officer().id)
    acting.hint(f"drill {drill.id}")
    acting.materialise_later(rehearsals.alert_of(session, drill))
    return _brief(session, drill)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(f"没有编号为 {text[:20]} 的演练")
    return int(text)


def _begin(session: Session, name: str, cities: list[str]) -> Answer:
    drill = rehearsals.start(session, name, by=auth.officer().id, cities=cities)
    paging.page_signers(session, rehearsals.alert_of(session, drill))
    acting.hint(f"drill {drill.id}")
    return _brief(session, drill), 201, {"Location": url_for("drills_api.one", drill_id=drill.id)}


def _script(one: rehearsals.Script) -> dict[str, Any]:
    return {"name": one.name, "title": one.title, "title_en": one.title_en, "cron": one.cron, "level": one.level.word}


def _brief(session: Session, row: Drill) -> dict[str, Any]:
    alert = session.scalar(select(Alert).where(Alert.drill_id == row.id))
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "cities": row.cities,
        "started_by": row.started_by,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "log": row.log,
        "alert": alert.id if alert else None,
        "alert_state": alert.state if alert else None,
    }
