"""liandong rules …: which editions there are, what they say, how they grade, how years would have gone."""

import json
from typing import Any

import click

from coordinator import rulebook
from coordinator.errors import Fault, Refusal
from rules.rulesets import RuleSet


@click.group()
def rules() -> None:
    """预案:列出、查看、自检、研判、回放、比较。"""


def say(answer: Any) -> None:
    """One JSON value on one line, Chinese as it is."""
    click.echo(json.dumps(answer, ensure_ascii=False))


@rules.command("list")
@click.option("--json", "as_json", is_flag=True, help="机器可读")
def list_(as_json: bool) -> None:
    """各版本:文号、地域、施行日期。"""
    rows = [_row(ruleset) for ruleset in rulebook.editions()]
    if as_json:
        say(rows)
        return
    for row in rows:
        span = f"{row['in_force_from']} — {row['in_force_to'] or '现行'}"
        levels = " ".join(row["levels"])
        click.echo(f"{row['id']:<15} {row['place']}  {row['document']}  {span}  {levels}  [{row['confidence_word']}]")


def _row(ruleset: RuleSet) -> dict[str, Any]:
    edition = ruleset.edition
    return {
        "id": edition.id,
        "title": edition.title,
        "place": edition.place,
        "place_code": edition.place_code,
        "document": edition.document,
        "in_force_from": edition.in_force_from.isoformat(),
        "in_force_to": edition.in_force_to.isoformat() if edition.in_force_to else None,
        "levels": [level.word for level in ruleset.levels],
        "confidence": edition.confidence.value,
        "confidence_word": edition.confidence.chinese,
        "reading": ruleset.reading.value,
        "aliases": list(edition.aliases),
    }


_READINGS = {
    "blocks": "连续24小时一段、首尾相接,可自任一整点起",
    "rolling": "逐小时的前24小时均值连续超过",
    "days": "连续自然日(北京时间)",
}


@rules.command()
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="机器可读")
def show(id: str, as_json: bool) -> None:
    """一个版本的全文:条款、条件、生命周期参数,以及哪些数字未经核实。"""
    ruleset = rulebook.edition(id)
    if as_json:
        say(_row(ruleset) | {"criteria": _criteria(ruleset), "lifecycle": _lifecycle(ruleset), **_remarks(ruleset)})
        return
    edition = ruleset.edition
    click.echo(f"{edition.id}  {edition.title}")
    click.echo(f"文号 {edition.document}    地域 {edition.place}    可信度 {edition.confidence.chinese}")
    click.echo(f"施行 {edition.in_force_from} 至 {edition.in_force_to or '今'}  {edition.dates_note}")
    click.echo(f"来源 {edition.source}")
    click.echo(f"读法 {ruleset.reading.value}:{_READINGS[ruleset.reading]};“>”为严格大于")
    for criterion in ruleset.criteria:
        click.echo(f"\n{criterion.level.chinese}预警 [{criterion.confidence.chinese}] {criterion.clause}")
        for row in criterion.when:
            click.echo("  · " + " 且其间 ".join(str(spell) for spell in row))
        if criterion.note:
            click.echo(f"  注:{criterion.note}")
    _show_lifecycle(ruleset)
    for note in edition.notes:
        click.echo(f"注:{note}")


def _show_lifecycle(ruleset: RuleSet) -> None:
    rule = ruleset.hysteresis
    click.echo(f"\n解除与调整 [{rule.confidence.chinese}] {rule.clause}")
    click.echo(f"  · 解除前须预测好转 {rule.clear_hours} 小时,近24小时有效不少于 {rule.present_hours} 小时")
    click.echo(f"  · 两次过程间隔不足 {rule.merge_gap_hours} 小时合并;提前 {rule.lead_hours} 小时发布;", nl=False)
    click.echo(f"监测触发须预计 {rule.reach_hours} 小时内无明显好转")
    click.echo(f"  注:{rule.note}")


def _criteria(ruleset: RuleSet) -> list[dict[str, Any]]:
    return [
        {
            "level": criterion.level.word,
            "clause": criterion.clause,
            "when": [
                [{"above": spell.above, "hours": spell.hours, "metric": spell.metric.value} for spell in row]
                for row in criterion.when
            ],
            "confidence": criterion.confidence.value,
            "note": criterion.note,
        }
        for criterion in ruleset.criteria
    ]


def _lifecycle(ruleset: RuleSet) -> dict[str, Any]:
    rule = ruleset.hysteresis
    words = {"clause": rule.clause, "confidence": rule.confidence.value, "note": rule.note}
    return {
        "clear_hours": rule.clear_hours,
        "merge_gap_hours": rule.merge_gap_hours,
        "lead_hours": rule.lead_hours,
        "reach_hours": rule.reach_hours,
        "present_hours": rule.present_hours,
        **words,
    }


