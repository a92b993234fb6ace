"""Who stands at the desk? The blueprint of all officers' pages, its sessions and its errors."""

import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Flask,
    Response,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_wtf.csrf import CSRFError, CSRFProtect  # type: ignore[import-untyped]
from jinja2 import StrictUndefined
from sqlalchemy import func, select
from werkzeug.exceptions import HTTPException

from contacts.models import Officer
from coordinator import clock, config, db, fingerprint, mandates, tokens
from coordinator.errors import CoordinatorError, Stale
from coordinator.models import Alert, AlertState, Mode
from coordinator.web import auth, wording

STATIC = Path(__file__).parent / "static"
SHIFT_H = 13  # a session lasts a night's shift
OPEN_DRILL = (AlertState.PENDING_APPROVAL, AlertState.ISSUING, AlertState.ACTIVE, AlertState.CHANGING, AlertState.HELD)
HTTP = {404: "没有这个页面；请核对网址，或从上方菜单进入", 405: "请从页面上的按钮办理", 413: "文件太大"}
desk = Blueprint("desk", __name__)
csrf = CSRFProtect()


def furnish(app: Flask) -> None:
    """Give the application what pages need: sessions, forms that can't be forged, words in two languages."""
    settings = config.load()
    app.secret_key = app.secret_key or settings.secret_key
    app.config.update(
        SESSION_COOKIE_NAME="liandong",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.address.scheme == "https",
        PERMANENT_SESSION_LIFETIME=SHIFT_H * 3600,
        WTF_CSRF_CHECK_DEFAULT=False,  # the desk checks its own forms; callers with a bearer token have none
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # pages are served without referrer
    )
    csrf.init_app(app)
    auth.ask_pages(app, ask)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(wording.FILTERS)
    app.jinja_env.globals.update(_=wording.say, query=_query)
    app.static_folder = str(STATIC)
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=app.send_static_file)


def _query(page: int) -> str:
    """The present question, for another page of its answer."""
    return urlencode({**request.args.to_dict(flat=False), "page": [page]}, doseq=True)


def seal(person: Officer) -> str:
    """Changes with the password, so that a new one ends every session begun with the old."""
    return tokens.digest(person.password_hash or "")[:16]


def ask() -> Officer | Response:
    """The officer of this session, or the way to sign in."""
    if "officer" in session:
        with db.reading() as looking:
            person = looking.get(Officer, session["officer"])
        if person and person.active and session.get("seal") == seal(person):
            return person
        session.clear()
    if request.method != "GET":
        flash(wording.say("登录已过期，刚才的操作没有办理；请重新登录后再办"), "bad")
    wanted = request.full_path.rstrip("?") if request.method == "GET" and request.path not in ("/", "/live") else None
    return make_response(redirect(url_for("desk.sign_in", next=wanted)))


@desk.before_request
def check_form() -> None:
    csrf.protect()


@desk.after_request
def keep_private(response: Response) -> Response:
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
        "desk_phone": config.load().desk_phone,
        "once": lambda: secrets.token_urlsafe(12),
        "may": lambda act: bool(person) and person.role in mandates.MAY[act],
        "drills_running": _drills_running() if person else 0,
        "all_held": _all_held() if person else "",
        "lang": wording.language(),
        "here": request.full_path.rstrip("?"),
    }


def _drills_running() -> int:
    """How many exercise alerts are open: every page says so while there are any."""
    with db.reading() as looking:
        query = select(func.count()).select_from(Alert).where(Alert.mode == Mode.EXERCISE, Alert.state.in_(OPEN_DRILL))
        return looking.scalar(query) or 0


def _all_held() -> str:
    """Why nothing at all is sent: every page says so."""
    with db.reading() as looking:
        return fingerprint.recorded(looking)


def acted(done: str, endpoint: str, **values: Any) -> Response:
    """What an act answers: say it is done, and show the page as it now is."""
    flash(done, "good")
    return make_response(redirect(url_for(endpoint, **values), 303))


def explain(error: Exception) -> Response:
    """An error in the desk's dress: what happened, what to do now; of a stale page also what changed."""
    title, sentence, status = _told(error)
    changed = getattr(error, "difference", {}) if isinstance(error, Stale) else {}
    page = render_template("pages/error.html", title=title, sentence=sentence, status=status, changed=changed)
    return make_response(page, status)


def _told(error: Exception) -> tuple[str, str, int]:
    say = wording.say
    if isinstance(error, CSRFError):
        return say("表单已失效"), say("页面打开太久，或已在别处登录；刚才的操作没有办理。请返回上一页，刷新后再办"), 400
    if isinstance(error, CoordinatorError):
        chinese, _, english = error.title.partition(" ")
        title = english if wording.language() == "en" else chinese
        return title, _named(str(error) or (error.__doc__ or "")), error.http_status
    if isinstance(error, HTTPException) and error.code:
        return say("无法办理"), say(HTTP.get(error.code, "请返回上一页核对所填内容")), error.code
    return say("系统故障"), say("这一步没有办成，已记入日志；急事请改用电话，并通知系统管理员"), 500


def _named(sentence: str) -> str:
    """Programs read the names of fields, people their captions."""
    return re.sub(
        r"\b(effective_from|effective_to|level|cities|reason)\b", lambda name: wording.field(name[0]), sentence
    )


desk.register_error_handler(CoordinatorError, explain)
desk.register_error_handler(HTTPException, explain)


def page_number() -> int:
    """Which page of a list is asked for."""
    return min(max(request.args.get("page", 1, type=int), 1), 100_000)
