"""Everything is killed while notices are in flight: G1–G6, G8, G25, G26."""

import random
import re
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress

import redis
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from benchmarks import stand
from benchmarks.faults.rows import Row, Wish
from benchmarks.faults.site import Site, site
from coordinator import db, queues
from coordinator.models import Notice, State

TAKEN_THEN_CUT = 0.002
WORKERS = 3
MAILS = 0.2  # of all notices
PHONE = re.compile(rb"(?<!\d)(?:\+?86)?138\d{8}(?!\d)")
Strike = Callable[[], object]


def order(count: int, *, mails: int = 0) -> None:
    """One order to so many plants: the first ``mails`` of them by mail, the rest by SMS."""
    stand.register(count, phones=True, mails=False)
    if mails:
        with db.connection() as connection:
            connection.exec_driver_sql(
                "UPDATE contact SET email = 'p' || id || '@example.com', phone = NULL"
                f" WHERE id IN (SELECT id FROM contact ORDER BY id LIMIT {int(mails)})"
            )
    stand.approve()


def strikes(ground: Site, wish: Wish) -> list[Strike]:
    """Workers most, then web, clock, hint server, PostgreSQL, everything at once; in a random order."""
    draw = random.Random(wish.seed)
    few = max(1, wish.kills // 12)

    def worker() -> None:
        ground.hurt(f"worker{draw.randrange(WORKERS)}")

    made: list[Strike] = [worker] * wish.kills
    made += [lambda: ground.hurt("web")] * (2 * few) + [lambda: ground.hurt("clock")] * few
    made += [lambda: ground.hurt_redis(flush=False)] * few + [lambda: ground.hurt_redis(flush=True)] * few
    made += [lambda: ground.hurt_postgresql(draw.uniform(0.2, 2))] * few + [ground.everything]
    draw.shuffle(made)
    return made


def g1(wish: Wish) -> Iterator[Row]:
    """G1, G2, G3, G5, G25 and G26 are one run."""
    with site() as ground:
        ground.weather(rate_cut=TAKEN_THEN_CUT, latency_ms=6)
        order(wish.count, mails=int(wish.count * MAILS))
        ground.workers(WORKERS)
        ground.desk()
        ground.until(lambda: ground.ledger())
        begun = time.monotonic()
        planned = strikes(ground, wish)
        for n, strike in enumerate(planned, 1):
            ground.until(lambda n=n: len(ground.ledger()) > wish.count * 0.9 * n / (len(planned) + 1))  # type: ignore[misc]
            strike()
        ground.until(
            lambda: ground.settled() and len(ground.planned("sms")) + len(ground.planned("email")) >= wish.count
        )
        wall = time.monotonic() - begun
        time.sleep(1)  # a repeat would still come
        ground.verify(now=1)
        yield from _judged(ground, wish, wall)
        yield _nobody_s_number(ground, wish, wall)


def _judged(ground: Site, wish: Wish, wall: float) -> Iterator[Row]:
    kills, lost = sum(ground.kills.values()), ground.lost("sms") + ground.lost("email")
    mails, texts = ground.repeated("email"), ground.repeated("sms")
    killed = ground.kills["worker"]
    base = {"seed": wish.seed, "n": wish.count, "kills": kills, "wall_s": wall}
    ended = ground.states()
    unsaid = ended.keys() - {"accepted", "sent", "delivered", "unknown"}
    found = [f"lost {one}" for one in lost] + [f"notices came to rest as {state}" for state in sorted(unsaid)]
    by_kind = ", ".join(f"{name} {n}" for name, n in sorted(ground.kills.items()))
    yield Row("G1 lost", reached=f"{len(lost)} lost ({by_kind})", floor="0", aim="0", violations=found, **base)
    twice = [f"{to} {n} times" for to, n in ground.taken("sms").items() if n > 1]
    cut = "0.2 % taken, then cut"
    yield Row("G2 SMS repeated", reached=f"{texts} repeated; {cut}", floor="0.05 a kill", aim="0", missed=bool(twice),
              violations=twice if texts > 0.05 * kills else [], **base)  # fmt: skip
    much = [f"{mails} mails repeated after {killed} killed workers"] if mails > 8 * killed else []
    yield Row("G3 mails repeated", reached=f"{mails} with the same Message-ID, {mails / max(1, killed):.1f} a killed worker; "
              f"{ended.get('unknown', 0)} twice in doubt, left to a person",
              floor="8 a killed worker", aim="2", missed=mails > 2 * killed, violations=much, **base)  # fmt: skip
    rate = wish.count / wall
    said = f"{rate:.0f}/s with faults" + ", under the floor" * (rate < 300)
    yield Row("G5 completion", reached=said, floor="300/s", aim="800/s", missed=rate < 800, **base)
    yield Row("G26 books", reached=f"verify asked {ground.verified} times", floor="0", aim="0",
              violations=list(ground.violations), **base)  # fmt: skip


def _nobody_s_number(ground: Site, wish: Wish, wall: float) -> Row:
    """Logs, what Redis keeps on disk, metrics and readiness hold no test number."""
    found, looked = [], 0
    for path in ground.home.rglob("*"):
        if path.is_file() and "carriers" not in path.parts and "journal" not in path.parts:
            looked += 1
            found += [f"{path.name}: {len(PHONE.findall(path.read_bytes()))} numbers"] * bool(
                PHONE.search(path.read_bytes())
            )
    for page in ("metrics", "readyz", "healthz"):
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{ground.web_port}/{page}", timeout=20) as said,
        ):
            looked += 1
            found += [f"/{page} says a number"] * bool(PHONE.search(said.read()))
    with suppress(redis.RedisError):
        kept = b"".join(queues.connection().dump(key) or b"" for key in queues.connection().scan_iter())
        looked += 1
        found += ["redis holds a number"] * bool(PHONE.search(kept))
    return Row("G25 numbers in logs", wish.seed, wish.count, sum(ground.kills.values()), wall,
               f"{len(found)} in {looked} files and pages", "0", "0", violations=found)  # fmt: skip


