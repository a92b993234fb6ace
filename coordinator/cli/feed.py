"""liandong feed …: which sources are there, how old is what they said, and what do they say now?"""

import json
from datetime import datetime
from typing import Any

import click

from coordinator import clock, db, intake, schema
from coordinator.feeds import feeds
from coordinator.freshness import FeedAge, feed_ages

STATES = {"fresh": "正常", "stale": "滞后", "silent": "无数据"}
SHOWN = 20


@click.group()
def feed() -> None:
    """数据源:列出、立即拉取。"""
    schema.require()


@feed.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="机器可读输出")
def list_(*, as_json: bool) -> None:
    """各数据源及其数据的新旧;从未收到过数据的也列出。"""
    with db.reading() as session:
        ages = feed_ages(session)
    heard = {age.name for age in ages}
    ages += [
        FeedAge(one.SOURCE, one.KIND, None, "silent", None, "" if one.wanted() else "未启用")
        for one in feeds().values()
        if one.SOURCE not in heard
    ]
    if as_json:
        click.echo(json.dumps([age.as_json() for age in ages], ensure_ascii=False))
        return
    for age in ages:
        kind = "预报" if age.kind == "forecasts" else "实况"
        click.echo(
            f"{age.name:<16} {kind} {STATES[age.state]} {_newest(age.newest_at, age.age_s)} {age.trouble}".rstrip()
        )


def _newest(newest_at: datetime | None, age_s: float | None) -> str:
    if newest_at is None or age_s is None:
        return "从未收到"
    return f"最新 {newest_at.astimezone(clock.BEIJING):%Y-%m-%d %H:%M}(距今 {age_s / 3600:.1f} 小时)"


@feed.command()
@click.argument("name", metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="机器可读输出")
def pull(name: str, *, as_json: bool) -> None:
    """立即拉取一个数据源。"""
    answer = intake.pull(name)
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else _told(answer))


def _told(answer: dict[str, Any]) -> str:
    lines = [
        f"{answer['feed']}:新收 {answer['accepted']} 行,已有 {answer['duplicates']} 行,不可用 {len(answer['rejected'])} 处"
    ]
    lines += [
        f"  第 {one['row']} 行 {one['column']} {one['value']}:{one['reason']}" for one in answer["rejected"][:SHOWN]
    ]
    if len(answer["rejected"]) > SHOWN:
        lines.append(f"  ……其余 {len(answer['rejected']) - SHOWN} 处见 --json")
    return "\n".join(lines)
