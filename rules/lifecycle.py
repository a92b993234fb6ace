"""What becomes of the standing alert: start, upgrade, downgrade, extend, merge, lift or hold, each with its reason."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np

from rules.grading import Grading
from rules.levels import Level, Verdict
from rules.rulesets import Hysteresis
from rules.spells import BEIJING, DAY

HOUR = timedelta(hours=1)


class ChangeKind(StrEnum):
    """HOLD: the alert stays as it is. QUIET: nothing stands and nothing is called for. UNKNOWN: can't be said."""

    START = "start"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    EXTEND = "extend"
    LIFT = "lift"
    MERGE = "merge"
    UNKNOWN = "unknown"
    HOLD = "hold"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Standing:
    """The alert one city has: its level, since when it takes effect, until when it is expected to last."""

    level: Level
    since: datetime
    until: datetime
    clause: str


@dataclass(frozen=True, slots=True)
class Change:
    """One step of an alert's life; ``standing`` is what stands after it, None when nothing does."""

    kind: ChangeKind
    at: datetime
    decided_at: datetime
    before: Standing | None
    standing: Standing | None
    clause: str
    reason: str
    grading: Grading

    @property
    def level(self) -> Level:
        """What stands after the change."""
        return self.standing.level if self.standing else Level.NONE

    @property
    def previous(self) -> Level:
        """What stood before it."""
        return self.before.level if self.before else Level.NONE

    @property
    def notable(self) -> bool:
        """Is there something to propose or to tell?"""
        return self.kind not in (ChangeKind.HOLD, ChangeKind.QUIET)

    def as_json(self, *, city_name: str) -> dict[str, Any]:
        """CONTRACT § Output shapes, replay line."""
        return {
            "city": self.grading.city,
            "city_name": city_name,
            "at": self.at.astimezone(BEIJING).isoformat(),
            "decided_at": self.decided_at.astimezone(BEIJING).isoformat(),
            "change": self.kind.value,
            "level": self.level.word,
            "previous": self.previous.word,
            "until": self.standing.until.astimezone(BEIJING).isoformat() if self.standing else None,
            "ruleset": self.grading.ruleset,
            "clause": self.clause,
            "reason": self.reason,
            "evidence": self.evidence(),
        }

    def evidence(self) -> dict[str, Any]:
        """The grading's evidence; for what stands on clean air, also present and coming AQI24."""
        clear = self.grading.clearance
        return {
            **self.grading.evidence.as_json(),
            "present_aqi24": _number(clear.present_aqi24),
            "present_hours": clear.present_hours,
            "ahead_aqi24": _number(clear.ahead_aqi24),
        }


