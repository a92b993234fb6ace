"""READ FIRST. The life of an alert: propose → submit → sign → issue → change → lift. Programs propose, people sign."""

import hashlib
import json
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import audit, clock, mandates
from coordinator.errors import Forbidden, NotFound, Refusal, Stale
from coordinator.models import (
    Alert,
    AlertState,
    Issue,
    Mode,
    Notice,
    NoticeKind,
    Revision,
    Signature,
    State,
)
from coordinator.render import real_words_only
from coordinator.spoken import STATES
from rules.levels import Level

S = AlertState
PROGRAM = "program"
OPEN = (S.DETECTED, S.PROPOSED, S.PENDING_APPROVAL, S.APPROVED, S.ISSUING, S.ACTIVE, S.CHANGING, S.HELD)
IN_FORCE = (S.ISSUING, S.ACTIVE, S.CHANGING, S.HELD)
HOLDABLE = (S.PENDING_APPROVAL, S.APPROVED, S.ISSUING, S.ACTIVE, S.CHANGING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What somebody, or the program, wants an alert to say."""

    mode: Mode
    kind: str
    level: Level
    cities: tuple[str, ...]
    effective_from: datetime
    effective_to: datetime | None
    reason: str
    origin: str = "officer"
    ruleset: str = ""
    clause: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    open_key: str | None = None
    episode_id: int | None = None
    incident_id: int | None = None
    drill_id: int | None = None


def propose(session: Session, proposal: Proposal, *, proposer: str) -> Alert:
    """拟定: a new alert in state proposed. Nothing is sent to anyone but signers before people have signed."""
    _sound(proposal)
    alert = Alert(
        **{name: getattr(proposal, name) for name in Proposal.__slots__ if name not in ("cities", "mode", "level")},
        mode=proposal.mode.value,
        level=int(proposal.level),
        cities=sorted(set(proposal.cities)),
        state=S.PROPOSED,
        proposer=proposer,
        created_at=clock.now(),
    )
    session.add(alert)
    session.flush()
    alert.number = f"{alert.created_at.astimezone(clock.BEIJING):%Y%m%d}-{alert.id}"
    _write_revision(session, alert, change="start", by=proposer)
    audit.record(session, proposer, "propose", f"alert:{alert.id}", rev=1, **alert_says(alert))
    return alert


def _sound(proposal: Proposal) -> None:
    if not proposal.cities:
        raise Refusal("cities: 没有写城市;空名单不等于“全部”,请逐个写明")
    if proposal.level <= Level.NONE:
        raise Refusal("level: 须为 pre、blue、yellow、orange、red 之一")
    if proposal.effective_to and proposal.effective_to <= proposal.effective_from:
        raise Refusal("effective_to: 须晚于 effective_from")
    if proposal.mode is Mode.ACTUAL:
        real_words_only(proposal.reason, where="reason")


def submit(session: Session, alert: Alert, officer: Officer) -> None:
    """提交会签: the signers are paged; the submitter answers for it and can't sign it."""
    mandates.require(officer, "propose")
    mandates.require_places(officer, alert.cities)
    put_to_signers(session, alert, by=officer.id)


def put_to_signers(session: Session, alert: Alert, *, by: str) -> None:
    """The proposal waits for signatures from now on; call them with `paging.page_signers`."""
    _expect(alert, S.PROPOSED)
    alert.state, alert.submitter = S.PENDING_APPROVAL, by
    _open_round(alert)
    audit.record(session, by, "submit", f"alert:{alert.id}", rev=alert.rev, body_hash=alert.body_hash)


def approve(session: Session, alert: Alert, officer: Officer) -> bool:
    """会签: one signature on this revision. True when it was the last one needed, and the act was carried out."""
    change = waiting_for(alert)
    _may_sign(session, alert, officer)
    if not change:
        raise Stale(f"预警 {alert.number} 现在没有等待签发的内容", **current(alert))
    _sign(session, alert, officer, decision="approve", purpose=change)
    roles = session.scalars(
        select(Signature.role).where(
            Signature.alert_id == alert.id, Signature.round == alert.round, Signature.decision == "approve"
        )
    ).all()
    if not mandates.need(change, asked_level(alert)).met_by(roles):
        return False
    _carry_out(session, alert, change)
    return True


def reject(session: Session, alert: Alert, officer: Officer, *, reason: str) -> None:
    """退回: one signer is enough to stop it. An alert in force stays as it was."""
    change = waiting_for(alert)
    _may_sign(session, alert, officer)
    if not change:
        raise Stale(f"预警 {alert.number} 现在没有等待签发的内容", **current(alert))
    _sign(session, alert, officer, decision="reject", purpose=change)
    if change == "start":
        _end(alert, S.REJECTED)
    elif change == "release":
        alert.pending = alert.pending["after"]
    else:
        alert.state, alert.pending = S.ACTIVE, {}
    alert.waiting_since = None
    audit.record(session, officer.id, "reject", f"alert:{alert.id}", rev=alert.rev, change=change, reason=reason)


def hold(session: Session, alert: Alert, officer: Officer, *, reason: str) -> None:
    """暂停: one person, at any time. What is not yet handed to a carrier stays here until two people release it."""
    mandates.require(officer, "hold")
    mandates.require_places(officer, alert.cities)
    _expect(alert, *HOLDABLE)
    alert.resume_state, alert.state, alert.hold = alert.state, S.HELD, True
    audit.record(session, officer.id, "hold", f"alert:{alert.id}", rev=alert.rev, reason=reason)


def release(session: Session, alert: Alert, officer: Officer, *, reason: str) -> None:
    """申请恢复: two signatures, given through approve, let the sending go on."""
    mandates.require(officer, "propose")
    mandates.require_places(officer, alert.cities)
    _expect(alert, S.HELD)
    if alert.pending.get("change") != "release":
        alert.pending = {"change": "release", "by": officer.id, "after": alert.pending}
        _open_round(alert)
    audit.record(session, officer.id, "ask release", f"alert:{alert.id}", rev=alert.rev, reason=reason)


def retract(session: Session, alert: Alert, *, by: str, reason: str) -> None:
    """撤回: before issue it ends here; after, one signature sends the correction to all who were reached."""
    if alert.state in (S.DETECTED, S.PROPOSED, S.PENDING_APPROVAL):
        _end(alert, S.DISMISSED)
        audit.record(session, by, "dismiss", f"alert:{alert.id}", rev=alert.rev, reason=reason)
        return
    _expect(alert, *IN_FORCE)
    _ask(session, alert, change="retract", by=by, wanted={"reason": reason})


def change(session: Session, alert: Alert, *, by: str, wanted: dict[str, Any]) -> None:
    """申请变更: upgrade, downgrade, extend or other places. Before issue it is an edit, and signatures start over."""
    unknown = set(wanted) - {"level", "cities", "effective_from", "effective_to", "reason", "clause", "evidence"}
    if unknown:
        raise Refusal(
            f"不能变更 {'、'.join(sorted(unknown))};可变更 level、cities、effective_from、effective_to、reason"
        )
    if "reason" in wanted and alert.mode == Mode.ACTUAL:
        real_words_only(wanted["reason"], where="reason")
    if alert.state in (S.PROPOSED, S.PENDING_APPROVAL):
        _edit(session, alert, by=by, wanted=wanted)
        return
    _expect(alert, S.ACTIVE)
    _ask(session, alert, change=_kind_of_change(alert, wanted), by=by, wanted=wanted)


def lift(session: Session, alert: Alert, *, by: str, wanted: dict[str, Any]) -> None:
    """申请解除: with the evidence at hand, two signatures."""
    _expect(alert, S.ACTIVE)
    _ask(session, alert, change="lift", by=by, wanted=wanted)


def call_off(session: Session, alert: Alert, *, by: str) -> None:
    """End a drill at once, by its director: drills alone need no signature to stop."""
    if alert.mode == Mode.ACTUAL:
        raise Forbidden("真实预警不能由导演中止;请按撤回或解除办理")
    if alert.state in IN_FORCE:
        alert.rev += 1
        _write_revision(session, alert, change="retract", by=by)
        issue(session, alert, "retract")
    elif alert.state in OPEN:
        _end(alert, S.DISMISSED)


def _edit(session: Session, alert: Alert, *, by: str, wanted: dict[str, Any]) -> None:
    _put_in_force(alert, wanted)
    alert.rev += 1
    alert.state, alert.proposer, alert.submitter = S.PROPOSED, by, ""
    _write_revision(session, alert, change="start", by=by)
    audit.record(session, by, "edit", f"alert:{alert.id}", rev=alert.rev, **alert_says(alert))


def _ask(session: Session, alert: Alert, *, change: str, by: str, wanted: dict[str, Any]) -> None:
    """A new revision is put before the signers; what is in force stays until they have signed."""
    alert.rev += 1
    alert.pending = {"change": change, "by": by, "wanted": _plain(wanted)}
    alert.state = S.CHANGING
    _open_round(alert)
    _write_revision(session, alert, change=change, by=by)
    audit.record(session, by, f"ask {change}", f"alert:{alert.id}", rev=alert.rev, wanted=alert.pending["wanted"])


def _carry_out(session: Session, alert: Alert, change: str) -> None:
    """The last signature: issue the revision, or let go what was held."""
    alert.waiting_since = None
    if change == "release":
        alert.state, alert.hold, alert.pending = alert.resume_state, False, alert.pending["after"]
        if waiting_for(alert):
            _open_round(alert)
        audit.record(session, PROGRAM, "release", f"alert:{alert.id}", rev=alert.rev)
        return
    _put_in_force(alert, alert.pending.get("wanted", {}))
    issue(session, alert, change)


def issue(session: Session, alert: Alert, change: str) -> None:
    """签发: once per revision, by the key of Issue. Older words not yet handed over are superseded in the same stroke."""
    session.add(Issue(alert_id=alert.id, rev=alert.rev, change=change, issued_at=clock.now()))
    session.flush()
    session.execute(
        update(Notice)
        .where(Notice.alert_id == alert.id, Notice.rev < alert.rev, Notice.state.in_((State.PLANNED, State.PENDING)))
        .where(Notice.kind.in_((NoticeKind.ORDER, NoticeKind.REMINDER, NoticeKind.MANUAL)))
        .values(state=State.CANCELLED if change == "retract" else State.SUPERSEDED, finished_at=clock.now())
    )
    alert.state, alert.hold, alert.pending = S.ISSUING, False, {}
    alert.in_force_rev = alert.rev
    alert.issued_at = alert.issued_at or clock.now()
    if change not in ("lift", "retract"):
        alert.order_rev = alert.rev
    audit.record(
        session, PROGRAM, "issue", f"alert:{alert.id}", rev=alert.rev, change=change, body_hash=alert.body_hash
    )


def settle_issue(alert: Alert, change: str) -> None:
    """The notices of this revision are all there: the alert stands as it now is."""
    if alert.state == S.HELD:
        alert.resume_state = _standing_after(change)
    elif alert.state == S.ISSUING:
        _end(alert, _standing_after(change)) if change in ("lift", "retract") else setattr(alert, "state", S.ACTIVE)


def _standing_after(change: str) -> AlertState:
    return {"lift": S.LIFTED, "retract": S.RETRACTED}.get(change, S.ACTIVE)


def _end(alert: Alert, state: AlertState) -> None:
    alert.state, alert.open_key, alert.pending, alert.ended_at = state, None, {}, clock.now()
    alert.waiting_since = None


# What follows answers questions about an alert; it changes nothing.


def load(session: Session, alert_id: int, *, rev: int | None = None) -> Alert:
    """The alert, locked for this transaction; Stale when ``rev`` is not its present revision."""
    alert = session.get(Alert, alert_id, with_for_update=True)
    if alert is None:
        raise NotFound(f"没有编号为 {alert_id} 的预警")
    if rev is not None and rev != alert.rev:
        raise Stale(f"您看到的是第 {rev} 版,现在是第 {alert.rev} 版;请重新查看后再办理", **current(alert))
    return alert


def current(alert: Alert) -> dict[str, Any]:
    """What a caller with an old page must know."""
    return {"rev": alert.rev, "state": alert.state, **alert_says(alert), "pending": alert.pending}


def waiting_for(alert: Alert) -> str:
    """Which act waits for signatures now: start, upgrade, …, release; "" when none."""
    if alert.state == S.PENDING_APPROVAL:
        return "start"
    waits = alert.state == S.CHANGING or (alert.state == S.HELD and alert.pending.get("change") == "release")
    return str(alert.pending.get("change", "")) if waits else ""


def asked_level(alert: Alert) -> Level:
    """The level that the waiting revision would put in force."""
    return Level(alert.pending.get("wanted", {}).get("level", alert.level))


def alert_says(alert: Alert) -> dict[str, Any]:
    """What is said and to whom, in plain values: the thing that signatures are about."""
    return {
        "mode": alert.mode,
        "kind": alert.kind,
        "level": Level(alert.level).word,
        "cities": list(alert.cities),
        "effective_from": alert.effective_from.isoformat(),
        "effective_to": alert.effective_to.isoformat() if alert.effective_to else None,
        "reason": alert.reason,
        "clause": alert.clause,
    }


def as_asked(alert: Alert) -> Alert:
    """The alert as it would stand once what waits is signed; the row itself is left alone."""
    values = {column.key: copy(getattr(alert, column.key)) for column in Alert.__table__.columns}
    wished = Alert(**values)
    _put_in_force(wished, alert.pending.get("wanted", {}))
    return wished


def _may_sign(session: Session, alert: Alert, officer: Officer) -> None:
    mandates.require(officer, "sign")
    mandates.require_places(officer, {*alert.cities, *alert.pending.get("wanted", {}).get("cities", [])})
    if officer.id in (alert.proposer, alert.submitter, alert.pending.get("by")):
        raise Forbidden("不能签发自己拟定或提交的内容;请由他人签发")
    signed = select(Signature.id).where(
        Signature.alert_id == alert.id, Signature.round == alert.round, Signature.officer == officer.id
    )
    if session.scalar(signed):
        raise Forbidden("您已就这一版签过字;每人只签一次")


def _sign(session: Session, alert: Alert, officer: Officer, *, decision: str, purpose: str) -> None:
    session.add(
        Signature(
            alert_id=alert.id,
            rev=alert.rev,
            round=alert.round,
            body_hash=alert.body_hash,
            officer=officer.id,
            role=officer.role,
            decision=decision,
            purpose=purpose,
            signed_at=clock.now(),
        )
    )
    session.flush()
    audit.record(
        session, officer.id, f"sign {decision}", f"alert:{alert.id}",
        rev=alert.rev, purpose=purpose, body_hash=alert.body_hash,
    )  # fmt: skip


def _expect(alert: Alert, *states: AlertState) -> None:
    if alert.state not in states:
        raise Stale(f"预警 {alert.number} {STATES[alert.state]},不能这样办理;请重新查看", **current(alert))


def _open_round(alert: Alert) -> None:
    alert.round += 1
    alert.waiting_since, alert.paged_step = clock.now(), 0


def _kind_of_change(alert: Alert, wanted: dict[str, Any]) -> str:
    level = Level(wanted.get("level", alert.level))
    if level != alert.level:
        return "upgrade" if level > alert.level else "downgrade"
    return "extend"


def _put_in_force(alert: Alert, wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if name in ("effective_from", "effective_to") and isinstance(value, str):
            value = datetime.fromisoformat(value)
        setattr(alert, name, value)


def _write_revision(session: Session, alert: Alert, *, change: str, by: str) -> None:
    says = alert_says(alert) | {"change": change} | alert.pending.get("wanted", {})
    says["level"] = asked_level(alert).word
    alert.body_hash = hashlib.sha256(json.dumps(says, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    session.add(
        Revision(
            alert_id=alert.id, rev=alert.rev, change=change, said=says,
            body_hash=alert.body_hash, asked_by=by, asked_at=clock.now(),
        )
    )  # fmt: skip
    session.flush()


def _plain(wanted: dict[str, Any]) -> dict[str, Any]:
    """JSON values only, so that the revision reads the same from the database."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else int(value) if isinstance(value, Level) else value
        for name, value in wanted.items()
    }
