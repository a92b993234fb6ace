"""Has this form been handed in before? One key a form, so that a double click acts once."""

import hashlib
import secrets

from flask import request
from sqlalchemy import CursorResult
from sqlalchemy.orm import Session

from coordinator import clock, db
from coordinator.errors import Refusal
from coordinator.models import OnceKey


def key() -> str:
    """A fresh key for a form about to be shown."""
    return secrets.token_urlsafe(12)


def claim(session: Session, officer: str) -> bool:
    """Take the form's key within the act's own transaction. False when the act was already done."""
    given = request.form.get("once", "")
    if not given:
        raise Refusal("表单缺少一次性编号;请重新打开页面再办理")
    words = "\x1f".join((officer, request.path, given))
    made = session.execute(
        db.insert_new(OnceKey.__table__),  # type: ignore[arg-type]
        {"key": "desk:" + hashlib.sha256(words.encode()).hexdigest(), "asked": request.path, "status": 303,
         "answer": "", "at": clock.now()},
    )  # fmt: skip
    assert isinstance(made, CursorResult)
    return made.rowcount == 1