def g4(wish: Wish) -> Iterator[Row]:
    """Paused for longer than the lease, which is 3 s here so that it can be tried often."""
    count, pauses = wish.count // 2, max(3, wish.kills // 3)
    draw = random.Random(wish.seed)
    with site(latency_ms=30) as ground:
        order(count)
        ground.workers(2, lease_s=3)
        ground.until(lambda: ground.ledger())
        begun = time.monotonic()
        for n in range(1, pauses + 1):
            ground.until(lambda n=n: len(ground.ledger()) > count * 0.9 * n / (pauses + 1))  # type: ignore[misc]
            sleeper = ground.roles[f"worker{draw.randrange(2)}"]
            sleeper.send_signal(signal.SIGSTOP)
            time.sleep(4.5)
            sleeper.send_signal(signal.SIGCONT)
        ground.until(ground.settled)
        wall = time.monotonic() - begun
        ground.verify(now=1)
        lost, repeated = ground.lost(), ground.repeated()
    found = [f"lost {one}" for one in lost] + ground.violations
    found += [f"{repeated} repeated"] if repeated > max(1, pauses / 24) else []
    yield Row("G4 pause", wish.seed, count, pauses, wall, f"{repeated} repeated in {pauses} pauses of 4.5 s, lease 3 s",
              "1 in 24", "0", repeated > 0, found)  # fmt: skip


def g6(wish: Wish) -> Iterator[Row]:
    """The hint server is not there at all; beside it the same run with one."""
    took = {}
    found: list[str] = []
    for away in (False, True):
        with site(redis_away=away) as ground:
            ground.workers(2)
            time.sleep(4)
            begun = time.monotonic()
            order(wish.count)
            ground.until(ground.settled)
            took[away] = time.monotonic() - begun
            ground.verify(now=1)
            found += [f"lost {one}" for one in ground.lost()] + ground.violations
            found += [f"{ground.repeated()} repeated"] * bool(ground.repeated())
    share = took[False] / took[True]
    found += [f"only {share:.0%} of the rate"] * (share < 0.5)
    yield Row("G6 without Redis", wish.seed, wish.count, 0, sum(took.values()), f"{share:.0%} of the rate with it, 0 lost",
              "50 %", "85 %", share < 0.85, found)  # fmt: skip


def g8(wish: Wish) -> Iterator[Row]:
    """All processes die at once with both stores; how soon is the first sent, and all that was held settled?"""
    count = wish.count // 2
    with site() as ground:
        order(count)
        ground.workers(WORKERS)
        ground.desk()
        ground.until(lambda: len(ground.ledger()) > count * 0.4)
        up = ground.everything()
        had, held = len(ground.ledger()), _held()
        begun = time.time()
        ground.until(lambda: len(ground.ledger()) > had)
        first = float(ground.ledger()[had]["wall"]) - up if len(ground.ledger()) > had else 999.0
        ground.until(lambda: not _still(held))
        rest = time.time() - up
        ground.until(ground.settled)
        ground.verify(now=1)
        found = [f"lost {one}" for one in ground.lost()] + ground.violations
        found += [f"{ground.repeated()} repeated"] * bool(ground.repeated())
        found += [f"first sent after {first:.1f} s"] * (first > 30) + [f"settled after {rest:.0f} s"] * (rest > 180)
        yield Row("G8 recovery", wish.seed, count, sum(ground.kills.values()), time.time() - begun,
                  f"first sent {first:.1f} s, {len(held)} held settled {rest:.0f} s after the restart", "30 s / 180 s",
                  "10 s / 90 s", first > 10 or rest > 90, found)  # fmt: skip


HELD = (State.SENDING, State.UNCERTAIN)


def _held() -> set[int]:
    with suppress(SQLAlchemyError), db.reading() as session:
        return set(session.scalars(select(Notice.id).where(Notice.state.in_(HELD))))
    time.sleep(0.5)
    return _held()


def _still(held: set[int]) -> set[int]:
    """Those of them that nobody has settled: neither known, nor in the hands of a process that lives."""
    with db.reading() as session:
        doubtful = session.scalars(select(Notice.id).where(Notice.state.in_(HELD), Notice.lease_s < db.seconds() + 300))
        return held & set(doubtful)