def _remarks(ruleset: RuleSet) -> dict[str, Any]:
    edition = ruleset.edition
    return {"source": edition.source, "dates_note": edition.dates_note, "notes": list(edition.notes)}


@rules.command()
@click.argument("id", required=False)
@click.option("--json", "as_json", is_flag=True, help="机器可读")
def test(id: str | None, as_json: bool) -> None:
    """运行版本自带的案例;有不符则退出码 1。"""
    from coordinator.cli import casework  # numpy is loaded only here

    chosen = [rulebook.edition(id)] if id else list(rulebook.editions())
    results = [result for ruleset in chosen for result in casework.run(ruleset)]
    wrong = [result for result in results if not result["ok"]]
    if as_json:
        say({"ok": not wrong, "cases": results})
    for result in [] if as_json else wrong:
        click.echo(f"✗ {result['ruleset']} “{result['name']}”:应为 {result['expect']},算得 {result['found']}")
    if not as_json:
        click.echo(f"{len(chosen)} 个版本,{len(results)} 个案例,{len(wrong)} 个不符")
    if wrong:
        raise Fault(f"{len(wrong)} 个案例与预案不符")


@rules.command()
@click.option("--ruleset", default="auto", show_default=True, help="版本 id、别名或文号;auto 按城市与日期选")
@click.option("--daily", help="逐日 AQI24,逗号分隔;缺测写 nan 或留空")
@click.option("--hourly", "file", help="小时数据文件(csv、csv.gz、parquet)")
@click.option("--city", help="六位代码或中文名")
@click.option("--at", "at_text", help="研判时刻 T,无时区即北京时间")
@click.option("--on", "on_text", help="按哪一天选版本(默认:--at 之日或今天)")
@click.option("--horizon", type=click.IntRange(1, 24 * 31), help="看 [T, T+H) 的 H 小时;默认到该城市数据末尾")
@click.option("--json", "as_json", is_flag=True, help="机器可读(缺省即是)")
def grade(**options: Any) -> None:
    """一次研判:等级、条款、证据、距上一级还差什么。"""
    from coordinator.cli import grading_one  # numpy is loaded only here

    if (options["daily"] is None) == (options["file"] is None):
        raise Refusal("请给出 --daily 或 --hourly FILE 其中之一")
    grading = grading_one.by_day(options) if options["daily"] is not None else grading_one.by_hour(options)
    say(grading)


def _period(command: Any) -> Any:
    for option in (
        click.option("--city", multiple=True, help="六位代码或中文名,可重复"),
        click.option("--region", help="区域:2+26、2+36、jjj"),
        click.option("--foresight", type=click.IntRange(0, 24 * 31), help="每次决策后取多少小时作为完美预报"),
        click.option("--from", "from_text", help="从何时起决策"),
        click.option("--to", "to_text", help="到何时止"),
    ):
        command = option(command)
    return command


@rules.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--forecast", help="预报文件(可带 issued_at 列);不给则以文件自身为完美预报")
@click.option("--ruleset", default="auto", show_default=True, help="版本 id、别名或文号;auto 按城市与日期选")
@click.option("--json", "as_json", is_flag=True, help="机器可读(缺省即是)")
@_period
def replay(**options: Any) -> None:
    """逐时回放:每次启动、升级、降级、延长、合并、解除各一行 JSON,末行为汇总。"""
    from coordinator.cli import replaying  # numpy is loaded only here

    for line in replaying.lines(options):
        say(line)


@rules.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--ruleset", multiple=True, required=True, help="给出两个(或更多)版本")
@click.option("--json", "as_json", is_flag=True, help="机器可读")
@_period
def compare(**options: Any) -> None:
    """两个版本在同一段空气上的得失:命中、漏报、迟报、空报、提前量、各级城市小时。"""
    from coordinator.cli import replaying  # numpy is loaded only here

    if len(set(options["ruleset"])) < 2:
        raise Refusal("比较至少要两个不同的版本:--ruleset A --ruleset B")
    found = replaying.comparison(options)
    if options["as_json"]:
        say(found)
        return
    click.echo(
        f"{found['from']} 至 {found['to']},{found['cities']} 个城市,预见期 {found['foresight']} 小时,{found['yardstick']}"
    )
    for row in found["rulesets"]:
        hours = " ".join(f"{word}={count}" for word, count in row["city_hours"].items())
        leads = row["lead_hours"]["quartiles"]
        lead = f"提前量中位 {leads[2]:.0f} 小时" if leads else "无提前量"
        click.echo(
            f"{row['ruleset']:<15} 命中 {row['hits']} 漏报 {row['misses']} 迟报 {row['late']} 空报 {row['needless']}",
            nl=False,
        )
        click.echo(f"  {lead}  城市小时 {hours}")
    click.echo(f"等级不同的城市小时:{found['city_hours_differing']}")
