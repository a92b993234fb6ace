"""How fast does what surrounds the sending go: writing notices, chasing the silent, taking readings, answers and receipts?"""

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import aiohttp
from sqlalchemy import func, select, update
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from benchmarks import stand
from contacts.models import Token
from coordinator import chasing, clock, db, rulebook, tokens
from coordinator.models import Notice, NoticeKind, Receiver
from rules.levels import Level
from tests import services

AT_ONCE = 16
READ_AT_ONCE = 2000


class Figure(NamedTuple):
    """One line: how many, in how many seconds."""

    name: str
    count: int
    seconds: float
    more: str = ""

    def __str__(self) -> str:
        rate = self.count / self.seconds
        return (
            f"{self.name}: {self.count} in {self.seconds:.2f} s ({rate:.0f}/s){'; ' + self.more if self.more else ''}"
        )


def materialised(count: int) -> Figure:
    """From the signature to the last row, with nobody sending: one order, one phone a plant."""
    with stand.stand():
        stand.register(count, phones=True, mails=False)
        alert = stand.approve(level=Level.YELLOW)
        begun = time.monotonic()
        stand.materialise(alert)
        return Figure("notices written, PostgreSQL", count, time.monotonic() - begun)


def chased(count: int) -> Figure:
    """Receivers whose time has come all at once, until each has its reminder written."""
    with stand.stand():
        stand.register(count, phones=True, mails=False)
        stand.materialise(stand.approve())
        with db.transaction() as session:
            session.execute(update(Receiver).values(chase_at=clock.now() - timedelta(seconds=1)))
        begun = time.monotonic()
        chasing.chase_due()
        took = time.monotonic() - begun
        with db.reading() as session:
            reminders = select(func.count()).where(Notice.kind == NoticeKind.REMINDER, Notice.lane != 0)
            assert session.scalar(reminders) == count
        return Figure("escalations due at once, PostgreSQL", count, took)


@contextmanager
def served() -> Iterator[str]:
    """The web role on a port of its own; its address."""
    port = services.free_port()
    os.environ["PUBLIC_BASE_URL"] = address = f"http://127.0.0.1:{port}"
    with stand.role("web", "--port", str(port)):
        stand.services_await(port)
        yield address


def answered(count: int) -> Figure:
    """Acknowledgements with the code, over HTTP, from as many receivers."""
    with stand.stand():
        stand.register(count, phones=True, mails=False)
        with served() as address:
            alert_id, rev = stand.approve()
            stand.materialise((alert_id, rev))
            with db.reading() as session:
                keys = session.execute(select(Receiver.key, Receiver.code).where(Receiver.alert_id == alert_id)).all()
            posts = [(f"{address}/a/{tokens.link(f'alert:{alert_id}', key)}", {"code": code}, {}) for key, code in keys]
            took, slow = asyncio.run(_posted(posts))
            with db.reading() as session:
                done = session.scalar(select(func.count()).where(Receiver.acknowledged_rev > 0)) or 0
        assert done == count, f"{done} of {count} acknowledged"
        return Figure("acknowledgements, HTTP, PostgreSQL", count, took, f"p95 {slow * 1000:.0f} ms")


def received(count: int) -> Figure:
    """Signed status callbacks over HTTP while a worker sends as many mails: their 95th percentile."""
    with stand.stand() as ground:
        stand.register(count, phones=True, mails=True)
        with served() as address:
            alert = stand.approve()
            stand.materialise(alert)
            with stand.role("worker"):
                while ground.taken() < count // 4:
                    time.sleep(0.05)
                with db.reading() as session:
                    ids = session.scalars(select(Notice.id).where(Notice.channel == "sms").limit(count)).all()
                took, slow = asyncio.run(_posted([_callback(address, notice_id) for notice_id in ids], at_once=4))
        return Figure("receipts, HTTP, while sending", len(ids), took, f"p95 {slow * 1000:.0f} ms")


def _callback(address: str, notice_id: int) -> tuple[str, dict[str, str], dict[str, str]]:
    attempt = f"{notice_id}.1"
    url = f"{address}/hooks/twilio/status?attempt={attempt}&k={tokens.callback_key(attempt)}"
    form = {
        "AccountSid": os.environ["TWILIO_ACCOUNT_SID"],
        "MessageSid": f"SM{notice_id:032d}",
        "MessageStatus": "sent",
    }
    signature = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"]).compute_signature(url, form)
    return url, form, {"X-Twilio-Signature": signature}


def read(rows: int) -> Figure:
    """Hourly readings of so many cities handed in over the interface by one caller, until they are stored."""
    cities = [place.code for place in rulebook.cities()]
    with stand.stand():
        stand.register(1, phones=True, mails=False)
        secret = secrets.token_urlsafe(32)
        with db.transaction() as session:
            hashed = hashlib.sha256(secret.encode()).hexdigest()
            session.add(Token(officer_id="d1", hash=hashed, created_at=clock.now()))
        hour = clock.now().replace(minute=0, second=0, microsecond=0)
        table = [
            {"time": (hour - timedelta(hours=n)).isoformat(), "city": city, "PM2.5": 35 + n % 90, "PM10": 80 + n % 90,
             "SO2": 9, "NO2": 40, "O3": 60, "CO": 0.8}
            for n in range(1, rows // len(cities) + 1) for city in cities
        ]  # fmt: skip
        with served() as address:
            took = asyncio.run(_handed_in(f"{address}/api/v1/readings", secret, table))
        return Figure("readings, HTTP, PostgreSQL", len(table), took)


async def _handed_in(url: str, secret: str, table: list[dict[str, Any]]) -> float:
    begun = time.monotonic()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {secret}"}) as session:
        for first in range(0, len(table), READ_AT_ONCE):
            body = {"source": "bench", "replay": True, "rows": table[first : first + READ_AT_ONCE]}
            async with session.post(url, json=body) as answer:
                told = await answer.json()
                assert answer.status == 202 and not told["rejected"], str(told)[:500]
    return time.monotonic() - begun


async def _posted(
    posts: list[tuple[str, dict[str, str], dict[str, str]]], *, at_once: int = AT_ONCE
) -> tuple[float, float]:
    """All of them, some side by side: seconds in all, and the 95th percentile of one."""
    each: list[float] = []
    gate = asyncio.Semaphore(at_once)

    async def one(session: aiohttp.ClientSession, url: str, form: dict[str, str], headers: dict[str, str]) -> None:
        async with gate:
            begun = time.monotonic()
            async with session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
                assert answer.status < 400, (answer.status, (await answer.text())[:300])
            each.append(time.monotonic() - begun)

    begun = time.monotonic()
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one(session, *post) for post in posts))
    return time.monotonic() - begun, sorted(each)[int(len(each) * 0.95)]
