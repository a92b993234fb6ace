"""liandong init, check, status, verify, audit: keeping an installation."""

import json
import sys
from typing import Any

import click

as_json = click.option("--json", "machine", is_flag=True, help="输出 JSON")


def _say(found: Any) -> None:
    click.echo(json.dumps(found, ensure_ascii=False))


@click.command()
@as_json
def init(machine: bool) -> None:
    """建立或升级数据库;可以重复运行。"""
    from coordinator import config, founding

    config.load()
    version = founding.prepare()
    _say({"version": version}) if machine else click.echo(f"数据库已就绪,版本 {version}")


@click.command()
@as_json
def check(machine: bool) -> None:
    """检查配置与服务器:每个问题一行,并说明如何改正。"""
    from coordinator import checkup

    found = checkup.run()
    if machine:
        _say({"ok": not any(line.fault for line in found), "checks": [line.as_json() for line in found]})
    for line in [] if machine else found:
        click.echo(
            f"{'✗' if line.fault else '!' if line.warning else '✓'} {line.name}: {line.fault or line.warning or line.good}"
        )
    if any(line.fault for line in found):
        sys.exit(78 if any(line.configuration for line in found if line.fault) else 1)


@click.command()
@as_json
def status(machine: bool) -> None:
    """按预警与状态计数,派发积压,数据源时延。"""
    from coordinator import config, schema
    from coordinator import status as page

    config.load()
    schema.require()
    found = page.now()
    if machine:
        _say(found)
        return
    for alert in found["alerts"]:
        states = " ".join(f"{state}={count}" for state, count in sorted(alert["by_state"].items()))
        click.echo(
            f"{alert['number']}\t{alert['mode']}\t{alert['level']}\t{alert['state']}\t名单 {alert['listed']}\t{states}"
        )
    for lane in found["lanes"]:
        if lane["due"]:
            left = "说不准" if lane["eta_s"] is None else f"约 {lane['eta_s']:.0f} 秒"
            click.echo(f"待发 {lane['name']}\t{lane['due']}\t最久 {lane['oldest_due_s']:.0f} 秒\t发完 {left}")
    _looked_after(found)
    for feed in found["feeds"]:
        click.echo(f"数据源 {feed['name']}\t{feed['state']}\t{feed['age_s']}")
    for sentence in found["advice"]:
        click.echo(f"! {sentence}")
    click.echo(f"截至 {found['as_of']}")


def _looked_after(found: dict[str, Any]) -> None:
    """What stands still, what is in doubt and what happens next, a line each."""
    if found["held"]:
        click.echo(f"全部停发\t{found['held']}")
    for one in found["underway"]:
        name = f"{one['account'] or '—'} {one['channel']} {one['lane']}"
        soon = "" if one["next_in_s"] is None else f"{one['next_in_s']:.0f} 秒后"
        click.echo(
            f"{one['state']} {name}\t{one['n']} 条\t最久 {one['oldest_s']:.0f} 秒\t{one['why']};{soon}{one['next']};{one['remedy']}"
        )
    for one in found["troubles"]:
        click.echo(f"停着 {one['cause']}\t自 {one['since']}\t{one['detail']}")
    for one in found["canaries"]:
        click.echo(
            f"链路自检 {one['channel']}\t{one['last_outcome'] or '还没有'}\t上次成功 {one['last_good_at'] or '—'}"
        )
    if found["disk"]["warning"]:
        click.echo(found["disk"]["warning"])


@click.command()
@click.option("--yes", is_flag=True, help="确认认领;不加则只说明会怎样")
@as_json
def adopt(*, yes: bool, machine: bool) -> None:
    """认领数据库:复制到别处、换了网址或账户、从旧备份恢复之后,核实无误才恢复发送。记入审计。"""
    from coordinator import config, fingerprint, schema

    config.load()
    schema.require()
    reason, waiting = fingerprint.present()
    looked_up = fingerprint.adopt("shell") if yes else 0
    if machine:
        _say({"adopted": yes, "reason": reason, "waiting": waiting, "looked_up": looked_up})
        return
    click.echo(reason or "数据库属于本机,没有停发")
    if yes:
        click.echo(f"已认领;{looked_up} 条待发通知先向运营商查询,没有发过的再发" if looked_up else "已认领")
    elif reason:
        click.echo(f"认领后 {waiting} 条待发通知会先向运营商查询,没有发过的再发;确认请加 --yes")


@click.command()
@as_json
def verify(machine: bool) -> None:
    """核对不变量:名单与通知相符、签发合规、演练与真实分开、审计链完整。有违反则退出码 1。"""
    from coordinator import config, schema
    from coordinator import verify as invariants

    config.load()
    schema.require()
    found = invariants.run()
    if machine:
        _say(found)
    for line in [] if machine else found["checks"]:
        click.echo(f"{'✓' if line['ok'] else '✗'} {line['name']}")
        for violation in line["violations"]:
            click.echo(f"    {violation}")
    if not found["ok"]:
        sys.exit(1)


@click.group()
def audit() -> None:
    """审计。"""


@audit.command("verify")
@as_json
def audit_verify(machine: bool) -> None:
    """走完整条审计链;有断裂则退出码 1。"""
    from coordinator import audit as chain
    from coordinator import db, schema

    schema.require()
    with db.reading() as session:
        broken, (length, head) = chain.breaks(session), chain.head(session)
    if machine:
        _say(
            {"ok": not broken, "length": length, "head": head, "breaks": [{"seq": b.seq, "why": b.why} for b in broken]}
        )
    else:
        for one in broken:
            click.echo(f"✗ {one.seq}: {one.why}")
        click.echo(f"{length} 行,链首 {head[:16]}…" if not broken else f"审计链有 {len(broken)} 处断裂")
    if broken:
        sys.exit(1)
