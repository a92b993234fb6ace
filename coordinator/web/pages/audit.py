"""The audit log."""

from flask import render_template, request
from sqlalchemy.orm import Session

from coordinator.web import acting, auth
from coordinator.web.door import desk, page_number
from coordinator.web.looks import system as looks


@desk.get("/audit")
@auth.may("read")
@acting.look
def audit_log(session: Session) -> str:
    asked = {name: request.args.get(name, "").strip() for name in ("who", "subject")}
    return render_template(
        "pages/audit.html", look=looks.audited(session, asked, page_number()), asked=asked, page=page_number()
    )
