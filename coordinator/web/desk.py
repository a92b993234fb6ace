"""Which pages has the officers' desk, and how do they join the application?"""

from flask import Flask

from coordinator.web import session
from coordinator.web.door import desk, furnish
from coordinator.web.pages import alerts, audit, board, contacts, drills, incidents, live, notices, summaries, system

PAGES = (session, board, live, alerts, notices, contacts, incidents, drills, summaries, audit, system)


def attach(app: Flask) -> None:
    """All pages whose views are written in PAGES."""
    furnish(app)
    app.register_blueprint(desk)
