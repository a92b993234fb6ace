"""Sources of air values, and how the installation fares."""

from flask import render_template
from sqlalchemy.orm import Session

from coordinator.web import acting, auth
from coordinator.web.door import desk, page_number
from coordinator.web.looks import system as looks


@desk.get("/feeds")
@auth.may("read")
@acting.look
def feed_list(session: Session) -> str:
    return render_template("pages/feeds.html", look=looks.feeds(session, page_number()), page=page_number())


@desk.get("/system")
@auth.may("read")
@acting.look
def system(session: Session) -> str:
    return render_template("pages/system.html", look=looks.system(session))
