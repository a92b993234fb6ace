"""The board: what to do next, the region on one screen."""

from flask import render_template
from sqlalchemy.orm import Session

from coordinator.web import acting, auth
from coordinator.web.door import desk
from coordinator.web.looks import board as looks
from coordinator.web.looks import stamp, todo


@desk.get("/")
@auth.may("read")
@acting.look
def board(session: Session) -> str:
    return render_template(
        "pages/board.html",
        board=looks.look(session),
        tasks=todo.tasks(session, auth.officer()),
        stamp=stamp.now(session),
    )
