"""What carriers call back: receipts, texted replies, keys on the phone. Signed or refused; kept first, acted on at once."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import delete
from sqlalchemy.orm import Session
from twilio.twiml.messaging_response import MessagingResponse  # type: ignore[import-untyped]
from twilio.twiml.voice_response import VoiceResponse  # type: ignore[import-untyped]

from coordinator import answers, clock, config, db, receipts, tokens
from coordinator.channels import twilio_account, voice
from coordinator.errors import Forbidden, Refusal
from coordinator.models import CarrierEvent, Notice, StopListed
from coordinator.web import acting, auth, limits

hooks = Blueprint("hooks", __name__, url_prefix="/hooks/twilio")
STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE", "TD", "退订", "T"}
START = {"START", "YES", "UNSTOP", "恢复", "订阅"}
REPLIES = {
    "ok": "已签收，谢谢。",
    "which": "请回复通知里的四位签收码，例如 1 1234。",
    "wrong": "签收码不对，请核对通知里“签收码”后面的四位数字后再回复。",
}
XML = "text/xml; charset=utf-8"
View = Callable[..., Any]


def signed(view: View) -> View:
    """Only what the carrier signed, at our own public address, with the token of the account it names."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        token = twilio_account.token_of(os.environ, request.form.get("AccountSid", ""))
        query = request.query_string.decode("latin-1")
        url = f"{config.load().public_base_url}{request.path}" + (f"?{query}" if query else "")
        if not twilio_account.genuine(token, url, request.form, request.headers.get("X-Twilio-Signature", "")):
            raise Forbidden("签名不对：这不是运营商发来的")
        return view(*args, **kwargs)

    return auth.public(checked)


def _attempt() -> str:
    """The attempt that the address names, if the address was made by us."""
    attempt = request.args.get("attempt", "")
    if not attempt or not tokens.same(request.args.get("k", ""), tokens.callback_key(attempt)):
        raise Forbidden("地址不对:attempt 与 k 不符")
    return attempt


@hooks.post("/status")
@signed
@acting.act
def status(session: Session) -> Response:
    """A receipt about one attempt. Twice is harmless, order does not matter."""
    receipts.record(session, request.form, attempt=_attempt())
    return Response(status=204)


@hooks.post("/sms")
@signed
@acting.act
def sms(session: Session) -> Response:
    """A texted reply: a code acknowledges, STOP ends our texts to that number."""
    sid, sender = request.form.get("MessageSid", ""), request.form.get("From", "")
    if not sid or not sender:
        raise Refusal("缺少 MessageSid 或 From")
    if not receipts.keep(session, "sms", f"sms:{sid}", notice_id=None, form=request.form):
        return Response(str(MessagingResponse()), content_type=XML)
    outcome = _heed(session, sender, request.form.get("Body", ""))
    _settle(session, f"sms:{sid}", outcome)
    return Response(_reply(sender, outcome), content_type=XML)


def _heed(session: Session, sender: str, body: str) -> str:
    """Act on one text; how it was taken, in a word."""
    word = body.strip().upper()
    if word in STOP:
        row = {"channel": "sms", "address": sender, "since": clock.now()}
        session.execute(db.insert_new(StopListed.__table__).values(row))  # type: ignore[arg-type]
        return "stopped"
    if word in START:
        session.execute(delete(StopListed).where(StopListed.channel == "sms", StopListed.address == sender))
        return "started"
    return answers.by_sms(session, sender, body)


def _settle(session: Session, event_key: str, outcome: str) -> None:
    event = session.query(CarrierEvent).filter_by(event_key=event_key).one()
    event.applied = outcome


def _reply(sender: str, outcome: str) -> str:
    """A few words back, a handful an hour at most; a drill's account answers in a drill's dress."""
    twiml = MessagingResponse()
    if (words := REPLIES.get(outcome)) and limits.another_reply(sender):
        mark = "【演练】" if _drill_account() else ""
        twiml.message(f"{mark}{words}{mark}")
    return str(twiml)


def _drill_account() -> bool:
    drill = {account["sid"] for account in twilio_account.accounts(os.environ, twilio_account.DRILL)}
    return request.form.get("AccountSid", "") in drill


@hooks.post("/voice")
@signed
@acting.act
def keys(session: Session) -> Response:
    """Keys on the phone: 1 and the last two digits of the number acknowledge."""
    attempt, call, digits = _attempt(), request.form.get("CallSid", ""), request.form.get("Digits", "")
    if not call:
        raise Refusal("缺少 CallSid")
    key = f"voice:{call}:{digits[:20]}"
    notice = session.get(Notice, int(attempt.split(".")[0]))
    if notice is None:
        raise Refusal("没有这条通知")
    fresh = receipts.keep(session, "voice", key, notice_id=notice.id, form=request.form)
    right = _pressed(session, notice, digits) if fresh else digits == f"1{notice.number[-2:]}"
    if fresh:
        _settle(session, key, "ok" if right else "wrong")
    return Response(_spoken(right, again=fresh and bool(digits)), content_type=XML)


def _pressed(session: Session, notice: Notice, digits: str) -> bool:
    return bool(digits) and answers.by_keys(session, notice, digits)


def _spoken(right: bool, *, again: bool) -> str:
    if not right and again:
        address = f"{config.load().public_base_url}{request.path}?{request.query_string.decode('latin-1')}"
        return voice.script("按键不对。确认收到请按 1,再按通知编号的最后两位数字。", address)
    spoken = VoiceResponse()
    spoken.say("已签收，谢谢。再见。" if right else "没有签收。请查看短信或拨打值班电话。再见。", language="zh-CN")
    spoken.hangup()
    return str(spoken)
