"""liandong migrate-to-postgres: a site that outgrew SQLite goes over whole."""

import json
import os
import sys

import click

PATIENCE_S = 1.0  # before progress is shown where nobody may be looking


@click.command()
@click.option("--to", "written", required=True, metavar="postgresql://…", help="空的 PostgreSQL 库")
@click.option("--dry-run", "dry", is_flag=True, help="只检查能不能搬、要搬多少,什么也不写")
@click.option("--json", "machine", is_flag=True, help="输出 JSON")
def migrate_to_postgres(written: str, *, dry: bool, machine: bool) -> None:
    """把站点从 SQLite 整个搬到 PostgreSQL:逐表复制、逐表核对、核账,然后封存旧库。请先停掉各角色。

    中途断了(断电、kill -9)旧库照旧可用,再运行一次即可。搬完以后旧库拒绝启动(退出码 78),并说明站点去了哪里。
    """
    from coordinator import config, moving

    config.load()
    to = moving.destination(written)
    if sentence := moving.finished(to):
        click.echo(json.dumps({"ok": True, "to": moving.spoken(to), "already": True}) if machine else sentence)
        return
    if dry:
        _would(moving.look(to), moving.spoken(to), machine=machine)
        return
    progress = Progress()
    done = moving.move(to, progress)
    if machine:
        tables = [{"name": name, "rows": each.rows, "checksum": each.short} for name, each in done.tables.items()]
        told = {"ok": True, "to": done.to, "rows": done.rows, "tables": tables}
        click.echo(json.dumps(told | {"audit": {"length": done.head[0], "head": done.head[1]}}, ensure_ascii=False))
        return
    for name, each in done.tables.items():
        click.echo(f"✓ {name}\t{each.rows:,} 行\t{each.short}")
    click.echo(f"✓ 账目核对通过,审计链 {done.head[0]} 行,链首 {done.head[1][:16]}…")
    click.echo(f"已搬到 {done.to}。请设 DATABASE_URL(带密码),再启动各角色;旧库已封存。")
    if not os.environ.get("SECRET_KEY"):
        click.echo("签收码和链接由密钥推出:请沿用同一个 LIANDONG_HOME,或把其中的 secret_key 设为 SECRET_KEY。")


def _would(counts: dict[str, int], to: str, *, machine: bool) -> None:
    if machine:
        tables = [{"name": name, "rows": rows} for name, rows in counts.items()]
        click.echo(json.dumps({"ok": True, "dry_run": True, "to": to, "rows": sum(counts.values()), "tables": tables}))
        return
    for name, rows in counts.items():
        click.echo(f"{name}\t{rows:,} 行")
    click.echo(f"可以搬到 {to}:共 {sum(counts.values()):,} 行。什么也没有写。")


class Progress:
    """Table by table on stderr."""

    def __init__(self) -> None:
        from coordinator import clock

        self.monotonic, self.started = clock.monotonic, clock.monotonic()

    def __call__(self, table: str, rows: int) -> None:
        if sys.stderr.isatty() or self.monotonic() - self.started > PATIENCE_S:
            click.echo(f"{table}\t{rows:,} 行", err=True)
