"""liandong drill list, run, report, stop."""

import json
import sys

import click


def _ready() -> None:
    from coordinator import config, schema

    config.load()
    schema.require()


@click.group()
def drill() -> None:
    """演练:列出、启动、报告、中止。"""


@drill.command("list")
@click.option("--json", "machine", is_flag=True, help="输出 JSON")
def list_(machine: bool) -> None:
    """演练脚本与已进行的演练。"""
    from sqlalchemy import select

    from coordinator import db, drills
    from coordinator.models import Drill

    _ready()
    with db.reading() as session:
        runs = session.scalars(select(Drill).order_by(Drill.id.desc()).limit(100)).all()
    if machine:
        click.echo(json.dumps([_script(one, runs) for one in drills.scripts()], ensure_ascii=False))
        return
    for one in drills.scripts():
        click.echo(f"{one.name}\t{one.level.word}\t{one.cron or '手动'}\t{one.title}")
    for run in runs:
        click.echo(f"  #{run.id}\t{run.name}\t{run.state}\t{run.started_at.isoformat(timespec='minutes')}")


def _script(one: object, runs: object) -> dict[str, object]:
    from collections.abc import Sequence

    from coordinator.drills import Script
    from coordinator.models import Drill

    assert isinstance(one, Script)
    assert isinstance(runs, Sequence)
    mine = [run for run in runs if isinstance(run, Drill) and run.name == one.name]
    return {
        "name": one.name, "title": one.title, "level": one.level.word, "cron": one.cron,
        "runs": [{"id": run.id, "state": run.state, "started_at": run.started_at.isoformat()} for run in mine],
    }  # fmt: skip


@drill.command()
@click.argument("name")
@click.option("--city", "cities", multiple=True, help="演练城市,可重复;默认取有参演企业、签发人管得到的城市")
@click.option("--by", default="director", help="谁发起(记入审计)")
@click.option("--json", "machine", is_flag=True, help="输出 JSON")
def run(name: str, cities: tuple[str, ...], by: str, machine: bool) -> None:
    """按脚本拟定并提交一次演练;签发仍由人。"""
    from coordinator import db, drills, paging, queues

    _ready()
    with db.transaction() as session:
        started = drills.start(session, name, by=by, cities=cities)
        alert = drills.alert_of(session, started)
        paging.page_signers(session, alert)
        found = {"id": started.id, "name": name, "alert": alert.id, "rev": alert.rev, "state": alert.state,
                 "cities": started.cities}  # fmt: skip
    queues.hint("drill")
    click.echo(
        json.dumps(found, ensure_ascii=False)
        if machine
        else f"演练 #{found['id']} 已拟定并提交,预警 {found['alert']} 等待会签"
    )


@drill.command()
@click.argument("drill_id", type=int)
@click.option("--json", "machine", is_flag=True, help="输出 JSON")
def report(drill_id: int, machine: bool) -> None:
    """一次演练的记录。"""
    from coordinator import db, drills

    _ready()
    with db.transaction() as session:
        found = drills.report(session, drill_id)
    if machine:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        click.echo(f"{name}: {value}")


@drill.command()
@click.argument("drill_id", type=int)
@click.option("--by", default="director", help="谁中止(记入审计)")
def stop(drill_id: int, by: str) -> None:
    """中止演练:未发的不再发,已收到的收到“演练中止”。"""
    from coordinator import db, drills, issuing

    _ready()
    with db.transaction() as session:
        stopped = drills.stop(session, drill_id, by=by)
        alert = drills.alert_of(session, stopped)
        unfinished = (alert.id, alert.in_force_rev) if alert.state == "issuing" else None
    if unfinished:
        issuing.materialise(*unfinished)
    click.echo(f"演练 #{drill_id} 已中止")
    sys.exit(0)
