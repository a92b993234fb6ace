"""What do programs read about an alert, a notice, a signature? Rows in, plain JSON values out."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import mandates, response, rulebook, wordings
from coordinator.models import Alert, Audited, Issue, Notice, Signature
from coordinator.render import Words
from rules.levels import Level

Json = dict[str, Any]


def brief(alert: Alert) -> Json:
    """One line of the list."""
    return {
        "id": alert.id,
        "number": alert.number,
        "state": alert.state,
        "rev": alert.rev,
        "in_force_rev": alert.in_force_rev,
        **response.alert_says(alert),
        "city_names": city_names(alert.cities),
        "origin": alert.origin,
        "ruleset": alert.ruleset,
        "hold": alert.hold,
        "proposer": alert.proposer,
        "submitter": alert.submitter,
        "waiting_for": response.waiting_for(alert),
        "created_at": alert.created_at,
        "issued_at": alert.issued_at,
        "ended_at": alert.ended_at,
        "incident_id": alert.incident_id,
        "drill_id": alert.drill_id,
        "episode_id": alert.episode_id,
    }


def alert(session: Session, one: Alert) -> Json:
    """All about one alert: what it says, what it rests on, what waits, who signed, what happened."""
    return brief(one) | {
        "evidence": one.evidence,
        "body_hash": one.body_hash,
        "pending": pending(session, one),
        "signatures": signatures(session, one),
        "issues": issues(session, one),
        "history": history(session, one),
    }


def city_names(codes: list[str]) -> list[str]:
    return [city_name(code) for code in codes]


def city_name(code: str) -> str:
    found = rulebook.find_city(code) if code else None
    return found.name if found else code


def pending(session: Session, one: Alert) -> Json | None:
    """What waits for signatures, how many it needs and whose it has; None when nothing waits."""
    change = response.waiting_for(one)
    if not change:
        return None
    need = mandates.need(change, response.asked_level(one))
    wanted = dict(one.pending.get("wanted", {}))
    if "level" in wanted:
        wanted["level"] = Level(wanted["level"]).word
    signed = [row for row in _signed(session, one) if row.round == one.round and row.decision == "approve"]
    return {
        "change": change,
        "by": one.pending.get("by") or one.submitter,
        "wanted": wanted,
        "since": one.waiting_since,
        "needs": {"people": need.people, "leaders": need.leaders},
        "signed": [row.officer for row in signed],
    }


def _signed(session: Session, one: Alert) -> list[Signature]:
    return list(session.scalars(select(Signature).where(Signature.alert_id == one.id).order_by(Signature.id)))


def signatures(session: Session, one: Alert) -> list[Json]:
    rows = _signed(session, one)
    names = officer_names(session, {row.officer for row in rows})
    return [
        {
            "officer": row.officer,
            "name": names.get(row.officer, row.officer),
            "role": row.role,
            "rev": row.rev,
            "round": row.round,
            "decision": row.decision,
            "purpose": row.purpose,
            "body_hash": row.body_hash,
            "at": row.signed_at,
        }
        for row in rows
    ]


def officer_names(session: Session, ids: set[str]) -> dict[str, str]:
    rows = session.execute(select(Officer.id, Officer.name).where(Officer.id.in_(ids)))
    return {row.id: row.name for row in rows}


def issues(session: Session, one: Alert) -> list[Json]:
    rows = session.scalars(select(Issue).where(Issue.alert_id == one.id).order_by(Issue.rev))
    return [
        {
            "rev": row.rev,
            "change": row.change,
            "issued_at": row.issued_at,
            "materialised_at": row.materialised_at,
            "listed": row.listed,
            "complaints": len(row.complaints or []),
        }
        for row in rows
    ]


def history(session: Session, one: Alert) -> list[Json]:
    """Every act on it, oldest first, as the audit chain has it."""
    query = select(Audited).where(Audited.subject == f"alert:{one.id}").order_by(Audited.seq)
    rows = session.scalars(query).all()
    names = officer_names(session, {row.who for row in rows})
    return [
        {
            "seq": row.seq,
            "at": row.at,
            "who": row.who,
            "name": names.get(row.who, row.who),
            "what": row.what,
            "rev": row.detail.get("rev"),
            "detail": row.detail,
        }
        for row in rows
    ]


NOTICE = (
    "id", "alert_id", "incident_id", "rev", "mode", "kind", "step", "number", "receiver", "receiver_name", "city", "person",
    "channel", "address", "state", "account", "reference", "attempts", "error", "created_at",
    "valid_until", "accepted_at", "finished_at",
)  # fmt: skip


def notices(rows: Sequence[Notice]) -> list[Json]:
    """Notices as they were sent."""
    drafts = wordings.drafts({row.wording_id for row in rows})
    return [_notice(row, wordings.compose(drafts[row.wording_id], row)) for row in rows]


def _notice(row: Notice, words: Words) -> Json:
    return {name: getattr(row, name) for name in NOTICE} | {"subject": words.subject, "body": words.text}
