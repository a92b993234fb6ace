"""Why does the alert say what it says: the evidence, clause by clause, as a signer reads it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator.models import Alert, Graded, Mode
from coordinator.web.wording import level, moment, say
from rules.levels import Level

WORDS = {
    "valid_hours": "有效小时",
    "missing_hours": "缺测小时",
    "leading_pollutant": "首要污染物",
    "highest_aqi24": "AQI24 最高",
    "present_aqi24": "现时 AQI24",
    "present_hours": "现时有效小时",
    "ahead_aqi24": "未来 AQI24 最高",
    "possible": "缺测小时若最坏，可达",
    "needs_verification": "等级取决于单个站点，须核实",
    "cause": "成因",
    "observed_by": "实况来源",
    "suspects": "存疑站点",
    "foretold_by": "预报来源",
    "foretold_hours": "预报小时",
    "first_unknown_hour": "预报自",
    "observed": "实况依据",
    "forecast": "预报依据",
    "checked_by": "核对人",
}
SHOWN_APART = ("city", "level", "ruleset", "clause", "verdict", "margin", "evidence")


@dataclass(frozen=True, slots=True)
class Clause:
    """One city's grounds: which clause, and the facts under it as (name, value) pairs."""

    city: str
    level: str
    ruleset: str
    clause: str
    facts: tuple[tuple[str, str], ...]
    unknown: bool = False


def of_alert(session: Session, alert: Alert) -> list[Clause]:
    """The grounds kept with what is asked, else with the alert; else the last grading of each of its cities."""
    grounds = alert.pending.get("wanted", {}).get("evidence") or alert.evidence
    if grounds and all(re.fullmatch(r"\d{6}", name) for name in grounds):
        return [_kept(alert, each) for each in grounds.values()]
    if grounds:
        return [_kept(alert, grounds)]
    if alert.mode != Mode.ACTUAL:
        return []
    newest: dict[str, Graded] = {}
    query = select(Graded).where(Graded.city.in_(alert.cities), Graded.at <= alert.created_at)
    for graded in session.scalars(query.order_by(Graded.at.desc()).limit(len(alert.cities) * 4)):
        newest.setdefault(graded.city, graded)
    return [_graded(newest[city]) for city in alert.cities if city in newest]


def _kept(alert: Alert, grounds: dict[str, Any]) -> Clause:
    return Clause(
        city=str(grounds.get("city") or (alert.cities[0] if len(alert.cities) == 1 else "")),
        level=str(grounds.get("level", "")) if grounds.get("verdict") == "level" else "",
        ruleset=str(grounds.get("ruleset", alert.ruleset)),
        clause=str(grounds.get("clause", alert.clause)),
        facts=tuple(facts(grounds, grounds.get("margin") or {})),
        unknown=grounds.get("verdict") == "unknown",
    )


def _graded(graded: Graded) -> Clause:
    return Clause(
        city=graded.city,
        level=Level(graded.level).word,
        ruleset=graded.ruleset,
        clause=graded.clause,
        facts=tuple(facts(graded.evidence, graded.margin or {})),
        unknown=graded.verdict == "unknown",
    )


def facts(kept: dict[str, Any], margin: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Evidence and margin as pairs of words; what has no word of ours is shown under its own name."""
    grounds: dict[str, Any] = {**(kept.get("evidence") or {}), **kept}
    window = grounds.pop("window", None)
    if window:
        yield say("研判时段"), f"{moment(window[0])} — {moment(window[1])}"
    for spell in grounds.pop("spells", None) or []:
        yield say("AQI24 高于 %(above)s", above=spell.get("above")), _spell(spell)
    for name, value in grounds.items():
        if name not in SHOWN_APART and value not in (None, "", [], {}):
            yield say(WORDS.get(name, name)), _plain(value)
    if margin.get("next_level"):
        yield say("距上一级"), f"{level(margin['next_level'])}{say('：')}{_plain(margin.get('needs'))}"


def _spell(spell: dict[str, Any]) -> str:
    return (
        say("持续 %(hours)s 小时", hours=spell.get("hours"))
        + f"({moment(spell.get('from'))} — {moment(spell.get('to'))})"
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ";".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "、".join(_plain(each) for each in value)
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return moment(value)
    if isinstance(value, bool):
        return say("是") if value else say("否")
    return f"{value:g}" if isinstance(value, float) else str(value)
