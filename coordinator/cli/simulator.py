"""liandong simulator: local carriers for SMS, voice and mail, with an inbox page and a ledger."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
from pathlib import Path

import click

from coordinator.simulator import faults, subscribers

DEFAULT_WEB = "http://127.0.0.1:8000"


@click.command()
@click.option("--port", default=8025, show_default=True, help="短信、语音接口与收件箱网页的端口(0 为任意空闲端口)")
@click.option("--smtp-port", default=2525, show_default=True, help="邮件中继的端口")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="台账目录,默认 LIANDONG_HOME/simulator")
@click.option("--web", "web_url", help="回执与手机回复送往哪里,默认 PUBLIC_BASE_URL")
@click.option("--latency-ms", type=click.FloatRange(min=0), help="每次应答前等待的毫秒数")
@click.option("--fault", "knobs", multiple=True, metavar="NAME=VALUE", help="故障开关,可重复;见 GET /faults")
@click.option("--print-env", is_flag=True, help="打印指向本机运营商的环境变量,然后退出")
@click.option("--json", "as_json", is_flag=True, help="以 JSON 打印")
def simulator(port: int, smtp_port: int, print_env: bool, as_json: bool, **asked: object) -> None:
    """本机运营商:收下短信、语音、邮件,先记台账再答复;不向真实号码发送任何内容。"""
    if print_env:
        _print(subscribers.settings(port, smtp_port), as_json=as_json)
        return
    with contextlib.suppress(KeyboardInterrupt):
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(port, smtp_port, **asked))  # type: ignore[arg-type]


def _print(settings: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(settings, ensure_ascii=False))
        return
    for name, value in settings.items():
        click.echo(f"{name}={shlex.quote(value)}")


async def _serve(
    port: int,
    smtp_port: int,
    *,
    home: Path | None,
    web_url: str | None,
    latency_ms: float | None,
    knobs: tuple[str, ...],
) -> None:
    from coordinator.simulator.server import Simulator

    wishes = faults.parsed(knobs) | ({"latency_ms": latency_ms} if latency_ms is not None else {})
    local = Simulator(
        home or Path(os.environ.get("LIANDONG_HOME", "var")) / "simulator",
        port=port,
        smtp_port=smtp_port,
        web=web_url or os.environ.get("PUBLIC_BASE_URL", DEFAULT_WEB),
        faults=wishes,
    )
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    try:
        await local.start()
        click.echo(f"收件箱 http://127.0.0.1:{local.port}/  邮件 127.0.0.1:{local.smtp_port}  台账 {local.ledger.path}")
        await stopping.wait()
    finally:
        await local.stop()
