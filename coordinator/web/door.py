"""Who stands at the desk? The blueprint of all officers' pages; nobody enters one without signing in."""

from typing import Any, cast

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from contacts.models import Officer
from coordinator import clock, config, db, mandates, tokens
from coordinator.errors import CoordinatorError
from coordinator.models import Alert, AlertState, Mode
from coordinator.web import once, wording

OPEN = ("desk.sign_in", "desk.enter", "desk.static", "desk.choose_language")
desk = Blueprint("desk", __name__, static_folder="static", static_url_path="/static")
csrf = CSRFProtect()


def officer() -> Officer:
    """Who is signed in."""
    return cast(Officer, g.officer)


def seal(person: Officer) -> str:
    """Changes with the password, so that a new one ends every session begun with the old."""
    return tokens.digest(person.password_hash or "")[:16]


@desk.before_request
def guard() -> ResponseReturnValue | None:
    g.officer = _signed_in()
    csrf.protect()
    if g.officer or request.endpoint in OPEN:
        return None
    if request.method != "GET":
        flash(wording.say("登录已过期,刚才的操作没有办理;请重新登录后再办"), "bad")
    wanted = request.full_path if request.method == "GET" and request.path != "/" else ""
    return redirect(url_for("desk.sign_in", next=wanted.rstrip("?") or None))


def _signed_in() -> Officer | None:
    if "officer" not in session or request.endpoint == "desk.static":
        return None
    with db.reading() as looking:
        person = looking.get(Officer, session["officer"])
    return person if person and person.active and session.get("seal") == seal(person) else None


@desk.after_request
def keep_private(response: Any) -> Any:
    if request.endpoint != "desk.static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


@desk.context_processor
def always() -> dict[str, Any]:
    """What every page shows."""
    person = g.get("officer")
    return {
        "officer": person,
        "now": clock.now(),
        "issuer": config.load().issuer,
        "once": once.key,
        "may": lambda act: bool(person) and person.role in mandates.MAY[act],
        "drills_running": _drills_running() if person else 0,
        "lang": wording.language(),
    }


def _drills_running() -> int:
    """How many exercise alerts are open: every page says so while there are any."""
    waiting = (AlertState.PENDING_APPROVAL, AlertState.ISSUING, AlertState.ACTIVE, AlertState.CHANGING, AlertState.HELD)
    with db.reading() as looking:
        query = select(Alert.id).where(Alert.mode == Mode.EXERCISE, Alert.state.in_(waiting))
        return len(looking.scalars(query).all())


def explain(error: Exception) -> tuple[str, int]:
    """An error as a page in our dress: what happened, and what to do now."""
    if isinstance(error, CSRFError):
        title, words, status = "表单已失效", "页面打开太久或已在别处登录;请返回上一页刷新后再办理。刚才的操作没有办理", 400
    elif isinstance(error, CoordinatorError):
        title, words, status = error.title.split(" ")[0], str(error) or (error.__doc__ or ""), error.http_status
    elif isinstance(error, HTTPException):
        title, words = {404: ("没有这个页面", "请核对网址,或从上方菜单进入"), 405: ("不能这样打开", "请从页面上的按钮办理")}.get(
            error.code or 500, ("无法办理", error.description or "")
        )
        status = error.code or 500
    else:
        title, words, status = "系统故障", "这一步没有办成,已记入日志;请稍后重试,急事请改用电话并通知系统管理员", 500
    return render_template("pages/error.html", title=title, words=words, status=status), status


desk.register_error_handler(CoordinatorError, explain)
desk.register_error_handler(HTTPException, explain)
desk.register_error_handler(500, explain)
