"""liandong up, web, worker, clock: the roles, together or one by one."""

import os
import socket
import sys
from urllib.parse import urlsplit

import click

from coordinator import plainly
from coordinator.errors import Misconfigured


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), envvar="PORT", help="监听端口;默认取 PUBLIC_BASE_URL 的端口")
def web(port: int | None) -> None:
    """网页与接口 (gunicorn)。"""
    from coordinator import checkup, config, db, presence, queues

    settings = config.load()
    checkup.refuse()
    presence.enter()
    queues.ensure()
    db.engine().dispose()  # the server forks: nothing that is open may be shared by its processes
    host, chosen = listening_place(settings.public_base_url, port)
    refuse_taken(host, chosen)
    from coordinator.server import serve

    serve(host, chosen)


@click.command()
def worker() -> None:
    """派发、催办、对账。可以同时启动多个。"""
    from coordinator import checkup, config, logs, presence
    from coordinator import worker as role

    logs.configure(config.load().log)
    checkup.refuse()
    presence.enter()
    role.run()


@click.command()
def clock() -> None:
    """定时:按时刻表登记到期的任务。可以同时启动多个,只有一个领班。"""
    from coordinator import checkup, config, logs, presence, schedule

    logs.configure(config.load().log)
    checkup.refuse()
    presence.enter()
    schedule.run()


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), envvar="PORT", help="监听端口;默认取 PUBLIC_BASE_URL 的端口")
def up(port: int | None) -> None:
    """一条命令启动全部角色;没有外部数据库与 Redis 时用嵌入式存储。"""
    from coordinator import checkup, config, founding, supervisor

    settings = config.load()
    founding.prepare()
    checkup.refuse()
    host, chosen = listening_place(settings.public_base_url, port)
    with supervisor.only_one():
        refuse_taken(host, chosen)
        click.echo(f"联动 {settings.public_base_url} — Ctrl-C 停止")
        code = supervisor.run({"web": ["web", "--port", str(chosen)], "worker": ["worker"], "clock": ["clock"]})
        click.echo("已停止。 Stopped.")
        sys.exit(code)


def listening_place(base_url: str, port: int | None) -> tuple[str, int]:
    """Host and port of PUBLIC_BASE_URL; a public name means every interface."""
    url = urlsplit(base_url)
    host = url.hostname or "127.0.0.1"
    if host not in ("127.0.0.1", "localhost", "::1"):
        host = os.environ.get("LIANDONG_BIND", "0.0.0.0")  # noqa: S104 - behind a proxy that has the public name
    return host, port or url.port or (443 if url.scheme == "https" else 80)


def refuse_taken(host: str, port: int) -> None:
    """One clear sentence instead of a server's traceback."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise Misconfigured(
                f"端口 {host}:{port} 用不了:{plainly.of_system(error)};请停掉占用它的程序,或用 --port 换一个"
            ) from error