def _number(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def decide(standing: Standing | None, grading: Grading, rules: Hysteresis, *, decided_at: datetime) -> Change:
    """What should become of ``standing`` in the light of ``grading``; a proposal, people sign.

    standing  the city's alert, announced or in force; None when there is none
    grading   from `rules.episodes.foresee` at ``decided_at``
    rules     the edition's hysteresis

    Missing hours never lift and never start: they answer UNKNOWN. A lift needs the last 24 hours' AQI24 and every
    AQI24 of the next ``clear_hours`` at or below the lowest criterion, all of them known.
    Source: 环大气〔2024〕6号, air.md §2.1.
    """
    if standing is None:
        return _without(grading, rules, decided_at)
    if grading.level > Level.NONE and _same_process(standing, grading, rules, decided_at):
        if grading.level > standing.level:
            return _raised(standing, grading, decided_at)
        lower = _lowered(standing, grading, rules, decided_at)
        return lower or _longer(standing, grading, rules, decided_at)
    return _ended(standing, grading, rules, decided_at)


def _without(grading: Grading, rules: Hysteresis, now: datetime) -> Change:
    if grading.level is Level.NONE:
        if grading.verdict is Verdict.UNKNOWN:
            reason = (
                f"缺测 {grading.evidence.missing_hours} 小时,不能判定是否达到启动条件:不按清洁处理,请以会商和预报判定"
            )
            return Change(ChangeKind.UNKNOWN, now, now, None, None, grading.clause, reason, grading)
        return Change(ChangeKind.QUIET, now, now, None, None, grading.clause, "未达到启动条件", grading)
    starts_at, ends_at = _episode(grading)
    at = max(now, starts_at)
    lead = (at - now) // HOUR
    notice = (
        f"提前 {lead} 小时" if lead >= rules.lead_hours else f"提前 {lead} 小时,不足 {rules.lead_hours} 小时,应立即发布"
    )
    reason = f"达到{grading.level.chinese}预警启动条件,污染过程预计持续至 {_clock(ends_at)};{notice}"
    after = Standing(grading.level, at, ends_at, grading.clause)
    return Change(ChangeKind.START, at, now, None, after, grading.clause, reason, grading)


def _episode(grading: Grading) -> tuple[datetime, datetime]:
    if grading.starts_at is None or grading.ends_at is None:
        raise ValueError(f"{grading.city}: 等级 {grading.level.word} 没有对应的污染过程")
    return grading.starts_at, grading.ends_at


def _same_process(standing: Standing, grading: Grading, rules: Hysteresis, now: datetime) -> bool:
    """Does the graded episode belong to the standing alert: no full gap before it, or too soon to lift before it?"""
    starts_at, _ = _episode(grading)
    gap, soon = starts_at - standing.until, starts_at - now
    return gap < rules.merge_gap_hours * HOUR or soon < rules.clear_hours * HOUR


def _raised(standing: Standing, grading: Grading, now: datetime) -> Change:
    starts_at, ends_at = _episode(grading)
    after = Standing(grading.level, standing.since, max(ends_at, standing.until), grading.clause)
    at = max(now, standing.since, starts_at)
    merged = "(前次预警尚不具备解除条件,合并为一次过程,从严启动)" if starts_at > standing.until else ""
    reason = f"达到{grading.level.chinese}预警启动条件,由{standing.level.chinese}升级{merged}"
    return Change(ChangeKind.UPGRADE, at, now, standing, after, grading.clause, reason, grading)


def _lowered(standing: Standing, grading: Grading, rules: Hysteresis, now: datetime) -> Change | None:
    """Below the standing level's own threshold, surely and for long enough, though not clean enough to lift."""
    known = {criterion.level: criterion for criterion in grading.view.ruleset.criteria}
    own = known.get(standing.level)
    clear = grading.clearance
    if own is None or grading.level >= standing.level or grading.possible >= standing.level:
        return None
    if not clear.known(clear_hours=rules.clear_hours, present_hours=rules.present_hours):
        return None
    if clear.ahead_aqi24 > own.stays_above:
        return None
    after = Standing(grading.level, standing.since, max(_episode(grading)[1], now), grading.clause)
    reason = (
        f"AQI24 已降至 {own.stays_above} 以下并预计持续 {rules.clear_hours} 小时以上,由{standing.level.chinese}降级"
    )
    return Change(ChangeKind.DOWNGRADE, now, now, standing, after, grading.clause, reason, grading)


def _longer(standing: Standing, grading: Grading, rules: Hysteresis, now: datetime) -> Change:
    starts_at, ends_at = _episode(grading)
    if ends_at <= standing.until or now < standing.until - rules.reach_hours * HOUR:
        reason = f"仍在{standing.level.chinese}预警的污染过程之中"
        return Change(ChangeKind.HOLD, now, now, standing, standing, standing.clause, reason, grading)
    after = Standing(standing.level, standing.since, ends_at, standing.clause)
    if starts_at > standing.until:
        gap = (starts_at - standing.until) // HOUR
        reason = f"后一过程 {_clock(starts_at)} 开始,间隔 {gap} 小时,不具备解除条件,合并为一次过程"
        return Change(ChangeKind.MERGE, now, now, standing, after, grading.clause, reason, grading)
    reason = f"污染过程预计延长至 {_clock(ends_at)}"
    return Change(ChangeKind.EXTEND, now, now, standing, after, grading.clause, reason, grading)


def _ended(standing: Standing, grading: Grading, rules: Hysteresis, now: datetime) -> Change:
    clear, rule = grading.clearance, grading.view.ruleset
    lowest = min(criterion.stays_above for criterion in rule.criteria)
    numbers = {"clear_hours": rules.clear_hours, "present_hours": rules.present_hours}
    if clear.below(lowest, **numbers):
        reason = (
            f"近 {DAY} 小时有效 {clear.present_hours} 小时,AQI24 为 {int(clear.present_aqi24)};未来 {rules.clear_hours} 小时 "
            f"AQI24 最高 {int(clear.ahead_aqi24)},均不高于 {lowest}"
        )
        at = max(now, standing.since)
        return Change(ChangeKind.LIFT, at, now, standing, None, rules.clause, reason, grading)
    if not clear.known(**numbers):
        reason = f"近 24 小时有效 {clear.present_hours} 小时或未来 {rules.clear_hours} 小时资料不足:缺数不作为解除依据,预警维持"
        return Change(ChangeKind.UNKNOWN, now, now, standing, standing, standing.clause, reason, grading)
    reason = f"AQI24 最高 {int(clear.ahead_aqi24)},尚未在 {lowest} 以下稳定 {rules.clear_hours} 小时,预警维持"
    return Change(ChangeKind.HOLD, now, now, standing, standing, standing.clause, reason, grading)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%m月%d日%H时}"
