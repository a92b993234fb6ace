"""Alerts as officers see them: which there are, and one with all that a signer has to know."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import mandates, pace, progress, response
from coordinator.errors import NotFound
from coordinator.mandates import Need
from coordinator.models import Alert, Audited, Episode, Issue, Revision, Signature
from coordinator.models import AlertState as S
from coordinator.response import HOLDABLE, IN_FORCE, OPEN
from coordinator.web.looks import evidence, telling
from coordinator.web.vocabulary import ROLES
from coordinator.web.wording import say
from rules.levels import Level

PAGE = 40
STATES_OF = {"open": OPEN, "waiting": (S.PENDING_APPROVAL, S.CHANGING, S.HELD), "standing": IN_FORCE}
ACTS: dict[str, tuple[tuple[S, ...], str]] = {  # act → the states it is possible in, the mandate it asks for
    "submit": ((S.PROPOSED,), "propose"),
    "hold": (HOLDABLE, "hold"),
    "release": ((S.HELD,), "propose"),
    "change": ((S.PROPOSED, S.PENDING_APPROVAL, S.ACTIVE), "propose"),
    "lift": ((S.ACTIVE,), "propose"),
    "retract": ((S.DETECTED, S.PROPOSED, S.PENDING_APPROVAL, *IN_FORCE), "propose"),
}


def listed(session: Session, *, which: str, mode: str, page: int) -> tuple[list[Alert], bool]:
    """One page of alerts, newest first, and whether there are more."""
    query = select(Alert).order_by(Alert.id.desc())
    if which in STATES_OF:
        query = query.where(Alert.state.in_(STATES_OF[which]))
    if mode:
        query = query.where(Alert.mode == mode)
    return paged(session, query, page)


def paged(session: Session, query: Select[Any], page: int, size: int = PAGE) -> tuple[list[Any], bool]:
    """One page of rows, and whether more follow."""
    rows = list(session.scalars(query.offset((max(page, 1) - 1) * size).limit(size + 1)))
    return rows[:size], len(rows) > size


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a revision says otherwise than another."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLook:
    """One alert with what is asked, who has signed, what the viewer may do, and how far the telling is."""

    alert: Alert
    waiting: str
    level: Level
    need: Need
    signed: list[Signature]
    names: dict[str, str]
    choices: dict[str, str]
    why: list[evidence.Clause]
    differences: list[Difference]
    revisions: list[Revision]
    issues: list[Issue]
    history: list[Audited]
    progress: dict[str, Any] | None
    eta: pace.Eta | None
    episode: Episode | None

    @property
    def approvals(self) -> list[Signature]:
        return [each for each in self.signed if each.round == self.alert.round and each.decision == "approve"]

    @property
    def people_left(self) -> int:
        return max(self.need.people - len(self.approvals), 0)

    def may(self, act: str) -> bool:
        return self.choices.get(act) == ""

    @property
    def bar(self) -> list[telling.Part]:
        return telling.bar(self.progress) if self.progress else []

    @property
    def leader_missing(self) -> bool:
        return self.need.leaders > sum(each.role == "leader" for each in self.approvals)


def one(session: Session, alert_id: int, person: Officer) -> AlertLook:
    """Everything about one alert; NotFound when there is none."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise NotFound(f"没有编号为 {alert_id} 的预警")
    signed = list(session.scalars(select(Signature).where(Signature.alert_id == alert_id).order_by(Signature.id)))
    revisions = list(session.scalars(select(Revision).where(Revision.alert_id == alert_id).order_by(Revision.rev)))
    history = list(session.scalars(select(Audited).where(Audited.subject == f"alert:{alert_id}").order_by(Audited.seq)))
    waiting, level = response.waiting_for(alert), response.asked_level(alert)
    return AlertLook(
        alert=alert,
        waiting=waiting,
        level=level,
        need=mandates.need(waiting or "start", level),
        signed=signed,
        names=names(session, {each.who for each in history} | {each.officer for each in signed} | {alert.proposer}),
        choices=choices(alert, person, signed),
        why=evidence.of_alert(session, alert),
        differences=differences(revisions, alert.in_force_rev or max(alert.rev - 1, 1), alert.rev),
        revisions=revisions,
        issues=list(session.scalars(select(Issue).where(Issue.alert_id == alert_id).order_by(Issue.rev))),
        history=history,
        progress=progress.of(session, alert_id) if alert.in_force_rev else None,
        eta=pace.of_alert(session, alert_id) if alert.in_force_rev else None,
        episode=session.get(Episode, alert.episode_id) if alert.episode_id else None,
    )


def names(session: Session, ids: set[str]) -> dict[str, str]:
    """Who stands behind the numbers in a history; the program speaks for itself."""
    rows = session.execute(select(Officer.id, Officer.name).where(Officer.id.in_(ids)))
    program = {"program": say("程序"), "timetable": say("定时"), "shell": say("命令行")}
    return program | dict(rows.all())


def choices(alert: Alert, person: Officer, signed: list[Signature]) -> dict[str, str]:
    """What can be done with the alert now: act → "" when this person may, else why not."""
    found = {act: _why_not(alert, person, mandate) for act, (states, mandate) in ACTS.items() if alert.state in states}
    if alert.pending.get("change") == "release":
        found.pop("release", None)
    if response.waiting_for(alert):
        found["sign"] = _why_not(alert, person, "sign") or _why_not_sign(alert, person, signed)
    return found


def _why_not(alert: Alert, person: Officer, mandate: str) -> str:
    if person.role not in mandates.MAY[mandate]:
        return say("由%(who)s办理", who=say("、").join(say(ROLES[role]) for role in mandates.MAY[mandate]))
    outside = [city for city in alert.cities if not mandates.covers(person, city)]
    return say("超出您的辖区") if outside else ""


def _why_not_sign(alert: Alert, person: Officer, signed: list[Signature]) -> str:
    if person.id in (alert.proposer, alert.submitter, alert.pending.get("by")):
        return say("您拟定或提交了它，须由他人签发")
    mine = any(each.officer == person.id and each.round == alert.round for each in signed)
    return say("您已签过，等待他人") if mine else ""


def differences(revisions: list[Revision], seen: int, now: int) -> list[Difference]:
    """What revision ``now`` says otherwise than ``seen``."""
    said = {each.rev: each.said for each in revisions}
    before, after = said.get(seen, {}), said.get(now, {})
    shown = ("change", "level", "cities", "effective_from", "effective_to", "reason", "clause", "mode")
    return [
        Difference(name, before.get(name), after.get(name))
        for name in shown
        if name in after and _plain(name, before.get(name)) != _plain(name, after.get(name))
    ]


def _plain(name: str, value: Any) -> Any:
    """A level may be written as its word or its number."""
    return Level(value).word if name == "level" and isinstance(value, int) else value
