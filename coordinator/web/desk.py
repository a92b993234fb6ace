"""Where do the officers' pages join the application?"""

from datetime import timedelta

from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined

from coordinator import config
from coordinator.web import session, wording
from coordinator.web.door import csrf, desk, explain
from coordinator.web.pages import alerts, audit, board, contacts, drills, incidents, live, notices, system

__all__ = ["PAGES", "attach", "explain"]
PAGES = (session, board, live, alerts, notices, contacts, incidents, drills, audit, system)


def attach(app: Flask) -> None:
    """Give the application its desk: pages, sessions, forms that can't be forged, words in two languages."""
    settings = config.load()
    app.secret_key = app.secret_key or settings.secret_key
    app.config.update(
        SESSION_COOKIE_NAME="liandong",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.address.scheme == "https",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=13),  # a night's shift
        WTF_CSRF_CHECK_DEFAULT=False,  # the door checks; callers with a bearer token have no form
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # pages may be served without referrer
    )
    csrf.init_app(app)
    folder = FileSystemLoader(wording.CATALOGUE.parents[1])
    app.jinja_loader = ChoiceLoader([loader for loader in (app.jinja_loader, folder) if loader])
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(wording.FILTERS)
    app.jinja_env.globals.update(_=wording.say)
    app.register_blueprint(desk)
