"""Alerts: the list, one alert with its grounds and its buttons, proposing by hand."""

from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from coordinator import rulebook
from coordinator.errors import Refusal
from coordinator.web import acting, alert_acts, auth, vocabulary, wording
from coordinator.web.door import acted, desk, page_number
from coordinator.web.looks import alerts, foreseen
from coordinator.web.session import confirmed
from rules.levels import Level

DONE = {
    "submit": "已提交会签，正在通知签发人",
    "reject": "已退回",
    "hold": "已暂停：尚未交给运营商的通知都已停住",
    "release": "已申请恢复派发，等待两人签发",
    "change": "已提出变更",
    "lift": "已申请解除，等待签发",
    "retract": "已提出撤回",
}


@desk.get("/alerts")
@auth.may("read")
@acting.look
def alert_list(session: Session) -> str:
    which, mode = request.args.get("which", ""), request.args.get("mode", "")
    rows, more = alerts.listed(session, which=which, mode=mode, page=page_number())
    return render_template("pages/alerts.html", alerts=rows, more=more, page=page_number(), which=which, mode=mode)


@desk.get("/alerts/<row:alert_id>")
@auth.may("read")
@acting.look
def alert(session: Session, alert_id: int) -> str:
    look = alerts.one(session, alert_id, auth.officer())
    ahead = foreseen.of(session, look)
    return render_template(
        "pages/alert.html", look=look, alert=look.alert, foreseen=ahead, button=foreseen.button(look, ahead),
        correction=foreseen.correction(session, look.alert) if look.may("retract") and look.alert.in_force_rev else None,
    )  # fmt: skip


@desk.get("/alerts/<row:alert_id>/edit")
@auth.may("propose")
@acting.look
def edit_alert(session: Session, alert_id: int) -> str:
    look = alerts.one(session, alert_id, auth.officer())
    return render_template(
        "pages/propose.html", alert=look.alert, places=rulebook.cities(), levels=_levels(), given=_present(look)
    )


@desk.get("/alerts/new")
@auth.may("propose")
def new_alert() -> str:
    return render_template("pages/propose.html", alert=None, places=rulebook.cities(), levels=_levels(), given=_blank())


@desk.post("/alerts/new")
@auth.may("propose")
@acting.act
def propose(session: Session) -> ResponseReturnValue:
    made = alert_acts.propose(session, auth.officer(), {"mode": "actual", "kind": "air"} | _wanted())
    return acted(wording.say("已拟定；核对无误后请提交会签"), "desk.alert", alert_id=made.id)


@desk.post("/alerts/<row:alert_id>/approve")
@auth.may("sign")
@confirmed
@acting.act
def approve(session: Session, alert_id: int) -> ResponseReturnValue:
    alert_acts.perform(session, "approve", alert_id, auth.officer(), rev=_rev(), words={})
    return acted(wording.say("已签发；您的签字已记录"), "desk.alert", alert_id=alert_id)


@desk.post("/alerts/<row:alert_id>/reject")
@auth.may("sign")
@confirmed
@acting.act
def reject(session: Session, alert_id: int) -> ResponseReturnValue:
    return _perform(session, "reject", alert_id)


@desk.post("/alerts/<row:alert_id>/<any(submit, hold, release, change, lift, retract):name>")
@acting.act
def alert_act(session: Session, alert_id: int, name: str) -> ResponseReturnValue:
    return _perform(session, name, alert_id)


def _perform(session: Session, name: str, alert_id: int) -> ResponseReturnValue:
    alert_acts.perform(session, name, alert_id, auth.officer(), rev=_rev(), words=_words(name))
    return acted(wording.say(DONE[name]), "desk.alert", alert_id=alert_id)


def _words(name: str) -> dict[str, Any]:
    """What the form of this act says."""
    if name == "change":
        return _wanted()
    words: dict[str, Any] = {"reason": _needed("reason") if name != "submit" else ""}
    if name == "lift":
        words["evidence"] = {
            "observed": _needed("observed"),
            "forecast": _needed("forecast"),
            "checked_by": auth.officer().id,
        }
    return words


def _wanted() -> dict[str, Any]:
    return {
        "level": _needed("level"),
        "cities": request.form.getlist("cities"),
        "effective_from": _needed("effective_from"),
        "effective_to": request.form.get("effective_to") or None,
        "reason": _needed("reason"),
    }


def _needed(field: str) -> str:
    said = request.form.get(field, "").strip()
    if not said:
        raise Refusal(f"{wording.say(vocabulary.FIELDS[field])}没有填写；请返回补充")
    return said


def _rev() -> int:
    return request.form.get("rev", 0, type=int)


def _levels() -> list[Level]:
    return [Level.RED, Level.ORANGE, Level.YELLOW, Level.BLUE, Level.PRE]


def _present(look: alerts.AlertLook) -> dict[str, Any]:
    one = look.alert
    return {"level": one.level, "cities": one.cities, "effective_from": one.effective_from,
            "effective_to": one.effective_to, "reason": one.reason}  # fmt: skip


def _blank() -> dict[str, Any]:
    asked = request.args.getlist("city")
    return {"level": 0, "cities": asked, "effective_from": None, "effective_to": None, "reason": ""}
