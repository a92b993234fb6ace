"""How does an officer come in and go: sign-in, sign-out, language, and the password asked again to sign."""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from contacts.models import Officer
from coordinator import audit, clock, db
from coordinator.errors import Forbidden, TryLater
from coordinator.models import Audited
from coordinator.web import passwords, wording
from coordinator.web.door import desk, officer, seal

WINDOW = timedelta(minutes=15)
TRIES = 5  # of one officer from one address
TRIES_OF_ADDRESS = 30
REFUSED = "sign-in refused"


@desk.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    return render_template("pages/sign_in.html", next=request.args.get("next", ""), given="", trouble="")


@desk.post("/sign-in")
def enter() -> ResponseReturnValue:
    given, onward = request.form.get("officer", "").strip()[:64], request.form.get("next", "")
    try:
        person = proven(given, request.form.get("password", ""))
    except (Forbidden, TryLater) as refused:
        page = render_template("pages/sign_in.html", next=onward, given=given, trouble=str(refused))
        return page, refused.http_status
    session.clear()
    session.permanent = True
    session.update(officer=person.id, seal=seal(person))
    return redirect(_own(onward))


def _own(onward: str) -> str:
    """Only a path of ours: nobody is led away by a link to the sign-in page."""
    parts = urlsplit(onward)
    ours = onward.startswith("/") and not onward.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return onward if ours else url_for("desk.board")


@desk.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    with db.transaction() as writing:
        audit.record(writing, officer().id, "sign out", f"officer:{officer().id}")
    session.clear()
    flash(wording.say("已退出"), "good")
    return redirect(url_for("desk.sign_in"))


@desk.post("/language")
def choose_language() -> ResponseReturnValue:
    chosen = "en" if request.form.get("lang") == "en" else "zh"
    answer = redirect(_own(request.form.get("next", "")))
    answer.set_cookie("lang", chosen, max_age=31536000, samesite="Lax", httponly=True, secure=request.is_secure)
    return answer


def proven(officer_id: str, password: str) -> Officer:
    """The officer whose password this is. Tries are counted in the audit log, so every process sees them."""
    address = f"sign-in:{request.remote_addr or ''}"
    with db.reading() as looking:
        person = looking.get(Officer, officer_id)
        _within_limits(_wrong(looking, address, officer_id), _wrong(looking, address))
    right = passwords.matches(person.password_hash if person else None, password)
    with db.transaction() as writing:
        if right and person and person.active:
            audit.record(writing, person.id, "sign in", address)
            return person
        audit.record(writing, officer_id or "?", REFUSED, address)
    raise Forbidden("工号或口令不对")


def _wrong(looking: db.Session, address: str, officer_id: str = "") -> int:
    query = select(func.count()).where(
        Audited.subject == address, Audited.what == REFUSED, Audited.at > clock.now() - WINDOW
    )
    if officer_id:
        query = query.where(Audited.who == officer_id)
    return looking.scalar(query) or 0


def _within_limits(of_officer: int, of_address: int) -> None:
    if of_officer >= TRIES or of_address >= TRIES_OF_ADDRESS:
        raise TryLater("输错次数过多,请 15 分钟后再试;急事请由同班人员办理")


def confirm(password: str) -> None:
    """Ask again before a signature: an unattended screen must not sign."""
    proven(officer().id, password)
