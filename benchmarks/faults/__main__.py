"""The table of docs/reliability.md: python -m benchmarks.faults [--count N] [--kills K] [--seed S] [--only G1 …] [--full]."""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from benchmarks.faults import books, carriers, desk, lanes, storm
from benchmarks.faults.rows import HEAD, Row, Wish

GOALS: dict[str, Callable[[Wish], Iterator[Row]]] = {
    "G1": storm.g1, "G4": storm.g4, "G6": storm.g6, "G8": storm.g8, "G9": desk.g9, "G12": desk.g12, "G13": desk.g13,
    "G18": lanes.g18, "G19": books.g19, "G20": books.g20, "G21": carriers.g21, "G22": carriers.g22, "G23": lanes.g23,
    "G24": books.g24, "G28": carriers.g28,
}  # fmt: skip
WITH_G1 = {"G2", "G3", "G5", "G25", "G26"}
COUNT, KILLS, FULL_COUNT, FULL_KILLS = 4000, 12, 100_000, 60


def main() -> int:
    words = argparse.ArgumentParser(prog="benchmarks.faults", description=__doc__)
    words.add_argument("--count", type=int)
    words.add_argument("--kills", type=int)
    words.add_argument("--seed", type=int, default=20240223)
    words.add_argument("--minutes", type=float, default=0, help="begin no further goal after so many minutes")
    words.add_argument("--only", nargs="*", default=[], metavar="G1", help=f"of {' '.join(GOALS)}")
    words.add_argument("--full", action="store_true", help=f"{FULL_COUNT} notices, {FULL_KILLS} killed workers")
    chosen = words.parse_args()
    wish = Wish(
        chosen.count or (FULL_COUNT if chosen.full else COUNT), chosen.kills or (FULL_KILLS if chosen.full else KILLS),
        chosen.seed,
    )  # fmt: skip
    wanted = {"G1" if name in WITH_G1 else name for name in map(str.upper, chosen.only)} or GOALS.keys()
    print(machine(), HEAD, sep="\n", flush=True)
    began, violated = time.monotonic(), 0
    for name in (name for name in GOALS if name in wanted):
        if chosen.minutes and time.monotonic() > began + 60 * chosen.minutes:
            print(f"{name}: not run, the {chosen.minutes} minutes are over")
            continue
        for row in GOALS[name](wish):
            print(row, flush=True)
            violated += bool(row.violations)
    print(f"{time.monotonic() - began:.0f} s in all, load {os.getloadavg()[0]:.1f}")
    return int(violated > 0)


def machine() -> str:
    today = datetime.now(UTC).date()
    return f"{today}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, Python {platform.python_version()}"


if __name__ == "__main__":
    raise SystemExit(main())
