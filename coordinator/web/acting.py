"""One request, one transaction, one effect: views that act, and what follows once it is committed."""

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from flask import Response, g, make_response, request
from sqlalchemy.orm import Session

from coordinator import clock, db, issuing, queues
from coordinator.errors import Refusal, Unprocessable
from coordinator.models import Alert, AlertState, OnceKey

logger = logging.getLogger(__name__)
LONGEST_KEY = 255
WAIT_S = 2.0
UNSAID = ("password", "csrf_token")  # a secret leaves no trace, not even as a digest
View = Callable[..., Any]


def look(view: View) -> View:
    """A view that only reads: ``view(session, …)``."""

    @wraps(view)
    def looked(*args: Any, **kwargs: Any) -> Any:
        with db.reading() as session:
            return make_response(view(session, *args, **kwargs))

    return looked


def act(view: View) -> View:
    """A view that acts: ``view(session, …)`` in one transaction, once for each Idempotency-Key."""

    @wraps(view)
    def acted(*args: Any, **kwargs: Any) -> Response:
        g.afterwards = []
        key = _key()
        with db.transaction() as session:
            answer = _recalled(session, key) if key else None
            if answer is None:
                answer = make_response(view(session, *args, **kwargs))
                if key:
                    _keep(session, key, answer)
        for follow in g.afterwards:
            follow()
        return answer

    acted.acts = True  # type: ignore[attr-defined]
    return acted


def act_apart(view: View) -> View:
    """A view whose act opens transactions of its own and may be repeated without harm; its answer is kept all the same."""

    @wraps(view)
    def acted(*args: Any, **kwargs: Any) -> Response:
        key = _key()
        with db.reading() as session:
            kept = session.get(OnceKey, key) if key else None
        if kept is not None:
            return _again(kept)
        answer = make_response(view(*args, **kwargs))
        if key:
            with db.transaction() as session:
                if (kept := _claim(session, key)) is not None:
                    return _again(kept)
                _keep(session, key, answer)
        return answer

    acted.acts = True  # type: ignore[attr-defined]
    return acted


def _key() -> str:
    """The caller's key, apart for each caller: two people who choose the same word don't meet."""
    given = request.headers.get("Idempotency-Key") or request.form.get("once", "")
    if not given:
        return ""
    if len(given) > LONGEST_KEY or not given.isascii() or not given.isprintable():
        raise Refusal(f"Idempotency-Key: 须为不超过 {LONGEST_KEY} 个可见的 ASCII 字符")
    return f"{_caller()}:{given}"


def _caller() -> str:
    officer = g.get("officer")
    return officer.id if officer is not None else hashlib.sha256(request.path.encode()).hexdigest()[:16]


def _asked() -> str:
    """What was asked, so that the same key for something else is noticed."""
    words = f"{request.method} {request.full_path}".encode() + b"\x00" + _body()
    return hashlib.sha256(words).hexdigest()


def _body() -> bytes:
    if request.form:
        said = [pair for pair in request.form.items(multi=True) if pair[0] not in UNSAID]
        return json.dumps(sorted(said)).encode()
    parsed = request.get_json(force=True, silent=True)
    return request.get_data() if parsed is None else json.dumps(parsed, sort_keys=True).encode()


def _recalled(session: Session, key: str) -> Response | None:
    kept = _claim(session, key)
    return None if kept is None else _again(kept)


def _claim(session: Session, key: str) -> OnceKey | None:
    """Claim the key, or give what has it. A rival with the same key waits here for the first to finish."""
    row = {"key": key, "asked": _asked(), "status": 0, "answer": "", "at": clock.now()}
    claim = db.insert_new(OnceKey.__table__).values(row).returning(OnceKey.key)  # type: ignore[arg-type]
    return None if session.execute(claim).first() is not None else session.get_one(OnceKey, key)


def _again(kept: OnceKey) -> Response:
    if kept.asked != _asked():
        raise Unprocessable("这个 Idempotency-Key 已用于另一个请求；请换一个")
    told = json.loads(kept.answer)
    return Response(told["body"], kept.status, {**told["headers"], "Idempotency-Replayed": "true"})


def _keep(session: Session, key: str, answer: Response) -> None:
    """A refusal is not kept: what was mended may be sent again with the same key."""
    kept = session.get_one(OnceKey, key)
    if answer.status_code >= 400:
        session.delete(kept)
        return
    headers = {name: answer.headers[name] for name in ("Content-Type", "Location") if name in answer.headers}
    kept.status = answer.status_code
    kept.answer = json.dumps({"body": answer.get_data(as_text=True), "headers": headers})


def afterwards(follow: Callable[[], object]) -> None:
    """Run this once the transaction is committed."""
    g.afterwards.append(follow)


def hint(reason: str) -> None:
    afterwards(partial(queues.hint, reason))


def materialise_later(alert: Alert) -> None:
    """The last signature was given: write the notices at once. Small ones are done before the answer goes out."""
    if alert.state == AlertState.ISSUING:
        afterwards(partial(_materialise, alert.id, alert.in_force_rev))


def _materialise(alert_id: int, rev: int) -> None:
    writer = threading.Thread(target=_write, args=(alert_id, rev), name=f"materialise-{alert_id}")
    writer.start()
    writer.join(WAIT_S)


def _write(alert_id: int, rev: int) -> None:
    try:
        issuing.materialise(alert_id, rev)
    except Exception:  # the edge of a thread: a worker takes it up again from the rows
        logger.exception("alert %s rev %s: its notices are not all written yet", alert_id, rev)
