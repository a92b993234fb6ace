"""突发环境事件: a report → its grade → the statutory clocks → the duty desks of the place and its neighbours → closed."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import roster
from contacts.models import Officer
from coordinator import (
    audit,
    clock,
    config,
    findings,
    issuing,
    mandates,
    paging,
    register,
    render,
    rulebook,
    tokens,
    wordings,
)
from coordinator import rulebook_incidents as incident_rules
from coordinator.errors import NotFound, Refusal, Unprocessable
from coordinator.models import Duty, Incident, Mode, Receiver
from coordinator.orders import Person

OPEN, CLOSED = "open", "closed"


def report(session: Session, facts: dict[str, Any], *, city: str, title: str, mode: Mode, officer: Officer) -> Incident:
    """Write down a report, grade it, set the clocks and call the desks. Unknown facts stay unknown."""
    mandates.require(officer, "report")
    place = rulebook.city(city)
    if not title.strip():
        raise Refusal("title: 请用一句话写明何处发生何事")
    incident = Incident(
        mode=mode.value, title=title.strip(), city=place.code, state=OPEN, learned_at=_learned(facts),
        facts=facts, findings={}, reported_by=officer.id, created_at=clock.now(),
    )  # fmt: skip
    session.add(incident)
    session.flush()
    _assess(session, incident)
    audit.record(session, officer.id, "report incident", f"incident:{incident.id}", title=incident.title, facts=facts)
    call_desks(session, incident)
    return incident


def _learned(facts: dict[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(str(facts["learned_at"]))
    except (KeyError, ValueError) as error:
        raise Refusal("learned_at: 请写明得知时间,例如 2026-03-01T08:30+08:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.BEIJING)


def learn(session: Session, incident: Incident, facts: dict[str, Any], *, officer: Officer) -> None:
    """续报: new facts replace what they name; the grade and the clocks follow; a graver grade calls the desks again."""
    mandates.require(officer, "report")
    if incident.state != OPEN:
        raise Unprocessable(f"事件 {incident.id} 已结案,不能续报")
    before = grade_of(incident)
    updates = [*incident.facts.get("updates", []), {"at": clock.now().isoformat(), "facts": facts}]
    incident.facts = incident.facts | {"updates": updates}
    _assess(session, incident)
    audit.record(session, officer.id, "update incident", f"incident:{incident.id}", facts=facts)
    if grade_of(incident) != before:
        call_desks(session, incident)


def _assess(session: Session, incident: Incident) -> None:
    assessment = incident_rules.assess(incident.facts)
    incident.findings = findings.document(assessment)
    standing = {(duty.name, duty.due_at): duty for duty in duties(session, incident)}
    for duty in assessment.duties:
        kept = standing.get((duty.clock.duty, duty.due_at))
        if kept is None:
            kept = Duty(incident_id=incident.id, name=duty.clock.duty, to=list(duty.clock.to), due_at=duty.due_at,
                        clause=duty.clock.clause)  # fmt: skip
            session.add(kept)
        kept.superseded_at = duty.superseded_at
    session.flush()


def duties(session: Session, incident: Incident) -> list[Duty]:
    """The deadlines, the nearest first."""
    return sorted(
        session.scalars(select(Duty).where(Duty.incident_id == incident.id)),
        key=lambda duty: (duty.done_at is not None, duty.due_at is None, duty.due_at or incident.learned_at),
    )


def done(session: Session, duty_id: int, *, officer: Officer) -> Duty:
    """A duty was fulfilled: when, and who says so. The first counts."""
    mandates.require(officer, "report")
    duty = session.get(Duty, duty_id, with_for_update=True)
    if duty is None:
        raise NotFound(f"没有编号为 {duty_id} 的报告时限")
    if duty.done_at is None:
        duty.done_at, duty.done_by = clock.now(), officer.id
        audit.record(session, officer.id, "fulfil duty", f"incident:{duty.incident_id}", duty=duty.name)
    return duty


def close(session: Session, incident: Incident, *, officer: Officer, reason: str) -> None:
    """结案. Open deadlines must be done first: none is dropped in silence."""
    mandates.require(officer, "report")
    still = [
        duty.name
        for duty in duties(session, incident)
        if duty.done_at is None and duty.due_at is not None and duty.superseded_at is None
    ]
    if still:
        raise Unprocessable(f"还有未完成的报告时限:{'、'.join(still)};请先办理并登记")
    incident.state, incident.closed_at = CLOSED, clock.now()
    audit.record(session, officer.id, "close incident", f"incident:{incident.id}", reason=reason)


def load(session: Session, incident_id: int) -> Incident:
    incident = session.get(Incident, incident_id, with_for_update=True)
    if incident is None:
        raise NotFound(f"没有编号为 {incident_id} 的事件")
    return incident


def grade_of(incident: Incident) -> str | None:
    """The gravest grade any regime gives; None when none can be told yet."""
    known = [grading["grade"] for grading in incident.findings.get("grades", []) if grading.get("grade")]
    return min(known, key=("I", "II", "III", "IV").index) if known else None


def neighbours(incident: Incident) -> list[str]:
    """City codes whose desks must be told: those downstream where a river is named, else those that border."""
    if not incident.findings.get("neighbours", {}).get("due"):
        return []
    river = incident_rules.assess(incident.facts).now.facts.get("river.name")
    downstream: tuple[str, ...] = ()
    if river:
        downstream = incident_rules.downstream_cities(str(river), incident.city)
    return list(downstream) or list(rulebook.city(incident.city).neighbours)


def call_desks(session: Session, incident: Incident) -> None:
    """Page who is on duty here and at the neighbours. Paging fails open: a page too many harms nobody."""
    step = len(incident.facts.get("updates", []))
    called: set[str] = set()
    for city in [incident.city, *neighbours(incident)]:
        for officer in roster.on_duty(session, city, clock.now(), ("duty", "leader")).officers:
            if officer.id not in called:
                called.add(officer.id)
                _call(session, incident, officer, city=city, step=step)


def _call(session: Session, incident: Incident, officer: Officer, *, city: str, step: int) -> None:
    card, key, subject = register.card(officer), f"officer:{officer.id}", f"incident:{incident.id}"
    person = Person(key=officer.id, name=officer.name, phone=card.phone, email=card.email, order=1)
    known = session.scalar(select(Receiver).where(Receiver.incident_id == incident.id, Receiver.key == key))
    if known is None:
        session.add(_receiver(incident, officer, city=city, person=person))
    elif known.last_rev < step + 1:
        known.last_rev = step + 1
    rows, book = [], wordings.Book()
    for way in issuing.ways_to(person, "duty"):
        mark = tokens.marker("incident", incident.id, step, officer.id, way.channel)
        words = render.incident(
            way.channel, incident_card(incident), officer=card, marker=mark, code=tokens.code(subject, key),
            url=f"{config.load().public_base_url}/a/{tokens.link(subject, key)}",
            links=issuing.links_to(way.address),
        )  # fmt: skip
        rows.append(paging.page_row(officer, way.channel, way.address, wording_id=book.whole(words), marker=mark, step=0)
                    | {"alert_id": None, "incident_id": incident.id, "rev": step + 1, "mode": incident.mode,
                       "kind": "order", "number": f"SJ{incident.created_at.astimezone(clock.BEIJING):%Y%m%d}-{incident.id}",
                       "city": city})  # fmt: skip
    paging.put(session, book, rows)


def _receiver(incident: Incident, officer: Officer, *, city: str, person: Person) -> Receiver:
    subject, key = f"incident:{incident.id}", f"officer:{officer.id}"
    return Receiver(
        alert_id=None, incident_id=incident.id, key=key, name=officer.name, city=city, code=tokens.code(subject, key),
        token_hash=tokens.digest(tokens.link(subject, key)), last_rev=1, measures=[],
        people=[{"key": person.key, "name": person.name, "phone": person.phone, "email": person.email, "order": 1}],
    )  # fmt: skip


def incident_card(incident: Incident) -> render.IncidentCard:
    """What a page about this incident says."""
    due = [duty for duty in incident.findings.get("duties", []) if duty.get("due_at")]
    return render.IncidentCard(
        id=incident.id,
        mode=incident.mode,
        title=incident.title,
        city_name=rulebook.city(incident.city).name,
        grade=grade_of(incident) or "",
        track=str(incident.findings.get("reporting_track", "")),
        learned_at=incident.learned_at,
        due=tuple((str(duty["duty"]), datetime.fromisoformat(duty["due_at"])) for duty in due),
    )


def told(session: Session, incident: Incident) -> Collection[Receiver]:
    """The desks that were called, and whether they have acknowledged."""
    return session.scalars(select(Receiver).where(Receiver.incident_id == incident.id).order_by(Receiver.city)).all()
