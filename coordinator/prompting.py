"""What does the program put before people: a new alert, or a change or lift of a standing one? Never twice, never over them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import clock, paging, response, rulebook
from coordinator.models import Alert, AlertState, Episode, Mode, Revision
from coordinator.response import IN_FORCE, OPEN, PROGRAM, Proposal
from coordinator.spoken import STATES
from rules.grading import Grading
from rules.levels import Level
from rules.lifecycle import Change, ChangeKind, Standing

HOUR = timedelta(hours=1)
AIR = "air"
# What people have turned down is not put before them again so soon, unless it has become worse.
TURNED_DOWN = (AlertState.REJECTED, AlertState.DISMISSED, AlertState.RETRACTED)
REST = timedelta(hours=24)
ASK_AGAIN = timedelta(hours=6)
ENDS = frozenset({ChangeKind.LIFT, ChangeKind.DOWNGRADE})
LONGER = frozenset({ChangeKind.EXTEND, ChangeKind.MERGE})

Grounds = Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Standings:
    """The real air alerts there are: in force, and not yet in force; ``by_city`` the highest each city stands under."""

    in_force: tuple[Alert, ...]
    waiting: tuple[Alert, ...]
    by_city: Mapping[str, Standing]

    def of(self, city: str) -> Standing | None:
        return self.by_city.get(city)


def standings(session: Session, gradings: Mapping[str, Grading], at: datetime) -> Standings:
    """Every open actual air alert, whoever proposed it, locked for this round."""
    query = (
        select(Alert)
        .where(Alert.mode == Mode.ACTUAL, Alert.kind == AIR, Alert.state.in_(OPEN))
        .order_by(Alert.id)
        .with_for_update()
    )
    alerts = session.scalars(query).all()
    in_force = tuple(alert for alert in alerts if alert.state in IN_FORCE and alert.in_force_rev)
    waiting = tuple(alert for alert in alerts if alert not in in_force)
    by_city: dict[str, Standing] = {}
    for alert in sorted(in_force, key=lambda alert: alert.level):
        for city in alert.cities:
            by_city[city] = _standing(alert, gradings.get(city), at)
    return Standings(in_force, waiting, by_city)


def _standing(alert: Alert, grading: Grading | None, at: datetime) -> Standing:
    """An order without an end lasts as long as the episode does."""
    ends_at = grading.ends_at if grading else None
    until = alert.effective_to or max(at, alert.effective_from, ends_at or at)
    return Standing(Level(alert.level), alert.effective_from, until, alert.clause)


@dataclass
class Desk:
    """Puts the changes of one round before people. ``proposed``, ``asked``: alert ids."""

    session: Session
    at: datetime
    standings: Standings
    episode: Episode | None
    proposed: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    def put(self, changes: Mapping[str, Change], grounds: Grounds) -> dict[str, str]:
        """Carry the round to the desk; says for each city why what was called for isn't put forward again."""
        remarks = {}
        for code, change in changes.items():
            if change.kind is ChangeKind.START:
                remarks[code] = self._start(code, change, grounds[code])
        for alert in self.standings.in_force:
            concerned = {code: changes[code] for code in alert.cities if code in changes}
            if len(concerned) == len(alert.cities):
                remarks |= dict.fromkeys(concerned, self._stands(alert, concerned, grounds))
        return {code: remark for code, remark in remarks.items() if remark}

    # A city without an alert in force

    def _start(self, code: str, change: Change, grounds: dict[str, Any]) -> str:
        for alert in self.standings.waiting:
            if code in alert.cities and (alert.level >= change.level or alert.open_key == _key(code)):
                return self._already(alert, change, grounds)
        if turned_down := self._turned_down(code, change.level):
            return f"{change.reason};同级或更高的拟定 {turned_down.number} 已被退回或撤销,24 小时内不再拟定"
        effective_from = _full_hour(max(change.at, self.at))
        until = change.standing.until if change.standing else None
        proposal = Proposal(
            mode=Mode.ACTUAL,
            kind=AIR,
            level=change.level,
            cities=(code,),
            effective_from=effective_from,
            effective_to=until if until and until > effective_from else None,
            reason=_reason(code, change, grounds),
            origin="engine",
            ruleset=change.grading.ruleset,
            clause=change.clause,
            evidence=grounds,
            open_key=_key(code),
            episode_id=self.episode.id if self.episode else None,
        )
        alert = response.propose(self.session, proposal, proposer=PROGRAM)
        paging.page_duty(self.session, alert, purpose="proposed", step=0)
        self.proposed.append(alert.id)
        return ""

    def _already(self, alert: Alert, change: Change, grounds: dict[str, Any]) -> str:
        """The program's own untouched proposal follows the air upward; what people have taken up is theirs."""
        if alert.proposer == PROGRAM and alert.state == AlertState.PROPOSED and change.level > alert.level:
            wanted = self._upgraded(change, grounds) | {"reason": _reason(alert.cities[0], change, grounds)}
            response.change(self.session, alert, by=PROGRAM, wanted=wanted)
            self.proposed.append(alert.id)
            return ""
        return f"{change.reason};已有待签发的预警 {alert.number}({Level(alert.level).chinese})"

    def _turned_down(self, code: str, level: Level) -> Alert | None:
        query = (
            select(Alert)
            .where(Alert.mode == Mode.ACTUAL, Alert.kind == AIR, Alert.origin == "engine", Alert.level >= level)
            .where(Alert.state.in_(TURNED_DOWN), Alert.ended_at > self.at - REST)
        )
        return next((alert for alert in self.session.scalars(query) if code in alert.cities), None)

    # An alert in force, over one city or several

    def _stands(self, alert: Alert, changes: Mapping[str, Change], grounds: Grounds) -> str:
        """All its cities must allow a lower level; all must call for a higher one, else those that do get their own."""
        kinds = {change.kind for change in changes.values()}
        if kinds == {ChangeKind.LIFT}:
            return self._ask(alert, changes, grounds, level=Level.NONE)
        if kinds <= ENDS:
            return self._ask(alert, changes, grounds, level=max(change.level for change in changes.values()))
        higher = [code for code, change in changes.items() if change.kind is ChangeKind.UPGRADE]
        if len(higher) == len(changes):
            return self._ask(alert, changes, grounds, level=min(change.level for change in changes.values()))
        if higher:
            return ";".join(filter(None, (self._start(code, changes[code], grounds[code]) for code in higher)))
        if kinds & LONGER and alert.effective_to:
            return self._ask(alert, changes, grounds, level=Level(alert.level))
        return ""

    def _ask(self, alert: Alert, changes: Mapping[str, Change], grounds: Grounds, *, level: Level) -> str:
        leading = _leading(changes.values())
        if alert.state != AlertState.ACTIVE:
            return f"{leading.reason};预警 {alert.number} {STATES[alert.state]},待其办结后再议"
        if level == alert.level and leading.kind not in LONGER:
            return ""
        wanted = self._wanted(alert, changes, grounds, level=level)
        word = "lift" if level is Level.NONE else leading.kind.value
        if self._asked_lately(alert, word, level):
            return f"{leading.reason};6 小时内已申请过,未获签发"
        if level is Level.NONE:
            response.lift(self.session, alert, by=PROGRAM, wanted=wanted)
        else:
            response.change(self.session, alert, by=PROGRAM, wanted=wanted)
        paging.page_signers(self.session, alert)
        self.asked.append(alert.id)
        return ""

    def _wanted(self, alert: Alert, changes: Mapping[str, Change], grounds: Grounds, *, level: Level) -> dict[str, Any]:
        leading = _leading(changes.values())
        evidence = {code: grounds[code] for code in changes} if len(changes) > 1 else grounds[leading.grading.city]
        reason = ";".join(_reason(code, change, grounds[code]) for code, change in changes.items())
        if level is Level.NONE:
            return {"reason": reason, "evidence": evidence}
        wanted: dict[str, Any] = {"reason": reason, "evidence": evidence}
        if level != alert.level:
            wanted |= {"level": level, "clause": leading.clause}
        if level > alert.level:
            wanted["effective_from"] = _full_hour(max(leading.at, self.at))
        until = max(change.standing.until for change in changes.values() if change.standing)
        if alert.effective_to and until > max(alert.effective_to, wanted.get("effective_from", alert.effective_to)):
            wanted["effective_to"] = until
        return wanted

    def _upgraded(self, change: Change, grounds: dict[str, Any]) -> dict[str, Any]:
        effective_from = _full_hour(max(change.at, self.at))
        until = change.standing.until if change.standing else None
        return {
            "level": change.level, "clause": change.clause, "evidence": grounds, "effective_from": effective_from,
            "effective_to": until if until and until > effective_from else None,
        }  # fmt: skip

    def _asked_lately(self, alert: Alert, word: str, level: Level) -> bool:
        query = select(Revision).where(
            Revision.alert_id == alert.id,
            Revision.asked_by == PROGRAM,
            Revision.asked_at > self.at - ASK_AGAIN,
            Revision.change == ("extend" if word == "merge" else word),
        )
        return any(_level_said(revision, alert) == level for revision in self.session.scalars(query))


def _level_said(revision: Revision, alert: Alert) -> Level:
    if revision.change == "lift":
        return Level.NONE
    said = revision.said.get("level", alert.level)
    return Level(said) if isinstance(said, int) else Level.parse(said)


def _leading(changes: Iterable[Change]) -> Change:
    """The change of the city that is worst off: it says what the alert as a whole may become."""
    return max(changes, key=lambda change: (change.level, change.kind in LONGER, change.grading.level))


def _reason(code: str, change: Change, grounds: Mapping[str, Any]) -> str:
    alone = grounds.get("hangs_on_station")
    doubt = f"。所依据的实况取决于单个站点 {alone},须先核实" if alone else ""
    return f"{rulebook.city(code).name}{change.reason}{doubt}"


def _key(code: str) -> str:
    return f"actual:{AIR}:{code}"


def _full_hour(at: datetime) -> datetime:
    """Orders take effect on the hour: the next one, if it has begun."""
    whole = at.replace(minute=0, second=0, microsecond=0)
    return (whole if whole == at else whole + HOUR).astimezone(clock.BEIJING)
