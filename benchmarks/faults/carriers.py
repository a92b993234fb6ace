"""The carrier is away, crowded or mumbles: G21, G22, G28."""

import time
from collections.abc import Iterator

from benchmarks.faults.rows import Row, Wish
from benchmarks.faults.site import site
from benchmarks.faults.storm import order
from coordinator.models import State

BOTH_DOWN_S = 15.0
STORM_S = 20.0
BROKEN = 0.01


def g21(wish: Wish) -> Iterator[Row]:
    """The first account answers 503, the second is well; then both are away."""
    count = wish.count // 2
    with site() as ground:
        ground.weather(latency_ms=6)
        ground.weather(account="twilio", rate_503=1.0, latency_ms=6)
        order(count)
        begun, at = time.monotonic(), time.time()
        ground.workers(2)
        ground.until(lambda: any(row["account"] == "sms_b" for row in ground.ledger()))
        switched = float(next(row["wall"] for row in ground.ledger() if row["account"] == "sms_b")) - at
        ground.weather(rate_503=1.0)
        time.sleep(BOTH_DOWN_S)
        ground.weather(latency_ms=6)
        ground.until(ground.settled)
        ground.verify(now=1)
        lost, repeated = ground.lost(), ground.repeated()
    found = ground.violations + [f"lost {one}" for one in lost] + [f"{repeated} repeated"] * bool(repeated)
    found += [f"switched after {switched:.0f} s"] * (switched > 60)
    yield Row("G21 outage", wish.seed, count, 0, time.monotonic() - begun,
              f"second account {switched:.1f} s after the workers' start; both away {BOTH_DOWN_S:.0f} s; "
              f"{len(lost)} lost, {repeated} repeated",
              "60 s, 0 lost", "20 s, 0 repeated", switched > 20, found)  # fmt: skip


def g22(wish: Wish) -> Iterator[Row]:
    """Nine of ten hand-overs answered 429."""
    count = wish.count // 4
    with site() as ground:
        ground.weather(rate_429=0.9, latency_ms=6)
        order(count)
        begun = time.monotonic()
        ground.workers(2)
        ground.until(lambda: ground.states().get("accepted", 0) > 0)
        time.sleep(STORM_S)
        failed = ground.states().get(State.FAILED.value, 0)
        ground.weather(latency_ms=6)
        ground.until(ground.settled)
        ground.verify(now=1)
        lost, repeated = ground.lost(), ground.repeated()
    found = ground.violations + [f"lost {one}" for one in lost] + [f"{repeated} repeated"] * bool(repeated)
    found += [f"{failed} failed"] * bool(failed)
    yield Row("G22 429 storm", wish.seed, count, 0, time.monotonic() - begun,
              f"{failed} failed, {len(lost)} lost, {repeated} repeated in {STORM_S:.0f} s of 429 to 90 %; requests not counted",
              "0 failed", "0 failed; requests 1.2 × the allowance", False, found)  # fmt: skip


def g28(wish: Wish) -> Iterator[Row]:
    """Of a hundred 201s one carries an error's body and took nothing, one half a body and took it."""
    count = wish.count // 2
    with site() as ground:
        ground.weather(rate_lost=BROKEN, rate_broken=BROKEN, latency_ms=6)
        order(count)
        begun = time.monotonic()
        ground.workers(2)
        ground.until(ground.settled)
        ground.verify(now=1)
        lost, repeated = ground.lost(), ground.repeated()
    found = ground.violations + [f"lost {one}" for one in lost] + [f"{repeated} repeated"] * bool(repeated)
    yield Row("G28 false 2xx", wish.seed, count, 0, time.monotonic() - begun,
              f"{len(lost)} lost, {repeated} repeated, none accepted without a reference", "0", "0", violations=found)  # fmt: skip
