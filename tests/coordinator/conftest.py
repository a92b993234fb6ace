"""A store, the people and plants of a small region, and a carrier on loopback."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contacts.models import Contact, Enterprise, Officer
from coordinator import clock, db, issuing, response, schema, wordings
from coordinator.models import Alert, Mode, Notice
from coordinator.response import Proposal
from coordinator.simulator import server
from coordinator.simulator.subscribers import settings
from rules.levels import Level
from tests import services

CITIES = ("110000", "130100")
OFFICERS = {
    "d1": "duty", "d2": "duty", "s1": "signer", "s2": "signer", "s3": "signer", "l1": "leader", "c1": "clerk",
    "x1": "director", "a1": "auditor",
}  # fmt: skip


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    with services.postgresql() as address:
        yield address


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy, so that each test does not migrate its own."""
    folder = tmp_path_factory.mktemp("empty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANDONG_HOME", str(folder))
        patch.delenv("DATABASE_URL", raising=False)
        schema.upgrade()
        db.engine().dispose()  # the last connection writes the log back into the file
    return folder / "liandong.db"


@pytest.fixture
def store(tmp_path: Path, empty_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty installation on SQLite."""
    shutil.copy(empty_sqlite, tmp_path / "liandong.db")
    for name in ("DATABASE_URL", "REDIS_URL", "LIANDONG_CLOCK_FILE", "PUBLIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")  # hints are lost; nothing may depend on them
    monkeypatch.setenv("LIANDONG_HOME", str(tmp_path))
    yield tmp_path
    db.engine().dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store(request: pytest.FixtureRequest, store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same test on both databases."""
    if request.param == "postgresql":
        monkeypatch.setenv("DATABASE_URL", services.new_database(request.getfixturevalue("postgresql_server")))
        schema.upgrade()
        request.addfinalizer(db.engine().dispose)
    return str(request.param)


def people(session: Any) -> None:
    for number, (officer, role) in enumerate(OFFICERS.items()):
        session.add(
            Officer(id=officer, name=f"示例{officer}", role=role, cities=[*CITIES, "130000"], active=True,
                    phone=f"+86139000010{number:02d}", email=f"{officer}@example.cn")
        )  # fmt: skip


def plants(session: Any, count: int, *, cities: tuple[str, ...] = CITIES) -> None:
    for n in range(count):
        code = f"91{cities[n % len(cities)]}MA{n:08d}"
        session.add(
            Enterprise(credit_code=code, name=f"示例第{n:03d}水泥厂", city=cities[n % len(cities)], industry="水泥",
                       grade="BCD"[n % 3], in_drill=n % 5 == 0)
        )  # fmt: skip
        for order in (1, 2):
            session.add(
                Contact(enterprise_code=code, name=f"联系人{n}-{order}", order=order,
                        phone=f"+861380{n:05d}{order:02d}", email=f"p{n}-{order}@example.com")
            )  # fmt: skip


@pytest.fixture
def region(store: Path) -> SimpleNamespace:
    """Nine officers, twelve plants."""
    return _region()


@pytest.fixture
def any_region(any_store: str) -> SimpleNamespace:
    return _region()


def _region() -> SimpleNamespace:
    with db.transaction() as session:
        people(session)
        plants(session, 12)
    return SimpleNamespace(cities=CITIES, plants=12)


def officer(session: Any, name: str) -> Officer:
    return session.get_one(Officer, name)


def proposed(level: Level = Level.ORANGE, *, mode: Mode = Mode.ACTUAL, hours: int = 24) -> int:
    """An alert put before the signers by d1."""
    with db.transaction() as session:
        begins = clock.now() + timedelta(hours=hours)
        alert = response.propose(
            session,
            Proposal(mode=mode, kind="air", level=level, cities=CITIES, effective_from=begins, effective_to=None,
                     reason="预计AQI日均值大于200将持续48小时"),
            proposer="d1",
        )  # fmt: skip
        response.submit(session, alert, officer(session, "d1"))
        return alert.id


def sign(alert_id: int, *names: str) -> None:
    """These people sign; what the last signature carries out is materialised."""
    for name in names:
        with db.transaction() as session:
            alert = response.load(session, alert_id)
            done = response.approve(session, alert, officer(session, name))
            rev = alert.in_force_rev
        if done and state_of(alert_id) == "issuing":
            issuing.materialise(alert_id, rev)


def state_of(alert_id: int) -> str:
    with db.reading() as session:
        return session.get_one(Alert, alert_id).state


def issued(level: Level = Level.ORANGE, *, mode: Mode = Mode.ACTUAL) -> int:
    alert_id = proposed(level, mode=mode)
    sign(alert_id, *(("s1", "l1") if level >= Level.ORANGE else ("s1",)))
    return alert_id


@pytest.fixture
def carriers(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The local carriers with their ledger; the environment points at them."""
    ready, done = threading.Event(), asyncio.Event()
    kept = SimpleNamespace()

    async def serve() -> None:
        kept.loop = asyncio.get_running_loop()
        kept.simulator = server.Simulator(
            home=store / "carriers", port=0, smtp_port=0, web="http://127.0.0.1:9", faults={"callbacks": False}
        )
        await kept.simulator.start()
        ready.set()
        await done.wait()
        await kept.simulator.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    for name, value in settings(kept.simulator.port, kept.simulator.smtp_port).items():
        monkeypatch.setenv(name, value)
    yield kept
    kept.loop.call_soon_threadsafe(done.set)
    thread.join(10)


def said(notice: Notice) -> str:
    """The words of a notice as its receiver reads them."""
    with db.reading() as session:
        return wordings.said(session, notice).text
