"""The receiver's page: what applies to this plant, and one form to acknowledge it. Opening it is not an answer."""

import base64
import hashlib
import re

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy.orm import Session

from coordinator import answers, config, db
from coordinator.errors import CoordinatorError, NotFound
from coordinator.models import Receiver
from coordinator.web import acting, auth, order_page, wire

pages = Blueprint("answers", __name__)
STYLE = (wire.PROJECT / "templates" / "pages" / "answer.css").read_text(encoding="utf-8").strip()
HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
SAYS = {
    "executing": "已开始执行",
    "done": "已按要求执行完毕",
    "already_down": "已停产（本来就没有生产）",
    "cannot": "不能执行，原因如下",
}


@pages.get("/a/<token>")
@auth.public
def show(token: str) -> Response:
    """Show the order. Reading is not acknowledging: mail scanners open links."""
    with db.reading() as session:
        try:
            receiver = answers.find(session, token)
        except CoordinatorError as missing:
            return _missing(missing)
        answer = _page(session, receiver)
        seen = receiver.viewed_at is not None
    if not seen and request.method == "GET":
        with db.transaction() as session:
            answers.view(session, answers.find(session, token))
    return answer


@pages.post("/a/<token>")
@auth.public
@acting.act
def acknowledge(session: Session, token: str) -> Response:
    """签收 with the four digits, or an answer with them. Again is harmless."""
    if request.form.get("kind") in SAYS:
        return _answered(session, token)
    try:
        receiver = answers.find(session, token)
    except CoordinatorError as missing:
        return _missing(missing)
    page = order_page.of(session, receiver)
    if page.acknowledged_at or page.ended:
        return _page(session, receiver)
    if _overtaken(receiver):
        return _page(session, receiver, trouble="内容刚刚有变更，请重新看过后再签收", status=409)
    code = request.form.get("code", "")
    if answers.acknowledge(session, receiver, code=code, by=receiver.name, channel="link"):
        return _page(session, receiver)
    refused = answers.refusal(receiver, code)
    return _page(session, receiver, trouble=str(refused), status=refused.http_status)


def _overtaken(receiver: Receiver) -> bool:
    """The page was opened before the order changed: what was read is not what would be acknowledged."""
    read = request.form.get("rev", "")
    return read.isascii() and read.isdigit() and len(read) < 9 and int(read) != receiver.last_rev


@pages.get("/a/<token>/answer")
@auth.public
@acting.look
def ask(session: Session, token: str) -> Response:
    """The other answers: carrying out, done, already down, cannot because."""
    try:
        return _form(session, answers.find(session, token))
    except CoordinatorError as missing:
        return _missing(missing)


@pages.post("/a/<token>/answer")
@auth.public
@acting.act
def tell(session: Session, token: str) -> Response:
    """An answer needs the code each time: whoever found the link may not say that a plant can't comply."""
    return _answered(session, token)


def _answered(session: Session, token: str) -> Response:
    try:
        receiver = answers.find(session, token)
    except CoordinatorError as missing:
        return _missing(missing)
    kind, words, code = (request.form.get(name, "") for name in ("kind", "words", "code"))
    words = wire.plain(words)
    if kind not in SAYS:
        return _form(session, receiver, trouble="请选择一项", status=400)
    if kind == "cannot" and not words:
        return _form(session, receiver, trouble="不能执行的，请写明原因，以便值班员处理", status=400)
    if not answers.acknowledge(session, receiver, code=code, by=receiver.name, channel="link"):
        refused = answers.refusal(receiver, code)
        return _form(session, receiver, trouble=str(refused), status=refused.http_status)
    answers.answer(session, receiver, kind=kind, by=receiver.name, channel="link", words=words)
    return _page(session, receiver, told=re.split("[（，]", SAYS[kind])[0])


def _page(session: Session, receiver: Receiver, *, trouble: str = "", told: str = "", status: int = 200) -> Response:
    page = order_page.of(session, receiver, start=request.args.get("from", 0, int))
    return dressed("pages/answer.html", status, page=page, trouble=trouble, told=told)


def _form(session: Session, receiver: Receiver, *, trouble: str = "", status: int = 200) -> Response:
    page = order_page.of(session, receiver)
    given = {name: wire.plain(request.form.get(name, "")) for name in ("kind", "words")}
    return dressed("pages/answer_more.html", status, page=page, trouble=trouble, says=SAYS, given=given)


def _missing(error: CoordinatorError) -> Response:
    """No such page: what to do now, with the number to ring."""
    sentence = str(error) if not isinstance(error, NotFound) else ""
    return dressed("pages/answer_missing.html", error.http_status, sentence=sentence)


def dressed(template: str, status: int, **around: object) -> Response:
    settings = config.load()
    text = render_template(template, style=STYLE, desk_phone=settings.desk_phone, issuer=settings.issuer, **around)
    answer = make_response(text, status)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer
