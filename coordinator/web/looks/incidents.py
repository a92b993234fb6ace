"""Incidents as officers see them: what follows from the facts, what is owed by when, who was called."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import findings
from coordinator import incidents as emergencies
from coordinator.errors import NotFound
from coordinator.models import Audited, Duty, Incident, Receiver
from coordinator.web.looks.alerts import names, paged


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentLook:
    """One incident: what follows from its facts, what is owed to whom by when, who was called, what happened."""

    incident: Incident
    duties: list[Duty]
    called: list[Receiver]
    history: list[Audited]
    names: dict[str, str]
    grade: str | None
    neighbours: list[str]

    @property
    def grades(self) -> list[dict[str, Any]]:
        return list(self.incident.findings.get("grades", []))

    @property
    def track(self) -> str:
        return findings.TRACKS.get(str(self.incident.findings.get("reporting_track", "")), "")


def listed(session: Session, page: int) -> tuple[list[Incident], bool]:
    return paged(session, select(Incident).order_by(Incident.closed_at.is_not(None), Incident.id.desc()), page)


def one(session: Session, incident_id: int) -> IncidentLook:
    incident = session.get(Incident, incident_id)
    if incident is None:
        raise NotFound(f"没有编号为 {incident_id} 的事件")
    query = select(Audited).where(Audited.subject == f"incident:{incident_id}").order_by(Audited.seq)
    history = list(session.scalars(query))
    return IncidentLook(
        incident=incident,
        duties=emergencies.duties(session, incident),
        called=list(emergencies.told(session, incident)),
        history=history,
        names=names(session, {each.who for each in history}),
        grade=emergencies.grade_of(incident),
        neighbours=emergencies.neighbours(incident),
    )


def duty_words(duty: Duty) -> str:
    """The duty's name and to whom, as said aloud."""
    to = "、".join(findings.PARTIES.get(party, party) for party in duty.to)
    return f"{findings.DUTIES.get(duty.name, duty.name)} → {to}"


def standing(duty: Duty, now: datetime) -> tuple[str, datetime | None]:
    """done, late, running or waiting (its anchor isn't known yet), and the moment that matters."""
    if duty.done_at:
        return "done", duty.done_at
    if duty.due_at is None:
        return "waiting", None
    return ("late" if duty.due_at <= now else "running"), duty.due_at
