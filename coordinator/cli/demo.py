"""liandong demo: a real episode on a fast clock, from the first figures to the report."""

import os
import sys
import threading
from pathlib import Path

import click


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8000, envvar="PORT", show_default=True, help="网页端口")
@click.option(
    "--episode", "name", type=click.Choice(["winter-2019", "red-2015"]), default="winter-2019", show_default=True
)
@click.option("--plants", type=click.IntRange(1, 20000), default=300, show_default=True, help="示例企业数")
@click.option(
    "--hour-seconds", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, help="演示里一小时走几秒"
)
def demo(port: int, name: str, plants: int, hour_seconds: float) -> None:
    """真实污染过程的回放:研判、会签、派发、签收、催办、变更、解除、报告,旁边有一次按时刻表的演练。示例人员和企业。"""
    from coordinator import config, founding, supervisor
    from coordinator.cli.roles import refuse_taken
    from coordinator.demo import show, stage

    home = Path(os.environ.get("LIANDONG_HOME", "var")).absolute()
    home.mkdir(parents=True, exist_ok=True)
    carriers = show.carrier_ports()
    stage.put_on(stage.environment(home, port, carriers))
    with supervisor.only_one():
        refuse_taken("127.0.0.1", port)
        stage.clear(home)
        chosen = stage.episode(name)
        clock_hand = stage.Stagehand(home / "clock")
        clock_hand.set(chosen.begins_at, 1.0)
        click.echo(f"联动演示:{chosen.title}(真实数据,示例人员与企业)\n准备数据库与名单…")
        config.load()
        founding.prepare()
        stage.mark()
        stage.people(home, chosen, plants=plants, start=chosen.begins_at)
        actors = stage.actors()
        playing = threading.Thread(
            target=show.run, args=(chosen, actors, clock_hand),
            kwargs={"port": port, "carriers": carriers, "hour_seconds": hour_seconds}, daemon=True,
        )  # fmt: skip
        log = home / "log"
        log.mkdir(exist_ok=True)
        code = supervisor.run(show.roles(port, carriers, home), also=playing, log=log)
        click.echo(f"演示没有开始,原因在 {log}。 Not started." if code else "演示已停止。 Stopped.")
        sys.exit(code)
