"""All figures of docs/benchmarks.md, medians of several runs: python -m benchmarks [--count N] [--runs N]."""

import argparse
import os
import statistics
from collections.abc import Callable, Sequence

from benchmarks import alertmanager, apprise, dispatch, rates, stand


def main() -> None:
    words = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    words.add_argument("--count", type=int, default=10_000)
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--workers", type=int, nargs="*", default=[1, 2, 3])
    words.add_argument("--only", choices=("sms", "email", "peer", "rates"))
    chosen = words.parse_args()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {chosen.count} notices, median of {chosen.runs} runs"
    )
    for kind in ("sms", "email"):
        for workers in chosen.workers if chosen.only in (None, kind) else ():
            show(
                f"{kind}, PostgreSQL, {workers} worker(s)", runs(kind, chosen.count, workers=workers, times=chosen.runs)
            )
    if chosen.only in (None, "rates"):
        for figure in (
            rates.read(20_000), rates.chased(6_000), rates.answered(3_000), rates.received(3_000),
            rates.materialised(30_000), rates.materialised(300_000),
        ):  # fmt: skip
            print(figure, flush=True)
    if chosen.only in (None, "peer"):
        peer(chosen.count, times=chosen.runs)


def runs(kind: str, count: int, *, workers: int, times: int) -> list[dispatch.Run]:
    return [dispatch.once(count, kind=kind, workers=workers) for _ in range(times)]


def median(found: Sequence[dispatch.Run], figure: Callable[[dispatch.Run], float]) -> float:
    return statistics.median(map(figure, found))


def show(name: str, found: Sequence[dispatch.Run]) -> None:
    each = " ".join(f"{run.whole_s:.1f}" for run in found)
    print(
        f"{name}: first {median(found, lambda run: run.first_s):.2f} s, all written "
        f"{median(found, lambda run: run.written_s):.2f} s, last sent {median(found, lambda run: run.whole_s):.2f} s "
        f"({each}); lost {sum(run.lost for run in found)}, repeated {sum(run.repeated for run in found)}; "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def peer(count: int, *, times: int) -> None:
    """Ours and the peers in turn, on the same relay of the same installation."""
    peers = {name: once for name, there, once in PEERS if there()}
    for name, _, _ in PEERS:
        if name not in peers:
            print(f"{name} can not be had here: no comparison")
    ours: list[dispatch.Run] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(times):
        with stand.stand() as ground:
            ours.append(dispatch.on(ground, count, kind="email", workers=2))
            for name, once in peers.items():
                theirs[name].append(once(ground, count))
    show("e-mail, PostgreSQL, 2 worker(s), beside the peers", ours)
    mine = median(ours, lambda run: run.whole_s)
    for name, runs_s in theirs.items():
        other = statistics.median(runs_s)
        print(f"e-mail to one relay: ours {mine:.2f} s, {name} {other:.2f} s, ratio {mine / other:.2f}; load "
              f"{os.getloadavg()[0]:.1f}; its runs {[f'{one:.1f}' for one in runs_s]}", flush=True)  # fmt: skip


PEERS = (
    ("Alertmanager", alertmanager.there, alertmanager.once),
    ("apprise", lambda: apprise.python() is not None, apprise.once),
)


if __name__ == "__main__":
    main()
