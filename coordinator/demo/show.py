"""The demonstration as a whole: who is on the stage, what is printed, when the clock runs."""

import socket
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from coordinator import clock, rulebook
from coordinator.demo.play import Api, Feed, Officers, Plants, keep, say
from coordinator.demo.stage import Actor, Episode, Stagehand
from coordinator.errors import TryLater

SIGNING_RATE = 120.0  # half a second a minute, while people sign
ROLE_NAMES = {
    "duty": "值班员",
    "signer": "签发人",
    "leader": "领导",
    "clerk": "名单员",
    "director": "导演",
    "auditor": "审计",
}


def carrier_ports() -> tuple[int, int]:
    """8025 and 2525 where they are free, else any two."""
    return _free(8025), _free(2525)


def _free(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError("the system has no free port")


def roles(port: int, carriers: tuple[int, int], home: Path) -> dict[str, list[str]]:
    """The processes of the demonstration; their carriers are a process of their own, as in life."""
    simulator = [
        "simulator",
        "--port",
        str(carriers[0]),
        "--smtp-port",
        str(carriers[1]),
        "--home",
        str(home / "carriers"),
    ]
    return {
        "carriers": [*simulator, "--web", f"http://127.0.0.1:{port}"],
        "web": ["web", "--port", str(port)],
        "worker": ["worker"],
        "clock": ["clock"],
    }


def run(
    episode: Episode,
    actors: Sequence[Actor],
    hand: Stagehand,
    *,
    port: int,
    carriers: tuple[int, int],
    hour_seconds: float,
) -> None:
    """Wait until the desk answers, tell the newcomer where to look, then let the hours pass."""
    web, inbox = Api(f"http://127.0.0.1:{port}"), Api(f"http://127.0.0.1:{carriers[0]}")
    stopping = threading.Event()
    _await(web, stopping)
    _announce(web.base, inbox.base, actors)
    feeder = next(actor for actor in actors if actor.role == "duty")
    feed, officers, plants = Feed(web, episode, feeder), Officers(web, actors), Plants(web, inbox)
    feed.turn()
    hand.run_at(3600 / hour_seconds)
    for turn, every_s in ((feed.turn, hour_seconds / 2), (officers.turn, 1.0), (plants.turn, 1.0)):
        keep(turn, stopping, every_s)
    slowly = False
    while clock.now() < episode.ends_at + timedelta(hours=1):
        stopping.wait(0.5)
        if officers.busy != slowly:
            slowly = officers.busy
            hand.run_at(SIGNING_RATE if slowly else 3600 / hour_seconds)
    hand.run_at(1.0)
    say(f"数据到此为止,时钟恢复正常速度。报告与台账:{web.base}/alerts  收件箱:{inbox.base}/")
    click.echo("按 Ctrl-C 结束。 Press Ctrl-C to stop.")


def _place(code: str) -> str:
    """A province by its name."""
    return next((one.province for one in rulebook.gazetteer() if one.code[:2] == code[:2]), code)


def _await(web: Api, stopping: threading.Event) -> None:
    while True:
        try:
            web.call("/healthz")
            return
        except TryLater:
            stopping.wait(0.3)


def _announce(web: str, inbox: str, actors: Sequence[Actor]) -> None:
    click.echo(f"\n  值班台 Desk      {web}/\n  收件箱 Inbox     {inbox}/   (示例手机与邮箱,无需登录)\n")
    click.echo("  示例人员的登录(他们也会通过接口自动签发,下面会写明):")
    for actor in (actor for actor in actors if actor.password):
        where = "、".join(_place(code) for code in actor.cities[:4]) + ("…" if len(actor.cities) > 4 else "")
        click.echo(f"    {actor.id:<12} 口令 {actor.password:<10} {ROLE_NAMES[actor.role]}  {actor.name}  {where}")
    click.echo("")
