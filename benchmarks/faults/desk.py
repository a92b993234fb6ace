"""People, scanners and forgers at the web's door: G9, G12, G13."""

import hashlib
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select
from twilio.request_validator import RequestValidator

from benchmarks import stand
from benchmarks.faults.rows import Row, Wish
from benchmarks.faults.site import Site, site
from contacts.models import Officer, Token
from coordinator import clock, db, response, tokens
from coordinator.models import Alert, Answer, CarrierEvent, Issue, Mode, Notice, Receiver
from coordinator.response import Proposal
from coordinator.simulator.subscribers import settings
from rules.levels import Level

AT_ONCE = 50
ROUNDS = 8
SIGNERS = 25


def asked(url: str, data: bytes | None = None, method: str | None = None, **headers: str) -> int:
    """The status; 0 when nobody answers or the answer is cut."""
    call = urllib.request.Request(
        url, data, {name.replace("_", "-"): value for name, value in headers.items()}, method=method
    )
    try:
        with urllib.request.urlopen(call, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def g9(wish: Wish) -> Iterator[Row]:
    """Fifty approvals at once, round after round, the web killed in the midst of some."""
    draw, statuses = random.Random(wish.seed), Counter[int]()
    with site() as ground:
        stand.register(20, phones=True, mails=False)
        bearers = _signers()
        ground.desk()
        ground.workers(1)
        base = f"http://127.0.0.1:{ground.web_port}"
        ground.until(lambda: asked(f"{base}/healthz") == 200)
        begun, killed = time.monotonic(), 0
        for turn in range(ROUNDS):
            alert_id = _waiting()
            with ThreadPoolExecutor(AT_ONCE) as crowd:
                calls = [crowd.submit(_approve, base, alert_id, bearer, draw.random() * 0.05) for bearer in bearers * 2]
                if turn % 2:
                    time.sleep(draw.uniform(0.05, 0.3))
                    ground.hurt("web")
                    killed += 1
                statuses.update(call.result() for call in calls)
            ground.until(lambda: asked(f"{base}/healthz") == 200)
            _signed_through(base, alert_id, bearers)
        wall = time.monotonic() - begun
        ground.until(ground.settled)
        ground.verify(now=1)
        with db.reading() as session:
            issues = session.execute(select(Issue.alert_id, func.count()).group_by(Issue.alert_id)).all()
    found = ground.violations + [f"alert {alert} issued {n} times" for alert, n in issues if n != 1]
    found += [f"{len(issues)} of {ROUNDS} issued"] * (len(issues) != ROUNDS)
    found += [f"{statuses[500]} answered 500"] * bool(statuses[500])
    told = ", ".join(f"{status or 'cut'}: {n}" for status, n in sorted(statuses.items()))
    yield Row("G9 double issue", wish.seed, ROUNDS * AT_ONCE, killed, wall, f"{len(issues)} alerts, one issue each ({told})",
              "one issue each", "one issue each", violations=found)  # fmt: skip


def _signers() -> list[dict[str, str]]:
    with db.transaction() as session:
        for n in range(SIGNERS):
            name = f"t{n}"
            session.add(Officer(id=name, name=name, role="signer", cities=[stand.CITY], active=True))
            session.flush()
            digest = hashlib.sha256(f"token-of-{name}".encode()).hexdigest()
            session.add(Token(officer_id=name, hash=digest, created_at=clock.now(), last_used_at=clock.now()))
    return [{"Authorization": f"Bearer token-of-t{n}", "Content_Type": "application/json"} for n in range(SIGNERS)]


def _waiting() -> int:
    with db.transaction() as session:
        alert = response.propose(
            session,
            Proposal(mode=Mode.ACTUAL, kind="air", level=Level.ORANGE, cities=(stand.CITY,),
                     effective_from=clock.now() + timedelta(hours=24), effective_to=None, reason="预计重污染"),
            proposer="d1",
        )  # fmt: skip
        response.submit(session, alert, session.get_one(Officer, "d1"))
        return alert.id


def _approval(base: str, alert_id: int) -> tuple[str, bytes]:
    return f"{base}/api/v1/alerts/{alert_id}/approve", b'{"rev": 1}'


def _approve(base: str, alert_id: int, bearer: dict[str, str], after_s: float) -> int:
    time.sleep(after_s)
    return asked(*_approval(base, alert_id), **bearer)  # type: ignore[arg-type]


def _signed_through(base: str, alert_id: int, bearers: list[dict[str, str]]) -> None:
    """When the killed web took too many signatures with it, people sign again."""
    for bearer in bearers:
        if not _issued(alert_id):
            _approve(base, alert_id, bearer, 0)


def _issued(alert_id: int) -> bool:
    with db.reading() as session:
        return session.get_one(Alert, alert_id).in_force_rev > 0


def g12(wish: Wish) -> Iterator[Row]:
    """Scanners open, reopen and post every link; then people type the code, twice."""
    links = min(300, wish.count // 10)
    with site() as ground:
        stand.register(links, phones=True, mails=False)
        alert_id, rev = stand.approve()
        stand.materialise((alert_id, rev))
        ground.desk()
        base = f"http://127.0.0.1:{ground.web_port}"
        ground.until(lambda: asked(f"{base}/healthz") == 200)
        begun = time.monotonic()
        with db.reading() as session:
            rows = session.execute(select(Receiver.key, Receiver.code).where(Receiver.alert_id == alert_id)).all()
        pages = [(f"{base}/a/{tokens.link(f'alert:{alert_id}', key)}", code) for key, code in rows]
        with ThreadPoolExecutor(8) as crowd:
            list(crowd.map(lambda page: _scanned(page[0]), pages))
            false = _answers()
            for _ in range(2):
                said = Counter(crowd.map(lambda page: asked(page[0], f"code={page[1]}".encode()), pages))
        right = _answers()
        with db.reading() as session:
            people = session.scalar(select(func.count()).where(Receiver.acknowledged_at.is_not(None)))
        ground.verify(now=1)
    found = ground.violations + [f"{false} false acknowledgements"] * bool(false)
    found += [f"{people} of {links} acknowledged, answers {said}"] * (people != links)
    yield Row("G12 prefetch", wish.seed, links, 0, time.monotonic() - begun,
              f"{links * 5} visits of scanners: {false} false; the right code twice: {people} acknowledged, {right} rows", "0 false",
              "0 false, each once", violations=found)  # fmt: skip


def _scanned(page: str) -> None:
    for data, method in ((None, "HEAD"), (None, "GET"), (None, "GET"), (b"", "POST"), (b"code=", "POST")):
        asked(page, data, method)


def _answers() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Answer)) or 0


