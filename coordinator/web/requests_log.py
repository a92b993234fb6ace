"""Which requests changed something or were refused, and how long they took: one line each, nobody named."""

import structlog
from flask import Flask, Response, g, request

from coordinator import clock

logger = structlog.get_logger("coordinator.web")


def register(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_tell)


def _begin() -> None:
    g.begun = clock.monotonic()


def _tell(answer: Response) -> Response:
    """Reading is not worth a line, nor is a receipt; acting and being refused are. The query may hold keys, so it is left out."""
    looked = request.method in ("GET", "HEAD", "OPTIONS") or request.path.startswith("/hooks/")
    if not looked or answer.status_code >= 400:
        officer = g.get("officer")
        logger.info(
            "request",
            method=request.method,
            path=request.path[:200],
            status=answer.status_code,
            officer=officer.id if officer is not None else "",
            ms=round((clock.monotonic() - g.get("begun", clock.monotonic())) * 1000, 1),
        )
    return answer
