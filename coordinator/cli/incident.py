"""liandong incident …: how grave, who must be told by when, and when will it arrive downstream?"""

import json
import sys
from pathlib import Path
from typing import Any

import click

from coordinator import arrivals, findings, plainly, rulebook_incidents
from coordinator.errors import Refusal

JSON_FILE = click.Path(path_type=Path, allow_dash=True)
# Findings are read by programs more often than by people: words are for a terminal, or for who asks.
FORM = click.option("--json/--text", "as_json", default=None, help="JSON 或文字;缺省:终端上为文字,否则为 JSON")


@click.group()
def incident() -> None:
    """突发环境事件:定级、报告时限、下游到达。"""


@incident.command()
@click.argument("file", type=JSON_FILE, metavar="FILE.json")
@FORM
def grade(file: Path, *, as_json: bool | None) -> None:
    """事实 → 各类规定下的级别、报告途径、时限、须通报的邻区。"""
    assessment = rulebook_incidents.assess(read(file))
    click.echo(_json(findings.document(assessment)) if _wants_json(as_json) else findings.readable(assessment))


@incident.command()
@click.argument("file", type=JSON_FILE, metavar="FILE.json")
@FORM
def travel(file: Path, *, as_json: bool | None) -> None:
    """泄漏量与河段 → 各断面的到达、峰值、离开时间。"""
    found = arrivals.document(read(file))
    click.echo(_json(found) if _wants_json(as_json) else arrivals.readable(found))


def _wants_json(asked: bool | None) -> bool:
    return not sys.stdout.isatty() if asked is None else asked


def read(file: Path) -> Any:
    """The JSON in a file, or a sentence about what is wrong with it."""
    try:
        text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return json.loads(text.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
    except OSError as fault:
        raise Refusal(f"无法读取 {file}:{plainly.of_system(fault)}") from fault
    except UnicodeDecodeError as fault:
        raise Refusal(f"{file} 不是 UTF-8 编码的文本;请以 UTF-8 另存") from fault
    except (ValueError, RecursionError) as fault:
        raise Refusal(f"{file} 不是合格的 JSON:{fault}") from fault


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"字段 {name} 写了两次,请只留一处")
    return dict(pairs)


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} 不是 JSON 数;不知道就写 null")


def _json(findings_document: dict[str, Any]) -> str:
    return json.dumps(findings_document, ensure_ascii=False, allow_nan=False)
