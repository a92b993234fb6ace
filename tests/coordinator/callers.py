"""Officers with bearer tokens, and the application under a real server."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from contacts.models import Officer, Token
from coordinator import clock, db, tokens
from coordinator.models import Receiver
from tests.coordinator.conftest import CITIES


def bearers() -> dict[str, dict[str, str]]:
    """A token for each officer, as the header that carries it."""
    with db.transaction() as session:
        names = list(session.scalars(select(Officer.id)))
        for name in names:
            digest = hashlib.sha256(f"token-of-{name}".encode()).hexdigest()
            session.add(Token(officer_id=name, hash=digest, created_at=clock.now(), last_used_at=clock.now()))
    return {name: {"Authorization": f"Bearer token-of-{name}"} for name in names}


class Desk:
    """People calling the interface by name: ``desk("d1", "post", "/alerts", {...})``."""

    def __init__(self, client: FlaskClient) -> None:
        self.client, self.bearers = client, bearers()

    def __call__(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(
            f"/api/v1{path}", method=method, json=body, headers={**self.bearers.get(who, {}), **named}
        )


def wanted(**other: Any) -> dict[str, Any]:
    """What a proposal says."""
    begins = clock.now() + timedelta(hours=24)
    return {
        "mode": "actual", "kind": "air", "level": "orange", "cities": list(CITIES),
        "effective_from": begins.isoformat(), "reason": "预计AQI日均值大于200将持续48小时",
    } | other  # fmt: skip


def link_and_code(alert_id: int, which: int = 0) -> tuple[str, str]:
    """The page of one plant of the alert, and the code in its SMS."""
    with db.reading() as session:
        keys = session.scalars(select(Receiver.key).where(Receiver.alert_id == alert_id).order_by(Receiver.id)).all()
    subject = f"alert:{alert_id}"
    return f"/a/{tokens.link(subject, keys[which])}", tokens.code(subject, keys[which])


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application on a loopback port, a thread a request."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
