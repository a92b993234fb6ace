"""How is an error told: problem+json (RFC 9457) to programs, a plain page to people."""

import json
import logging
from typing import Any

from apiflask import HTTPError
from flask import Flask, Response, make_response, render_template, request
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from coordinator.errors import CoordinatorError, Refusal, Stale, TryLater, Unauthenticated
from coordinator.web import wording

logger = logging.getLogger(__name__)
SAYS = {
    400: "请求写得不对：请核对网址与内容",
    401: "请先登录，或带上接口令牌",
    403: "无此权限",
    404: "没有这个地址，请核对",
    405: "此地址不支持这种请求方法",
    406: "没有可提供的格式",
    408: "请求传得太慢，请重试",
    411: "请写明内容长度",
    413: "内容太大，请分批提交",
    414: "网址太长",
    415: "不支持这种内容格式",
    429: "请求太频繁，请稍后再试",
    431: "请求头太长",
}


def register(app: Flask) -> None:
    """Every error ends in one of these."""
    app.register_error_handler(CoordinatorError, _ours)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(HTTPError, _unfit)
    app.register_error_handler(OperationalError, _away)
    app.register_error_handler(PoolTimeout, _away)
    app.register_error_handler(DataError, _unstorable)
    app.register_error_handler(IntegrityError, _crossed)
    app.register_error_handler(500, _unforeseen)


def _ours(error: CoordinatorError) -> Response:
    more: dict[str, Any] = {}
    if isinstance(error, Stale):
        more = {
            "rev": error.current.get("rev"),
            "current": error.current,
            "difference": getattr(error, "difference", {}),
        }
    status = error.http_status if error.http_status < 500 else 503  # ours to mend, not the caller's
    answer = told(status, error.title, str(error) or (error.__doc__ or ""), **more)
    if isinstance(error, Unauthenticated):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="liandong"'
    return answer


def _from_http(error: HTTPException) -> Response:
    if error.response is not None and error.code is None:
        return make_response(error.response)
    status = error.code or 400
    answer = told(status, error.name, SAYS.get(status, error.name))
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "location"):
            answer.headers[name] = value
    return answer


def _unfit(error: HTTPError) -> Response:
    """A body or query that is not what the description asks for, field by field."""
    found = [(name, words) for fields in dict(error.detail).values() for name, words in fields.items()]
    sentence = ";".join(f"{name}: {'、'.join(words)}" for name, words in found)
    return told(error.status_code, Refusal.title, sentence or SAYS[400], errors=dict(found))


def _away(error: Exception) -> Response:
    said = str(getattr(error, "orig", error)).strip().splitlines()
    logger.error("the database does not answer: %s", said[0] if said else type(error).__name__)
    answer = _ours(TryLater("数据库暂时不能使用，请一分钟后再试；已办理的事项不会丢失"))
    answer.headers["Retry-After"] = "30"
    return answer


def _unstorable(error: DataError) -> Response:
    return _ours(Refusal("内容超出可保存的范围：请核对数字与文字"))


def _crossed(error: IntegrityError) -> Response:
    """Two people did the same at the same time: the other was first, nothing of this one happened."""
    return _ours(Stale("刚刚有人办理了同一件事；请重新查看后再办理"))


def _unforeseen(error: Exception) -> Response:
    return told(500, "Internal fault", "系统内部故障，已记录；请联系值班台")


def told(status: int, title: str, detail: str, **more: Any) -> Response:
    """The same words in the shape the caller reads."""
    if request.path.startswith(("/api/", "/hooks/")) or request.path in ("/readyz", "/healthz", "/metrics"):
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
        text = json.dumps(body, ensure_ascii=False, default=str)
        return Response(text, status, content_type="application/problem+json")
    page = render_template("pages/fault.html", status=status, sentence=wording.say(detail), lang=wording.language())
    return make_response(page, status)
