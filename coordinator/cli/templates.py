"""liandong templates lint, file: would carriers take our SMS, and do they still read as filed?"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import click


@click.group()
def templates() -> None:
    """短信模板:体检、报备登记。"""


@templates.command()
@click.option("--json", "machine", is_flag=True, help="输出 JSON")
def lint(machine: bool) -> None:
    """用最短和最长的样例写出每个短信模板:几段、有无网址、禁用字符、与报备原文是否一致;有问题则退出码 1。"""
    from dataclasses import asdict

    from coordinator import filings

    samples, findings = filings.lint()
    if machine:
        rows = [{name: value for name, value in asdict(one).items() if name != "text"} for one in samples]
        click.echo(json.dumps({"ok": all(one.warning for one in findings), "templates": rows,
                               "findings": [asdict(one) for one in findings]}, ensure_ascii=False))  # fmt: skip
    else:
        spans = defaultdict[str, list[int]](list)
        for one in samples:
            spans[f"{one.template}.{one.change}"].append(one.segments)
        for name, segments in spans.items():
            click.echo(f"{name}\t{min(segments)}–{max(segments)} 段")
        for finding in findings:
            click.echo(f"{'!' if finding.warning else '✗'} {finding.template}: {finding.detail}")
    if not all(one.warning for one in findings):
        sys.exit(1)


@templates.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), required=False)
def file(path: Path | None) -> None:
    """把现在的原文记为已报备(默认写入 LIANDONG_HOME/filed.toml);没变的保留日期和运营商编号。"""
    from coordinator import filings

    to = path or filings.own()
    click.echo(f"{to}: {filings.register(to)} 个模板")
