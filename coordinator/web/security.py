"""What keeps a page from being misused: headers, sizes, and whose forwarded address is believed."""

import os
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import BadRequest
from werkzeug.middleware.proxy_fix import ProxyFix

from coordinator import config
from coordinator.errors import Misconfigured

SMALL = 64 * 1024
POLICY = (
    "default-src 'none'; style-src 'self'{hashes}; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
View = Callable[..., Any]


def register(app: Flask) -> None:
    app.config.update(
        MAX_CONTENT_LENGTH=SMALL,
        MAX_FORM_MEMORY_SIZE=SMALL,
        MAX_FORM_PARTS=200,
        LIANDONG_HTTPS=config.load().address.scheme == "https",
    )
    app.before_request(_measure)
    app.after_request(_seal)
    _trust_proxies(app)


def roomy(limit: int) -> Callable[[View], View]:
    """Mark a view that takes bodies larger than a form's."""

    def mark(view: View) -> View:
        view.room = limit  # type: ignore[attr-defined]
        return view

    return mark


def _measure() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if (room := getattr(view, "room", 0)) > SMALL:
        request.max_content_length = request.max_form_memory_size = room
    if "\x00" in request.path or "%00" in request.query_string.decode("latin-1"):
        raise BadRequest


def _seal(answer: Response) -> Response:
    headers = answer.headers
    headers.setdefault("Content-Security-Policy", POLICY.format(hashes=""))
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Frame-Options"] = "DENY"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    if current_app.config["LIANDONG_HTTPS"]:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return answer


def _trust_proxies(app: Flask) -> None:
    """Forwarded addresses are believed only when the operator says how many proxies stand before us."""
    text = os.environ.get("LIANDONG_PROXIES", "0")
    if not text.isascii() or not text.isdigit() or int(text) > 5:
        raise Misconfigured(f"LIANDONG_PROXIES={text}: 应为前置代理的层数 0–5,没有代理就不要设置")
    if hops := int(text):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