def g13(wish: Wish) -> Iterator[Row]:
    """Forged callbacks, and true ones thrice, shuffled, before the notice is even sent."""
    draw, many = random.Random(wish.seed), min(400, wish.count // 10)
    with site() as ground:
        stand.register(many, phones=True, mails=False)
        stand.materialise(stand.approve())
        ground.desk()
        base = f"http://127.0.0.1:{ground.web_port}"
        ground.until(lambda: asked(f"{base}/healthz") == 200)
        begun = time.monotonic()
        with ThreadPoolExecutor(8) as crowd:
            with db.reading() as session:
                ids = list(session.scalars(select(Notice.id).where(Notice.channel == "sms")))
            forged = Counter(crowd.map(lambda n: _forged(base, draw.choice(ids), random.Random(n)), range(many * 4)))
            kept = _events()
            ground.workers(1)
            early = _early(ground, base, ids[: many // 4], crowd)
            ground.until(ground.settled)
            calls = [(row, word) for row in _references() for word in ("sent", "delivered", "delivered")] * 3
            draw.shuffle(calls)
            took = list(crowd.map(lambda call: _true(base, *call), calls))
        ground.until(lambda: ground.states().keys() == {"delivered"}, 60)
        wall, events = time.monotonic() - begun, _events()
        ground.verify(now=1)
        states = ground.states()
    slow = sorted(took)[int(len(took) * 0.95)]
    found = ground.violations + [f"a forged callback was answered {status}" for status in forged if status < 400]
    found += [f"{kept} forged events kept"] * bool(kept) + [f"in the end {states}"] * (states.keys() != {"delivered"})
    found += [f"{events} events kept of {2 * many}"] * (events != 2 * many)
    yield Row("G13 webhooks", wish.seed, many, 0, wall,
              f"{many * 4} forged: {dict(forged)}; {len(calls)} true and {early} early ones: {events} effects; p95 {slow * 1000:.0f} ms",
              "0 accepted, 1 effect each, 0 lost", "p95 50 ms", slow > 0.05, found)  # fmt: skip


def _account() -> tuple[str, str]:
    known = settings(0, 0)
    return known["TWILIO_ACCOUNT_SID"], known["TWILIO_AUTH_TOKEN"]


def _hook(base: str, attempt: str) -> str:
    return f"{base}/hooks/twilio/status?" + urllib.parse.urlencode(
        {"attempt": attempt, "k": tokens.callback_key(attempt)}
    )


def _signed(url: str, form: dict[str, str], token: str) -> str:
    return str(RequestValidator(token).compute_signature(url, form))


def _forged(base: str, notice_id: int, draw: random.Random) -> int:
    """One thing about it is not as it was signed."""
    sid, token = _account()
    url, form = (
        _hook(base, f"{notice_id}.1"),
        {"AccountSid": sid, "MessageSid": "SMforged", "MessageStatus": "delivered"},
    )
    signature = _signed(url, form, token)
    match draw.randrange(4):
        case 0:
            at = draw.randrange(len(signature) - 1)
            signature = signature[:at] + ("A" if signature[at] != "A" else "B") + signature[at + 1 :]
        case 1:
            url += "&x=1"
        case 2:
            form["MessageStatus"] = "failed"
        case _:
            signature = _signed(url, form, "somebody else's token")
    return asked(url, urllib.parse.urlencode(form).encode(), X_Twilio_Signature=signature)


def _true(base: str, row: tuple[int, str], word: str) -> float:
    sid, token = _account()
    notice_id, reference = row
    url, form = _hook(base, f"{notice_id}.1"), {"AccountSid": sid, "MessageSid": reference, "MessageStatus": word}
    begun = time.monotonic()
    asked(url, urllib.parse.urlencode(form).encode(), X_Twilio_Signature=_signed(url, form, token))
    return time.monotonic() - begun


def _early(ground: Site, base: str, ids: list[int], crowd: ThreadPoolExecutor) -> int:
    """As soon as the carrier has it, perhaps before our own books do."""
    ground.until(lambda: len(ground.ledger()) > len(ids))
    with db.reading() as session:
        by_marker = {marker: n for n, marker in session.execute(select(Notice.id, Notice.marker))}
    rows = [(by_marker[row["marker"]], row["sid"]) for row in ground.ledger() if row["marker"] in by_marker]
    list(crowd.map(lambda row: _true(base, row, "delivered"), rows))
    return len(rows)


def _references() -> list[tuple[int, str]]:
    with db.reading() as session:
        rows = session.execute(select(Notice.id, Notice.reference).where(Notice.channel == "sms"))
        return [(n, reference or "") for n, reference in rows]


def _events() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(CarrierEvent)) or 0
