"""What fault tests stand on: roles as real processes, a carrier's ledger as the judge, leases that can be hurried."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError

from contacts.models import Contact, Enterprise
from coordinator import db, verify, worker
from coordinator.lines import Dispatcher
from coordinator.models import Notice, State
from tests.coordinator.conftest import CITIES, people

OPEN = (State.PLANNED, State.PENDING, State.SENDING, State.UNCERTAIN)
PROGRAM = [sys.executable, "-m", "coordinator.cli"]


class Role:
    """One of our commands as a process of its own, in a session of its own."""

    def __init__(self, command: list[str], log: Path, *, prepare: Callable[[], None] | None = None) -> None:
        self.log = log
        with log.open("ab") as into:
            self.child = subprocess.Popen(command, stdout=into, stderr=into, start_new_session=True, preexec_fn=prepare)

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        return self.child.poll() is None

    def signal(self, sign: int) -> None:
        self.child.send_signal(sign)

    def kill(self) -> None:
        """As kill -9, and collected, so that nothing of it is left."""
        self.child.kill()
        self.child.wait()

    def end(self) -> int:
        """As an administrator would; the exit code."""
        with suppress(ProcessLookupError):
            os.kill(self.child.pid, signal.SIGCONT)
        self.child.terminate()
        try:
            return self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def role(
    store: Path, *words: str, lease_s: float | None = None, prepare: Callable[[], None] | None = None
) -> Iterator[Role]:
    short = [sys.executable, "-m", "tests.faults.short_lease", str(lease_s)]
    started = Role([*(short if lease_s else PROGRAM), *words], store / f"{words[0]}.log", prepare=prepare)
    try:
        yield started
    finally:
        if started.alive:
            started.end()


@contextmanager
def worker_inside() -> Iterator[None]:
    """A worker's lines and sweeps as threads of the test: for faults that are the carrier's, not the process's."""
    dispatcher, stopping = Dispatcher(), threading.Event()
    threads = [threading.Thread(target=dispatcher.run), threading.Thread(target=worker.sweep, args=(stopping,))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        dispatcher.stopping.set()
        stopping.set()
        for thread in threads:
            thread.join(30)


def crowd(count: int, *, mails: bool = False) -> None:
    """So many plants with one phone (or one mailbox) each, and the people who sign."""
    with db.transaction() as session:
        people(session)
        for n in range(count):
            code = f"91{CITIES[n % 2]}MA{n:08d}"
            session.add(
                Enterprise(credit_code=code, name=f"示例第{n:03d}水泥厂", city=CITIES[n % 2], industry="水泥",
                           grade="BCD"[n % 3], in_drill=False)
            )  # fmt: skip
            session.add(
                Contact(enterprise_code=code, name=f"联系人{n}", order=1, phone=None if mails else f"+86138{n:08d}",
                        email=f"p{n}@example.com" if mails else None)
            )  # fmt: skip


def weather(carriers: Any, **knobs: float | bool | str) -> None:
    """Turn the carriers' knobs; callbacks stay off."""
    body = json.dumps({"reset": True, "callbacks": 0, **knobs}).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{carriers.simulator.port}/faults", body, method="POST")
    asked.add_header("Content-Type", "application/json")
    urllib.request.urlopen(asked, timeout=5).close()


def taken(store: Path) -> Counter[str]:
    """How often the carriers took something for each address."""
    path = store / "carriers" / "ledger.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(row["to"] for row in map(json.loads, lines) if row["channel"] in ("sms", "email"))


def states() -> dict[str, int]:
    with db.reading() as session:
        return {
            str(state): n for state, n in session.execute(select(Notice.state, func.count()).group_by(Notice.state))
        }


def hurry(*which: State, seconds: float = 60) -> None:
    """Let time pass for the leases, look-ups and pauses of notices in these states."""
    with suppress(SQLAlchemyError), db.transaction() as session:
        session.execute(
            update(Notice)
            .where(Notice.state.in_(which))
            .values(lease_s=Notice.lease_s - seconds, try_s=Notice.try_s - seconds)
        )


def until(met: Callable[[], object], seconds: float = 60, *, also: Callable[[], None] = lambda: None) -> None:
    """Wait for it; a test that waits in vain says for what.

    A minute, because a process paused within a transaction keeps its rows until PostgreSQL ends it after 30 s.
    """
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"waited {seconds} s in vain; notices: {states()}"
        also()
        time.sleep(0.1)


def settled(*hurried: State, seconds: float = 60) -> None:
    """Every notice has come to rest, with time passing quickly for these states."""
    until(lambda: not states().keys() & {state.value for state in OPEN}, seconds, also=lambda: hurry(*hurried))


def nothing_lost_or_repeated(store: Path, count: int) -> None:
    """The judgement: one row of the ledger for each address, and the books close."""
    found = taken(store)
    assert len(found) == count, f"lost: {count - len(found)}"
    assert set(found.values()) == {1}, {to: n for to, n in found.items() if n > 1}
    books_close()


def books_close() -> None:
    checked = verify.run()
    assert checked["ok"], [check for check in checked["checks"] if not check["ok"]]


def command(
    *words: str, environ: Mapping[str, str] | None = None, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """One of our commands, run to its end."""
    return subprocess.run(
        [*PROGRAM, *words], capture_output=True, text=True, timeout=seconds, env={**os.environ, **(environ or {})}
    )
