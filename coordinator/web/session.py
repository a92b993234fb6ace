"""How does an officer come in and go: sign-in, sign-out, language, and the password asked again to sign."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import audit, clock, db
from coordinator.errors import CoordinatorError, Forbidden, TryLater
from coordinator.models import Audited
from coordinator.web import auth, passwords, wording
from coordinator.web.door import desk, seal

WINDOW = timedelta(minutes=15)
TRIES = 5  # of one officer from one address
TRIES_OF_ADDRESS = 30
REFUSED = "sign-in refused"


@desk.get("/sign-in")
@auth.public
def sign_in() -> ResponseReturnValue:
    return render_template("pages/sign_in.html", next=request.args.get("next", ""), given="", trouble="")


@desk.post("/sign-in")
@auth.public
def enter() -> ResponseReturnValue:
    given, onward = request.form.get("officer", "").strip()[:64], request.form.get("next", "")
    try:
        person = proven(given, request.form.get("password", ""), act="sign in")
    except CoordinatorError as refused:
        page = render_template("pages/sign_in.html", next=onward, given=given, trouble=str(refused))
        return page, refused.http_status
    session.clear()
    session.permanent = True
    session.update(officer=person.id, seal=seal(person))
    return redirect(_own(onward), 303)


def _own(onward: str) -> str:
    """Only a path of ours: nobody is led away by a link to the sign-in page."""
    parts = urlsplit(onward.replace("\\", "/"))
    ours = onward.startswith("/") and onward.isprintable() and not (parts.netloc or parts.scheme)
    return onward if ours else url_for("desk.board")


@desk.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    with db.transaction() as writing:
        audit.record(writing, auth.officer().id, "sign out", f"officer:{auth.officer().id}")
    session.clear()
    flash(wording.say("已退出"), "good")
    return redirect(url_for("desk.sign_in"), 303)


@desk.post("/language")
@auth.public
def choose_language() -> ResponseReturnValue:
    chosen = "en" if request.form.get("lang") == "en" else "zh"
    answer = redirect(_own(request.form.get("next", "")), 303)
    answer.set_cookie("lang", chosen, max_age=31536000, samesite="Lax", httponly=True, secure=request.is_secure)
    return answer


def proven(officer_id: str, password: str, *, act: str) -> Officer:
    """The officer whose password this is. Tries are counted in the audit log, so every process sees them."""
    address = f"sign-in:{request.remote_addr or ''}"
    with db.reading() as looking:
        person = looking.get(Officer, officer_id)
        _within_limits(_wrong(looking, address, officer_id), _wrong(looking, address))
    right = passwords.matches(person.password_hash if person else None, password)
    with db.transaction() as writing:
        if right and person and person.active:
            audit.record(writing, person.id, act, address)
            return person
        audit.record(writing, officer_id or "?", REFUSED, address)
    raise Forbidden("工号或口令不对")


def _wrong(looking: Session, address: str, officer_id: str = "") -> int:
    query = select(func.count()).where(
        Audited.subject == address, Audited.what == REFUSED, Audited.at > clock.now() - WINDOW
    )
    if officer_id:
        query = query.where(Audited.who == officer_id)
    return looking.scalar(query) or 0


def _within_limits(of_officer: int, of_address: int) -> None:
    if of_officer >= TRIES or of_address >= TRIES_OF_ADDRESS:
        raise TryLater("输错次数过多，请 15 分钟后再试；急事请由同班人员办理")


def confirmed(view: Callable[..., Any]) -> Callable[..., Any]:
    """A view that asks for the password again: an unattended screen must not sign."""

    @wraps(view)
    def asked(*args: Any, **kwargs: Any) -> Any:
        proven(auth.officer().id, request.form.get("password", ""), act="confirm")
        return view(*args, **kwargs)

    return asked
