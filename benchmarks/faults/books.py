"""Books and clocks: G19, G20, G24."""

import os
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from benchmarks import stand
from benchmarks.faults.rows import Row, Wish
from benchmarks.faults.site import PROGRAM, site
from contacts.models import Contact, Enterprise, Officer
from coordinator import audit, clock, db, issuing, response
from coordinator.models import Mode, ScheduleRun
from coordinator.response import Proposal
from rules.levels import Level

ROWS, TAMPERS = 400, 200
MIXED = 12
CLOCKS = 3


def g24(wish: Wish) -> Iterator[Row]:
    """Edit, delete, swap, insert, cut the tail, rebuild from a row on: each is undone again."""
    draw, missed = random.Random(wish.seed), list[str]()
    with site() as ground:
        with db.transaction() as session:
            for n in range(ROWS):
                audit.record(session, f"officer{n % 3}", "sign", f"alert:{n}", rev=n)
        with db.reading() as session:
            count, head = audit.head(session)
        begun = time.monotonic()
        for _ in range(TAMPERS):
            name = draw.choice(tuple(HARMS))
            with db.engine().connect() as connection, connection.begin() as undone:
                connection.exec_driver_sql("ALTER TABLE audited DISABLE TRIGGER audited_sealed")
                for statement in HARMS[name](draw.randrange(2, ROWS - 2)):
                    connection.execute(text(statement))
                with Session(connection) as session:
                    rest = audit.head(session)
                    found = audit.breaks(session) or rest[0] < count or rest != (count, head)
                undone.rollback()
            missed += [] if found else [name]
        wall = time.monotonic() - begun
        ground.verify(now=1)
    yield Row("G24 audit", wish.seed, TAMPERS, 0, wall,
              f"{TAMPERS - len(missed)} of {TAMPERS} tampers found (a cut tail by the head kept outside); "
              f"{TAMPERS * ROWS / wall:.0f} rows/s", "100 %", "100 %; 50,000 rows/s", TAMPERS * ROWS / wall < 50_000,
              [f"not found: {name}" for name in missed] + ground.violations)  # fmt: skip


HARMS = {
    "edit": lambda n: [f"UPDATE audited SET who = 'somebody else' WHERE seq = {n}"],
    "delete": lambda n: [f"DELETE FROM audited WHERE seq = {n}"],
    "swap": lambda n: [f"UPDATE audited SET subject = 'alert:x' WHERE seq IN ({n}, {n + 1})"],
    "insert": lambda n: [
        f"INSERT INTO audited SELECT {ROWS + 1}, at, who, what, subject, detail, 'x', hash FROM audited WHERE seq = {n}"
    ],
    "cut the tail": lambda n: [f"DELETE FROM audited WHERE seq > {n}"],
}


def g19(wish: Wish) -> Iterator[Row]:
    """Drills and real orders in turn, by their own accounts, to their own people, in their own dress."""
    draw, plants = random.Random(wish.seed), 60
    with site() as ground:
        stand.register(plants, phones=True, mails=True)
        with db.transaction() as session:
            session.execute(update(Enterprise).where(Enterprise.credit_code.like("%0")).values(in_drill=True))
            session.execute(update(Officer).values(phone="+8613900000001"))
            roster = set(session.scalars(
                select(Contact.phone).join(Enterprise, Enterprise.credit_code == Contact.enterprise_code)
                .where(Enterprise.in_drill)))  # fmt: skip
        ground.workers(2)
        begun = time.monotonic()
        for _ in range(MIXED):
            issuing.materialise(
                *_order(draw.choice((Mode.ACTUAL, Mode.EXERCISE)), draw.choice((Level.YELLOW, Level.ORANGE)))
            )
        ground.until(ground.settled)
        ground.verify(now=1)
        rows = [row for row in ground.ledger() if row["channel"] in ("sms", "email")]
    drilled = [row for row in rows if row["account"].startswith("drill")]
    found = list(ground.violations)
    for row in drilled:
        said = row["body"] if row["channel"] == "sms" else row["subject"]
        if not (
            row["body"].startswith("【演练】")
            and row["body"].rstrip().endswith("【演练】")
            and said.startswith("【演练】")
        ):
            found.append(f"no mark at both ends: {row['sid']}")
        if row["channel"] == "sms" and row["to"] not in roster | {"+8613900000001"}:
            found.append(f"outside the roster: {row['sid']}")
    found += [f"real and says drill: {row['sid']}" for row in rows if row not in drilled and "演练" in row["body"]]
    yield Row("G19 drill and real", wish.seed, len(rows), 0, time.monotonic() - begun,
              f"{MIXED} orders mixed: {len(drilled)} rehearsed, {len(rows) - len(drilled)} real", "0", "0", violations=found)  # fmt: skip


def _order(mode: Mode, level: Level) -> tuple[int, int]:
    with db.transaction() as session:
        alert = response.propose(
            session,
            Proposal(mode=mode, kind="air", level=level, cities=(stand.CITY,),
                     effective_from=clock.now() + timedelta(hours=24), effective_to=None, reason="预计重污染"),
            proposer="d1",
        )  # fmt: skip
        response.submit(session, alert, session.get_one(Officer, "d1"))
        for name in ("s1", "l1"):
            if response.approve(session, alert, session.get_one(Officer, name)):
                break
        return alert.id, alert.in_force_rev


def g20(wish: Wish) -> Iterator[Row]:
    """Three clocks on a day that passes a minute a second, killed and with the day jumped by an hour."""
    draw, jumps = random.Random(wish.seed), 0
    with site() as ground:
        file = ground.home / "clock"
        file.write_text("0 60")
        os.environ["LIANDONG_CLOCK_FILE"] = str(file)
        try:
            for n in range(CLOCKS):
                ground.start(f"clock{n}", *PROGRAM, "clock")
            ground.until(lambda: _slots() > 3)
            begun = time.monotonic()
            for n in range(max(4, wish.kills // 2)):
                ground.hurt(f"clock{draw.randrange(CLOCKS)}")
                if n % 3 == 2:
                    jumps += 1
                    file.write_text(f"{3600 * jumps} 60")
                time.sleep(3)
            time.sleep(13)  # longer than a lead lasts
        finally:
            os.environ.pop("LIANDONG_CLOCK_FILE", None)
        wall, kills = time.monotonic() - begun, ground.kills["clock"]
        with db.reading() as session:
            at = list(session.scalars(
                select(ScheduleRun.slot_at).where(ScheduleRun.job == "watch").order_by(ScheduleRun.slot_at)))[1:]  # fmt: skip
        gaps = [
            f"{earlier:%H:%M}–{later:%H:%M}"
            for earlier, later in pairwise(at)
            if later - earlier != timedelta(minutes=1)
        ]
    yield Row("G20 schedule", wish.seed, len(at), kills, wall,
              f"{len(at)} slots of one line, {CLOCKS} clocks, {jumps} jumps of an hour: {len(gaps)} missing or double",
              "each exactly once", "each exactly once", violations=[f"slots {gap}" for gap in gaps])  # fmt: skip


def _slots() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).where(ScheduleRun.job == "watch")) or 0
