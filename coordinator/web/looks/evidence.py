"""Why does the alert say what it says: the evidence, clause by clause, as a signer reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator.models import Alert, Graded
from coordinator.web.wording import moment, say

WORDS = {
    "valid_hours": "有效小时",
    "missing_hours": "缺测小时",
    "leading_pollutant": "首要污染物",
    "stations": "站点",
    "source": "来源",
    "issued_at": "预报起报",
    "forecast_hours": "预报小时",
    "sensitive_to": "去掉这一站点结论会变",
    "possible": "若缺测小时最坏,可达",
}


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
    """The grounds kept with the alert; else the last grading of each of its cities, while it was proposed."""
    if alert.evidence:
        return [_kept(alert)]
    newest: dict[str, Graded] = {}
    query = select(Graded).where(Graded.city.in_(alert.cities), Graded.at <= alert.created_at)
    for graded in session.scalars(query.order_by(Graded.at.desc()).limit(len(alert.cities) * 4)):
        newest.setdefault(graded.city, graded)
    return [_graded(newest[city]) for city in alert.cities if city in newest]


def _kept(alert: Alert) -> Clause:
    return Clause(
        city=alert.cities[0] if len(alert.cities) == 1 else "",
        level="",
        ruleset=alert.ruleset,
        clause=alert.clause,
        facts=tuple(facts(alert.evidence, alert.evidence.get("margin") or {})),
    )


def _graded(graded: Graded) -> Clause:
    return Clause(
        city=graded.city,
        level=str(graded.level),
        ruleset=graded.ruleset,
        clause=graded.clause,
        facts=tuple(facts(graded.evidence, graded.margin)),
        unknown=graded.verdict == "unknown",
    )


def facts(evidence: dict[str, Any], margin: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Evidence and margin as pairs of words; what has no word of ours is shown under its own name."""
    grounds: dict[str, Any] = dict(evidence.get("evidence") or evidence)
    window = grounds.pop("window", None)
    if window:
        yield say("研判时段"), f"{moment(window[0])} — {moment(window[1])}"
    for spell in grounds.pop("spells", None) or []:
        yield say("AQI24 高于 %(above)s", above=spell.get("above")), _spell(spell)
    for name, value in grounds.items():
        if name != "margin" and value not in (None, "", [], {}):
            yield say(WORDS.get(name, name)), _plain(value)
    if margin.get("next_level"):
        yield say("距上一级"), f"{say(_colour(margin['next_level']))}:{_plain(margin.get('needs'))}"


def _spell(spell: dict[str, Any]) -> str:
    return (
        say("持续 %(hours)s 小时", hours=spell.get("hours"))
        + f"({moment(spell.get('from'))} — {moment(spell.get('to'))})"
    )


def _colour(word: Any) -> str:
    return {"blue": "蓝色", "yellow": "黄色", "orange": "橙色", "red": "红色", "pre": "预警前期"}.get(
        str(word), str(word)
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ";".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "、".join(_plain(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
