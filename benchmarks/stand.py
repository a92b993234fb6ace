"""What every benchmark stands on: an installation of its own, carriers with a ledger, roles as processes."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from contacts.models import Contact, Enterprise, Officer
from coordinator import clock, db, issuing, response, schema
from coordinator.models import Mode
from coordinator.response import Proposal
from coordinator.simulator.subscribers import settings
from rules.levels import Level
from tests import services

CITY = "110000"


@dataclass
class Stand:
    """One installation under test."""

    home: Path
    carriers: tuple[int, int]
    read: int = 0
    rows: int = 0

    def ledger(self) -> list[dict[str, Any]]:
        path = self.home / "carriers" / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def taken(self) -> int:
        """How many the carriers have written down; reads only what is new, so that the measure costs nothing itself."""
        path = self.home / "carriers" / "ledger.jsonl"
        if path.exists():
            with path.open("rb") as ledger:
                ledger.seek(self.read)
                fresh = ledger.read()
            self.read += len(fresh)
            self.rows += fresh.count(b"\n")
        return self.rows


@contextmanager
def stand(*, postgresql: bool = True, latency_ms: int = 0) -> Iterator[Stand]:
    """A fresh store, and local carriers that keep a ledger."""
    home = Path(tempfile.mkdtemp(prefix="liandong-bench-"))
    ports = services.free_port(), services.free_port()
    os.environ.update(
        {"LIANDONG_HOME": str(home), "REDIS_URL": os.environ.get("BENCH_REDIS_URL", ""), **settings(*ports)}
    )
    if not os.environ["REDIS_URL"]:
        del os.environ["REDIS_URL"]
    os.environ.pop("DATABASE_URL", None)
    words = ["simulator", "--port", str(ports[0]), "--smtp-port", str(ports[1]), "--home", str(home / "carriers")]
    words += ["--latency-ms", str(latency_ms), "--fault", "callbacks=0"]
    with services.postgresql() as server:
        if postgresql:
            os.environ["DATABASE_URL"] = services.new_database(server)
        try:
            schema.upgrade()
            with role(*words):
                services_await(ports[0])
                yield Stand(home, ports)
        finally:
            db.engine().dispose()  # the server waits for the last connection before it ends
            shutil.rmtree(home, ignore_errors=True)


def services_await(port: int) -> None:
    import socket

    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")


@contextmanager
def role(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of our own commands as a process."""
    child = subprocess.Popen([sys.executable, "-m", "coordinator.cli", *words])
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)


def register(count: int, *, phones: bool, mails: bool) -> None:
    """So many plants with one contact each, and people who may sign."""
    with db.transaction() as session:
        for name, kind in (("d1", "duty"), ("s1", "signer"), ("l1", "leader")):
            session.add(Officer(id=name, name=name, role=kind, cities=[CITY], active=True))
    for first in range(0, count, 5000):
        rows = range(first, min(first + 5000, count))
        with db.connection() as connection:
            connection.execute(
                Enterprise.__table__.insert(),
                [{"credit_code": f"91110000MA{n:08d}", "name": f"示例第{n}水泥厂", "city": CITY, "industry": "水泥",
                  "grade": "BCD"[n % 3], "in_drill": False, "revision": 1} for n in rows],
            )  # fmt: skip
            connection.execute(
                Contact.__table__.insert(),
                [{"enterprise_code": f"91110000MA{n:08d}", "name": f"联系人{n}", "order": 1,
                  "phone": f"+86138{n:08d}" if phones else None, "email": f"p{n}@example.com" if mails else None}
                 for n in rows],
            )  # fmt: skip


def approve(*, level: Level = Level.ORANGE) -> tuple[int, int]:
    """Propose, submit, sign: everything up to the moment of the last signature. (alert, rev) to materialise."""
    with db.transaction() as session:
        alert = response.propose(
            session,
            Proposal(mode=Mode.ACTUAL, kind="air", level=level, cities=(CITY,),
                     effective_from=clock.now() + timedelta(hours=24), effective_to=None, reason="基准测试"),
            proposer="d1",
        )  # fmt: skip
        response.submit(session, alert, session.get_one(Officer, "d1"))
        for name in ("s1", "l1"):
            done = response.approve(session, alert, session.get_one(Officer, name))
            if done:
                break
        return alert.id, alert.in_force_rev


def materialise(alert: tuple[int, int]) -> None:
    issuing.materialise(*alert)
