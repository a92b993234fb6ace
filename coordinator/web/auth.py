"""Who is calling? A bearer token acts as its person; nothing is open unless it says so."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, g, request
from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from contacts.models import Officer, Token
from coordinator import clock, db, mandates
from coordinator.errors import Unauthenticated

OPEN = ("static", "openapi.spec")  # endpoints that are not views of ours
PAGES = "liandong.ask_pages"
SELDOM = timedelta(minutes=10)
View = Callable[..., Any]


def public(view: View) -> View:
    """Mark a view that anyone may call."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def is_public(endpoint: str) -> bool:
    return endpoint in OPEN or bool(getattr(current_app.view_functions.get(endpoint), "open_to_all", False))


def register(app: Flask) -> None:
    app.before_request(_identify)


def ask_pages(app: Flask, ask: Callable[[], Officer | Response]) -> None:
    """How pages find out who is calling: the officer, or an answer such as the way to sign in."""
    app.extensions[PAGES] = ask


def _identify() -> Response | None:
    g.officer = None
    if request.routing_exception is not None or request.method == "OPTIONS" or is_public(request.endpoint or ""):
        return None
    found = bearer() if request.path.startswith("/api/") or PAGES not in current_app.extensions else _by_page()
    if not isinstance(found, Officer):
        return found
    g.officer = found
    return None


def _by_page() -> Officer | Response:
    found = current_app.extensions[PAGES]()
    assert isinstance(found, Officer | Response)
    return found


def bearer() -> Officer:
    """The officer whose token is in the Authorization header; Unauthenticated for anything else."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("请在 Authorization 头中带上令牌:Bearer …")
    with db.reading() as session:
        found = _valid(session, hashlib.sha256(token.encode()).hexdigest())
    if found is None:
        raise Unauthenticated("令牌无效、已吊销，或其持有人已停用；请用 liandong token create 重新发放")
    _note_use(found)
    return found.officer


def _valid(session: Session, digest: str) -> Token | None:
    query = select(Token).options(joinedload(Token.officer)).where(Token.hash == digest, Token.revoked_at.is_(None))
    found = session.scalar(query)
    return found if found is not None and found.officer.active else None


def _note_use(token: Token) -> None:
    """Once in a while: reading must not cost a write each time."""
    now = clock.now()
    if token.last_used_at and abs(now - token.last_used_at) < SELDOM:
        return
    with db.transaction() as session:
        session.execute(update(Token).where(Token.id == token.id).values(last_used_at=now))


def officer() -> Officer:
    """Who is calling."""
    found = g.get("officer")
    if not isinstance(found, Officer):
        raise Unauthenticated("请先登录")
    return found


def require(act: str) -> Officer:
    """Who is calling, and may do this."""
    found = officer()
    mandates.require(found, act)
    return found


def may(act: str) -> Callable[[View], View]:
    """Only those whose role carries this act."""

    def decorate(view: View) -> View:
        @wraps(view)
        def asked(*args: Any, **kwargs: Any) -> Any:
            require(act)
            return view(*args, **kwargs)

        asked.act = act  # type: ignore[attr-defined]
        return asked

    return decorate
