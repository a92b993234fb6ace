"""Drills: the scripts, begin one, follow it, its report."""

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from coordinator import drills as rehearsals
from coordinator import paging, rulebook
from coordinator.web import acting, auth, wording
from coordinator.web.door import acted, desk, page_number
from coordinator.web.looks import drills


@desk.get("/drills")
@auth.may("read")
@acting.look
def drill_list(session: Session) -> str:
    rows, more = drills.listed(session, page_number())
    return render_template(
        "pages/drills.html",
        drills=rows,
        more=more,
        page=page_number(),
        scripts=rehearsals.scripts(),
        places=rulebook.cities(),
    )


@desk.post("/drills/start")
@auth.may("drill")
@acting.act
def start_drill(session: Session) -> ResponseReturnValue:
    drill = rehearsals.start(
        session, request.form.get("name", ""), by=auth.officer().id, cities=request.form.getlist("cities")
    )
    paging.page_signers(session, rehearsals.alert_of(session, drill))
    acting.hint(f"drill {drill.id}")
    return acted(
        wording.say("【演练】已开始：已提交会签，签发后向参演单位发送演练通知"), "desk.drill", drill_id=drill.id
    )


@desk.get("/drills/<row:drill_id>")
@auth.may("read")
@acting.look
def drill(session: Session, drill_id: int) -> str:
    look = drills.one(session, drill_id)
    return render_template("pages/drill.html", look=look, report=look.report)


@desk.post("/drills/<row:drill_id>/stop")
@auth.may("drill")
@acting.act
def stop_drill(session: Session, drill_id: int) -> ResponseReturnValue:
    drill = rehearsals.stop(session, drill_id, by=auth.officer().id)
    acting.hint(f"drill {drill_id}")
    acting.materialise_later(rehearsals.alert_of(session, drill))
    return acted(wording.say("【演练】已中止"), "desk.drill", drill_id=drill_id)
