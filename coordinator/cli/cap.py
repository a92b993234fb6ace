"""liandong cap …: is this file a CAP 1.2 alert?"""

import json
import sys
from pathlib import Path

import click

from coordinator import cap_check, plainly
from coordinator.cap_check import LARGEST, Verdict
from coordinator.errors import Refusal


@click.group()
def cap() -> None:
    """CAP 1.2 警报文件。"""


@cap.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="机器可读输出")
def validate(file: Path, *, as_json: bool) -> None:
    """依 CAP 1.2 语法与规则校验:0 合格(规则方面的问题只作提醒),1 不合格。"""
    verdict = _checked(file)
    click.echo(_json(verdict) if as_json else _readable(verdict, file))
    sys.exit(0 if verdict.valid else 1)


def _checked(file: Path) -> Verdict:
    try:
        return cap_check.check(_start(file))
    except FileNotFoundError as fault:
        raise Refusal(f"没有文件 {file}") from fault
    except OSError as fault:
        return cap_check.unreadable(f"无法读取 {file}:{plainly.of_system(fault)}")


def _start(file: Path) -> bytes:
    """One byte more than is looked at, so that an endless file is known to be too large."""
    if str(file) == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with file.open("rb") as stream:
        return stream.read(LARGEST + 1)


def _json(verdict: Verdict) -> str:
    return json.dumps(
        {
            "valid": verdict.valid,
            "errors": [{"line": found.line, "message": found.words} for found in verdict.errors],
            "warnings": [{"line": found.line, "message": found.words} for found in verdict.warnings],
        },
        ensure_ascii=False,
    )


def _readable(verdict: Verdict, file: Path) -> str:
    lines = [f"{file}:{'合格的 CAP 1.2 警报' if verdict.valid else '不是合格的 CAP 1.2 警报'}"]
    lines += [f"  不合格 {found}" for found in verdict.errors]
    return "\n".join([*lines, *(f"  提醒 {found}" for found in verdict.warnings)])
