"""What is said about a judged incident, to machines and to people?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from coordinator import rulebook_incidents as rulebook
from coordinator.rulebook_incidents import Assessment
from rules.deadlines import Duty
from rules.incident_life import Stage
from rules.incidents import Grade, Grading

REGIMES = {"environmental": "突发环境事件", "ship": "船舶污染事故", "radiation": "辐射事故"}
TRACKS = {"2h": "两小时快报", "4h": "四小时报告", "radiation": "辐射事故报告规定", "ship": "船舶事故报告规定"}
DUTIES = {
    "bureau_report": "初报(生态环境部门)",
    "province_to_ministry": "省级核实上报",
    "neighbour_notice": "通报相邻地区",
    "radiation_immediate": "辐射事故立即报告",
    "radiation_relay": "接报部门上报",
    "radiation_form": "辐射事故初始报告表",
    "radiation_state_council": "上报国务院",
    "ship_immediate": "船舶事故立即报告",
}
PARTIES = {
    "own_government": "本级人民政府",
    "next_higher_bureau": "上一级生态环境部门",
    "province": "省级生态环境部门",
    "ministry": "生态环境部",
    "state_council": "国务院",
    "neighbour_bureau": "相邻地区同级生态环境部门",
    "msa": "海事管理机构",
    "coastal_prefecture_government": "沿海设区的市级以上人民政府",
    "local_bureau": "当地生态环境部门",
    "unit": "事故单位",
    "ship_or_terminal": "船舶或码头",
    "police": "公安机关",
    "health": "卫生健康部门",
}


def document(assessment: Assessment) -> dict[str, Any]:
    """The findings as ``incident grade --json`` prints them."""
    now = assessment.now
    findings = {
        "grades": [_grading(grading) for grading in now.gradings],
        "reporting_track": now.track,
        "duties": [_duty(duty) for duty in assessment.duties],
        "neighbours": {
            "due": now.neighbours.due,
            "search_both_banks": now.neighbours.search_both_banks,
            "who": list(rulebook.whom(now)),
            "clause": rulebook.reporting().neighbours.clause,
        },
        "history": [_stage(stage) for stage in assessment.stages],
        "notes": list(notes(now)),
    }
    command = _command(now)
    return findings | ({"command": command} if command else {})


def notes(stage: Stage) -> Iterator[str]:
    """What a reader must not overlook: facts given that no regime asked for reads."""
    asked = {grading.regime for grading in stage.gradings}
    for regime in ("ship", "radiation"):
        if regime not in asked and any(path.startswith(f"{regime}.") for path in stage.facts):
            yield f"文件给出了{REGIMES[regime]}的情况,但 regimes 未列 {regime},该项未定级"


def _grading(grading: Grading) -> dict[str, Any]:
    table = rulebook.grade_tables()[grading.table]
    return {
        "regime": grading.regime,
        "table": grading.table,
        "grade": _numeral(grading.grade),
        "verdict": "grade" if grading.grade else "unknown",
        "criteria": [
            {"fact": found.fact, "value": found.value, "grade": found.grade.name, "clause": found.clause}
            for found in grading.reached
        ],
        "document": table.document,
        "source": table.source,
        "confidence": table.confidence,
    }


def _duty(duty: Duty) -> dict[str, Any]:
    return {
        "duty": duty.clock.duty,
        "from": duty.clock.sender,
        "to": list(duty.clock.to),
        "anchor": duty.anchor,
        "anchor_at": _when(duty.anchor_at),
        "due_at": _when(duty.due_at),
        "clause": duty.clock.clause,
        "confidence": duty.clock.confidence,
        "superseded_at": _when(duty.superseded_at),
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "at": _when(stage.at),
        "grade": _numeral(stage.leading),
        "reporting_track": stage.track,
        "grades": {grading.regime: _numeral(grading.grade) for grading in stage.gradings},
    }


def _command(stage: Stage) -> dict[str, Any] | None:
    """Only ships have a command body by grade; an unknown grade has none yet."""
    for grading in stage.gradings:
        bodies = rulebook.grade_tables()[grading.table].command
        if bodies:
            return {"regime": grading.regime, "body": None} | dict(bodies[grading.grade] if grading.grade else {})
    return None


def _numeral(grade: Grade | None) -> str | None:
    return grade.name if grade else None


def _when(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def readable(assessment: Assessment) -> str:
    """The same findings as a duty officer reads them aloud."""
    return "\n".join(_lines(assessment))


def _lines(assessment: Assessment) -> Iterator[str]:
    now = assessment.now
    for grading in now.gradings:
        yield from _grading_lines(grading)
    yield f"报告途径:{TRACKS[now.track]}"
    yield "报告与通报:"
    yield from (f"  {_duty_line(duty)}" for duty in assessment.duties)
    if now.neighbours.due:
        yield f"相邻地区:须通报 {'、'.join(PARTIES.get(who, who) for who in rulebook.whom(now))}"
    if now.neighbours.search_both_banks:
        yield "  界河或距界不远:两岸、上下游同时排查来源"
    command = _command(now)
    if command and command["body"]:
        yield f"指挥机构:{command['says']}"
    if len(assessment.stages) > 1:
        yield "经过:" + " → ".join(_stage_words(stage) for stage in assessment.stages)
    yield from (f"注意:{note}" for note in notes(now))


def _grading_lines(grading: Grading) -> Iterator[str]:
    table = rulebook.grade_tables()[grading.table]
    titles = {criterion.fact: criterion.title for criterion in table.criteria}
    verdict = grading.grade.chinese if grading.grade else "级别待定(没有任何分级情形的事实已知)"
    yield f"{REGIMES[grading.regime]}:{verdict}(依据 {table.document})"
    for found in grading.reached:
        yield f"  {found.grade.chinese}  {titles[found.fact]}:{_value(found.value)}  {found.clause}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "、".join(f"{name} {_value(part)}" for name, part in value.items())
    return {True: "是", False: "否"}[value] if isinstance(value, bool) else str(value)


def _duty_line(duty: Duty) -> str:
    to = "、".join(PARTIES.get(party, party) for party in duty.clock.to)
    at = f"{duty.due_at:%m月%d日 %H:%M} 前" if duty.due_at else "自省级接报起计时"
    when = "立即" if duty.due_at and not duty.clock.hours else at
    replaced = f"(已由 {duty.superseded_at:%m月%d日 %H:%M} 后的新报告代替)" if duty.superseded_at else ""
    name, sender = DUTIES.get(duty.clock.duty, duty.clock.duty), PARTIES.get(duty.clock.sender, duty.clock.sender)
    return f"{when}  {name}:{sender} → {to}{replaced}"


def _stage_words(stage: Stage) -> str:
    return f"{stage.at:%m月%d日 %H:%M} {stage.leading.chinese if stage.leading else '级别待定'}"
