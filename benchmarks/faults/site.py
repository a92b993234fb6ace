"""An installation that can be hurt: PostgreSQL, hint server, carriers and roles as processes, all of them ours to kill."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from benchmarks import stand
from coordinator import db, queues, schema, verify
from coordinator.models import Notice, State
from coordinator.simulator.subscribers import settings
from tests import services
from tests.faults import postgres

OPEN = (State.PLANNED, State.PENDING, State.SENDING, State.UNCERTAIN)
PROGRAM = [sys.executable, "-m", "coordinator.cli"]
VERIFIED_EVERY_S = 10.0
ENOUGH_S = 600.0


class Site:
    """Roles by name; whoever is killed is started again, as a supervisor would."""

    def __init__(self, home: Path, server: postgres.Server, web_port: int, carriers: tuple[int, int]) -> None:
        self.home, self.server, self.web_port, self.carriers = home, server, web_port, carriers
        self.roles: dict[str, subprocess.Popen[bytes]] = {}
        self.words: dict[str, list[str]] = {}
        self.kills: Counter[str] = Counter()
        self.violations: list[str] = []
        self.verified, self.verified_at = 0, time.monotonic()
        self._read, self._rows = 0, list[dict[str, Any]]()

    # Roles

    def start(self, name: str, *words: str) -> None:
        """``words`` are the command's; a role that is started again needs none."""
        self.words.setdefault(name, list(words))
        with (self.home / f"{name}.log").open("ab") as log:
            self.roles[name] = subprocess.Popen(self.words[name], stdout=log, stderr=log, start_new_session=True)

    def workers(self, count: int, *, lease_s: float | None = None) -> None:
        short = [sys.executable, "-m", "tests.faults.short_lease", str(lease_s)]
        for n in range(count):
            self.start(f"worker{n}", *(short if lease_s else PROGRAM), "worker")

    def desk(self) -> None:
        """The web role and the clock."""
        self.start("web", *PROGRAM, "web")
        self.start("clock", *PROGRAM, "clock")

    def kill(self, name: str) -> None:
        """As kill -9, with all it had started."""
        self.kills[name.rstrip("0123456789")] += 1
        role = self.roles[name]
        with suppress(ProcessLookupError):
            os.killpg(role.pid, signal.SIGKILL)
        role.wait()

    def hurt(self, name: str) -> None:
        self.kill(name)
        self.start(name)

    def hurt_redis(self, *, flush: bool) -> None:
        with suppress(redis.RedisError, OSError, KeyError):
            if flush:
                queues.connection().flushall()
            else:
                os.kill(int(queues.connection().info("server")["process_id"]), signal.SIGKILL)
            self.kills["redis flushed" if flush else "redis"] += 1

    def hurt_postgresql(self, away_s: float = 1.0) -> None:
        self.kills["postgresql"] += 1
        self.server.kill()
        time.sleep(away_s)
        self.server.start()

    def everything(self) -> float:
        """All at once; when it stands again."""
        for name in self.roles:
            self.kill(name)
        self.hurt_redis(flush=False)
        self.kills["postgresql"] += 1
        self.server.kill()
        self.server.start()
        for name in self.roles:
            self.start(name)
        return time.time()

    def watch(self) -> None:
        """Who ended by itself (a store was away when it began) is started again, as by any supervisor."""
        for name, role in self.roles.items():
            if role.poll() is not None:
                self.start(name)

    def stop(self) -> None:
        for role in self.roles.values():
            role.send_signal(signal.SIGCONT)
            role.terminate()
        for role in self.roles.values():
            with suppress(subprocess.TimeoutExpired):
                role.wait(30)
            if role.poll() is None:
                role.kill()
                role.wait()

    # Carriers

    def weather(self, **knobs: float | bool | str) -> None:
        body = json.dumps({"reset": True, "callbacks": 0, **knobs}).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.carriers[0]}/faults", body, method="POST")
        asked.add_header("Content-Type", "application/json")
        urllib.request.urlopen(asked, timeout=5).close()

    def ledger(self) -> list[dict[str, Any]]:
        """Every row so far; only what is new is read."""
        path = self.home / "carriers" / "ledger.jsonl"
        if path.exists():
            with path.open("rb") as lines:
                lines.seek(self._read)
                fresh = lines.read()
            fresh = fresh[: fresh.rfind(b"\n") + 1]
            self._read += len(fresh)
            self._rows += map(json.loads, fresh.splitlines())
        return self._rows

    def taken(self, channel: str = "sms") -> Counter[str]:
        """How often the carriers took each SMS's address, or each mail's Message-ID."""
        name = "to" if channel == "sms" else "message_id"
        return Counter(row[name] for row in self.ledger() if row["channel"] == channel)

    # Waiting and judging

    def until(self, met: Callable[[], object], seconds: float = ENOUGH_S) -> bool:
        """Wait for it, verifying every ten seconds; with a store away, later."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.watch()
            with suppress(SQLAlchemyError):
                if met():
                    return True
                self.verify()
            time.sleep(0.05)
        self.violations.append(f"waited {seconds:.0f} s in vain; notices: {self.states()}")
        return False

    def verify(self, *, now: float = 0) -> None:
        if not now and time.monotonic() < self.verified_at + VERIFIED_EVERY_S:
            return
        checked = verify.run()
        self.verified_at, self.verified = time.monotonic(), self.verified + 1
        broken = (check for check in checked["checks"] if not check["ok"])
        self.violations += [f"verify {check['name']}: {check['violations'][0]}" for check in broken]

    def states(self) -> dict[str, int]:
        with db.reading() as session:
            rows = session.execute(select(Notice.state, func.count()).group_by(Notice.state))
            return {str(state): n for state, n in rows}

    def settled(self) -> bool:
        found = self.states()
        return bool(found) and not found.keys() & {state.value for state in OPEN}

    def planned(self, channel: str) -> set[str]:
        """The addresses that have a notice, as our books know them."""
        with db.reading() as session:
            return set(session.scalars(select(Notice.address).where(Notice.channel == channel)))

    def lost(self, channel: str = "sms") -> list[str]:
        there = {row["to"] for row in self.ledger() if row["channel"] == channel}
        return sorted(self.planned(channel) - there)

    def repeated(self, channel: str = "sms") -> int:
        return sum(n - 1 for n in self.taken(channel).values())


@contextmanager
def site(*, redis_away: bool = False, latency_ms: int = 6) -> Iterator[Site]:
    """A fresh installation on a PostgreSQL of its own."""
    ports, web_port = (services.free_port(), services.free_port()), services.free_port()
    with tempfile.TemporaryDirectory(prefix="liandong-faults-") as folder, postgres.server() as server:
        home = Path(folder)
        for name in ("REDIS_URL", "LIANDONG_CLOCK_FILE"):
            os.environ.pop(name, None)
        os.environ |= {
            "LIANDONG_HOME": folder, "PUBLIC_BASE_URL": f"http://127.0.0.1:{web_port}",
            "DATABASE_URL": services.new_database(server.address), **settings(*ports),
        }  # fmt: skip
        if redis_away:
            os.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
        schema.upgrade()
        made = Site(home, server, web_port, ports)
        words = ["simulator", "--port", str(ports[0]), "--smtp-port", str(ports[1]), "--home", str(home / "carriers")]
        words += ["--latency-ms", str(latency_ms), "--fault", "callbacks=0"]
        carriers = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            stand.services_await(ports[0])
            yield made
        finally:
            made.stop()
            carriers.terminate()
            carriers.wait(30)
            db.engine().dispose()


def chance(seed: int) -> random.Random:
    return random.Random(seed)
