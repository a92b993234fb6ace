"""Notices of an alert, one notice as evidence, the call sheet, and answers taken on the phone."""

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from coordinator import answers, requeue, rulebook
from coordinator.errors import NotFound
from coordinator.models import Notice, NoticeKind, State
from coordinator.web import acting, auth, wording
from coordinator.web.door import acted, desk, page_number
from coordinator.web.looks import notices
from rules.levels import Level


@desk.get("/alerts/<row:alert_id>/notices")
@auth.may("read")
@acting.look
def notice_list(session: Session, alert_id: int) -> str:
    alert = notices.alert_of(session, alert_id)
    asked = {name: request.args.get(name, "").strip() for name in ("state", "city", "channel", "kind", "words")}
    rows, more = notices.listed(session, alert_id, asked, page_number())
    return render_template(
        "pages/notices.html", alert=alert, notices=rows, more=more, page=page_number(), asked=asked,
        states=list(State), kinds=list(NoticeKind), places=[rulebook.city(code) for code in alert.cities],
    )  # fmt: skip


@desk.get("/notices/<row:notice_id>")
@auth.may("read")
@acting.look
def notice(session: Session, notice_id: int) -> str:
    look = notices.one(session, notice_id)
    return render_template("pages/notice.html", look=look, notice=look.notice)


@desk.get("/alerts/<row:alert_id>/receivers")
@auth.may("read")
@acting.look
def receiver_list(session: Session, alert_id: int) -> str:
    alert, which = notices.alert_of(session, alert_id), request.args.get("which", "")
    rows, more = notices.receivers(session, alert, which, page_number())
    return render_template(
        "pages/receivers.html", alert=alert, receivers=rows, more=more, page=page_number(), which=which
    )


@desk.get("/alerts/<row:alert_id>/call-sheet")
@auth.may("read")
@acting.look
def call_sheet(session: Session, alert_id: int) -> str:
    alert, rows = notices.alert_of(session, alert_id), notices.sheet(session, alert_id)
    return render_template("pages/call_sheet.html", alert=alert, level=Level(alert.level), receivers=rows)


@desk.get("/receivers/<row:receiver_id>")
@auth.may("read")
@acting.look
def receiver(session: Session, receiver_id: int) -> str:
    look = notices.receiver(session, receiver_id)
    return render_template("pages/receiver.html", look=look, receiver=look.receiver)


@desk.post("/receivers/<row:receiver_id>/answer")
@auth.may("answer")
@acting.act
def answer_of_receiver(session: Session, receiver_id: int) -> ResponseReturnValue:
    """What a plant said on the phone, also when no notice could be sent to it."""
    notices.take_answer(session, receiver_id, auth.officer(), request.form)
    return acted(wording.say("已代为登记"), "desk.receiver", receiver_id=receiver_id)


@desk.post("/notices/<row:notice_id>/answer")
@auth.may("answer")
@acting.act
def answer_on_behalf(session: Session, notice_id: int) -> ResponseReturnValue:
    notice = session.get(Notice, notice_id)
    if notice is None:
        raise NotFound(f"没有编号为 {notice_id} 的通知")
    answers.on_behalf(
        session, notice, auth.officer(), kind=request.form.get("kind", ""), caller=request.form.get("caller", ""),
        words=request.form.get("words", ""),
    )  # fmt: skip
    return acted(wording.say("已代为登记"), "desk.notice", notice_id=notice_id)


@desk.post("/notices/<row:notice_id>/requeue")
@auth.may("requeue")
@acting.act
def send_again(session: Session, notice_id: int) -> ResponseReturnValue:
    made = requeue.requeue(session, notice_id, auth.officer(), reason=request.form.get("reason", ""))
    acting.hint(f"notice {made.id}")
    return acted(wording.say("已重新派发，这是代替它的通知"), "desk.notice", notice_id=made.id)
