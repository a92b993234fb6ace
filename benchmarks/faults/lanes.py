"""What is urgent overtakes, what is held stops, who was not reached is not corrected: G18, G23, G17."""

import time
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select, update

from benchmarks import stand
from benchmarks.faults.rows import Row, Wish
from benchmarks.faults.site import Site, site
from contacts.models import Contact, Enterprise, Officer, Shift
from coordinator import clock, db, paging, response
from coordinator.models import Alert, Mode, Notice, NoticeKind
from coordinator.response import Proposal
from rules.levels import Level

ELSEWHERE, GRAVE = "130100", 200


def g18(wish: Wish) -> Iterator[Row]:
    """Hold in mid-order; then retract: all who were reached hear the correction, nobody else does."""
    count = wish.count
    with site() as ground:
        stand.register(count, phones=True, mails=False)
        alert_id, _ = stand.approve()
        ground.workers(2)
        ground.until(lambda: len(ground.ledger()) > count * 0.3)
        begun, held_at = time.monotonic(), time.time()
        with db.transaction() as session:
            response.hold(session, session.get_one(Alert, alert_id, with_for_update=True), officer("d1"), reason="核实")
        time.sleep(8)
        orders = [row for row in ground.ledger() if row["channel"] == "sms"]
        last = max(float(row["wall"]) for row in orders) - held_at
        with db.transaction() as session:
            alert = session.get_one(Alert, alert_id, with_for_update=True)
            response.retract(session, alert, by="d1", reason="误发")
        retracted_at = time.time()
        with db.transaction() as session:
            response.approve(session, session.get_one(Alert, alert_id, with_for_update=True), officer("s1"))
        reached = {row["to"] for row in orders}
        ground.until(lambda: len(ground.ledger()) >= len(orders) + len(reached) and ground.settled(), 180)
        later = ground.ledger()[len(orders) :]
        first = min((float(row["wall"]) for row in later), default=retracted_at + 999) - retracted_at
        ground.verify(now=1)
        corrected = [row["to"] for row in later]
    found = ground.violations + [f"reached and not corrected: {to}" for to in reached - set(corrected)]
    found += [f"corrected and never reached: {to}" for to in set(corrected) - reached]
    found += [f"last order {last:.1f} s after the hold"] * (last > 15)
    yield Row("G18 hold, retract", wish.seed, count, 0, time.monotonic() - begun,
              f"last order {last:.1f} s after the hold; {len(reached)} reached, {len(set(corrected))} corrected,"
              f" the first {first:.1f} s after the signature's request", "15 s; correction 10 s", "5 s; all and only the reached",
              last > 5 or first > 10, found)  # fmt: skip


def officer(name: str) -> Officer:
    with db.reading() as session:
        return session.get_one(Officer, name)


def g23(wish: Wish) -> Iterator[Row]:
    """A backlog of yellow, then 200 red and five calls to the desk."""
    with site() as ground:
        stand.register(wish.count, phones=True, mails=False)
        _neighbours()
        yellow, _ = stand.approve(level=Level.YELLOW)
        ground.weather(latency_ms=250)
        ground.workers(2)
        ground.until(lambda: ground.planned("sms") and len(ground.planned("sms")) >= wish.count)
        ground.until(lambda: len(ground.ledger()) > 100)
        waiting = wish.count - len(ground.ledger())
        begun = time.monotonic()
        called_at = _call(yellow)
        red, at = _red()
        grave = ground.until(lambda: _all_sent(ground, red, GRAVE)) and _last(ground, _addresses(red)) - at
        calls = (
            ground.until(lambda: _pages(ground))
            and _last(ground, {f"+8613900000{n:03d}" for n in range(5)}) - called_at
        )
        waited = wish.count - sum(row["to"].startswith("+86138") for row in ground.ledger())
        ground.verify(now=1)
    found = (
        ground.violations + [f"red took {grave:.0f} s"] * (grave > 60) + [f"calls took {calls:.0f} s"] * (calls > 10)
    )
    yield Row("G23 lanes", wish.seed, wish.count, 0, time.monotonic() - begun,
              f"{waiting} yellow waiting: 200 red in {grave:.1f} s, five calls in {calls:.1f} s; {waited} yellow still waited",
              "60 s; 10 s", "15 s; 3 s", grave > 15 or calls > 3, found)  # fmt: skip


def _neighbours() -> None:
    now = clock.now()
    with db.transaction() as session:
        for n in range(GRAVE):
            code = f"91{ELSEWHERE}MA{n:08d}"
            session.add(
                Enterprise(
                    credit_code=code, name=f"邻市第{n}厂", city=ELSEWHERE, industry="水泥", grade="C", in_drill=False
                )
            )
            session.add(Contact(enterprise_code=code, name="联系人", order=1, phone=f"+86137{n:08d}"))
        for n in range(5):
            session.add(Officer(id=f"w{n}", name=f"值班{n}", role="duty", cities=[stand.CITY], active=True,
                                phone=f"+8613900000{n:03d}"))  # fmt: skip
            session.flush()
            session.add(Shift(officer_id=f"w{n}", from_at=now - timedelta(hours=1), to_at=now + timedelta(hours=8)))
        session.execute(update(Officer).values(cities=[stand.CITY, ELSEWHERE]))


def _call(alert_id: int) -> float:
    with db.transaction() as session:
        paging.page_duty(session, session.get_one(Alert, alert_id), purpose="overdue", step=1)
    return time.time()


def _red() -> tuple[int, float]:
    with db.transaction() as session:
        alert = response.propose(
            session,
            Proposal(mode=Mode.ACTUAL, kind="air", level=Level.RED, cities=(ELSEWHERE,),
                     effective_from=clock.now() + timedelta(hours=6), effective_to=None, reason="预计重污染"),
            proposer="d1",
        )  # fmt: skip
        response.submit(session, alert, session.get_one(Officer, "d1"))
        for name in ("s1", "l1"):
            response.approve(session, alert, session.get_one(Officer, name))
        return alert.id, time.time()


def _addresses(alert_id: int) -> set[str]:
    with db.reading() as session:
        return set(session.scalars(select(Notice.address).where(
            Notice.alert_id == alert_id, Notice.kind == NoticeKind.ORDER, Notice.channel == "sms")))  # fmt: skip


def _all_sent(ground: Site, alert_id: int, count: int) -> bool:
    wanted = _addresses(alert_id)
    return len(wanted) >= count and wanted <= {row["to"] for row in ground.ledger()}


def _pages(ground: Site) -> bool:
    return sum(row["to"].startswith("+8613900000") for row in ground.ledger()) >= 5


def _last(ground: Site, addresses: set[str]) -> float:
    return max(float(row["wall"]) for row in ground.ledger() if row["to"] in addresses)
