"""From a signed revision to its notices: plan, words, rows. Safe to run twice, by anybody, after any death."""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from contacts import ladder
from coordinator import (
    budgets,
    clock,
    config,
    db,
    leases,
    queues,
    register,
    render,
    response,
    rulebook,
    rulebook_measures,
    tokens,
)
from coordinator.errors import Refusal
from coordinator.models import REACHED, Alert, Issue, Notice, NoticeKind, Receiver, Revision, State
from coordinator.orders import LANES, Order, Person, Place, PlannedNotice, PlannedReceiver
from coordinator.plan import lane_of, plan
from rules.levels import Level
from rules.measure_tables import measure_from
from rules.measures import society

logger = logging.getLogger(__name__)
FIRST, CHUNK = 200, 1000  # a small first chunk: workers send while the rest is written
ENDING = ("lift", "retract")


def materialise(alert_id: int, rev: int) -> None:
    """Write every notice of an issued revision, then let the alert stand. One process at a time: others find it taken."""
    lease, holder = f"issue:{alert_id}:{rev}", uuid.uuid4().hex
    if leases.take(lease, holder) is None:
        return
    try:
        _write_all(alert_id, rev, still_ours=lambda: leases.take(lease, holder) is not None)
    finally:
        leases.give_back(lease, holder)


def _write_all(alert_id: int, rev: int, *, still_ours: Callable[[], bool]) -> None:
    """Chunk by chunk; the first are sent while later ones are made."""
    with db.reading() as session:
        alert, issue = session.get_one(Alert, alert_id), session.get_one(Issue, (alert_id, rev))
        if issue.materialised_at:
            return
        order = order_of(session, alert, issue)
        given = select(Notice.receiver, Notice.number).where(Notice.alert_id == alert_id, Notice.rev == rev)
        numbers: dict[str, str] = {receiver: number for receiver, number in session.execute(given)}  # noqa: C416
        complaints = []
        for batch in _chunks(planned(session, order, issue)):
            complaints += [
                {"receiver": one.key, "name": one.name, "complaint": one.complaint} for one in batch if one.complaint
            ]
            if not still_ours() or not _write(alert, issue, batch, numbers):
                return
            queues.hint(f"alert {alert_id}")
    _finish(alert_id, rev, complaints)


def _finish(alert_id: int, rev: int, complaints: list[dict[str, Any]]) -> None:
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        issue = session.get_one(Issue, (alert_id, rev), with_for_update=True)
        if issue.materialised_at or alert.in_force_rev != rev:
            return
        issue.materialised_at, issue.complaints = clock.now(), complaints[:1000]
        issue.listed = len(
            session.execute(
                select(Notice.id).where(
                    Notice.alert_id == alert_id,
                    Notice.rev == rev,
                    Notice.kind.in_((NoticeKind.ORDER, NoticeKind.CORRECTION)),
                )
            ).all()
        )
        response.settle_issue(alert, issue.change)
    queues.hint(f"alert {alert_id}")


def planned(session: Session, order: Order, issue: Issue) -> Iterator[PlannedReceiver]:
    """Who is told what by this revision. An end goes to those the alert reached, as they were; else the register decides."""
    if issue.change in ENDING:
        yield from _known(session, order, issue)
        return
    cities = [place.code for place in order.cities]
    told = set()
    try:
        for one in plan(
            order,
            register.plants(session, cities),
            table=rulebook_measures.table(),
            officers=register.cards(session, cities),
        ):
            told.add(one.key)
            yield one
    except Refusal as empty:
        if told:
            raise
        logger.warning("alert %s has nobody to tell: %s", order.alert, empty)
    if issue.rev > 1:  # who is no longer meant by the alert hears that it ended for them
        yield from (one for one in _known(session, replace(order, change="lift"), issue) if one.key not in told)


def _known(session: Session, order: Order, issue: Issue) -> Iterator[PlannedReceiver]:
    reached = select(Notice.receiver).where(
        Notice.alert_id == issue.alert_id, Notice.rev < issue.rev, Notice.state.in_(REACHED)
    )
    rows = session.scalars(
        select(Receiver)
        .where(Receiver.alert_id == issue.alert_id, Receiver.last_rev < issue.rev, Receiver.key.in_(reached))
        .order_by(Receiver.key)
    )
    for receiver in rows:
        yield remembered(receiver, order)


def remembered(receiver: Receiver, order: Order, *, person: int = 0) -> PlannedReceiver:
    """A receiver as it was written down, addressed to the person at this place on the ladder."""
    people = tuple(Person(**one) for one in receiver.people)
    chosen = people[min(person, len(people) - 1)] if people else None
    return PlannedReceiver(
        key=receiver.key,
        name=receiver.name,
        city=receiver.city,
        city_name=rulebook.city(receiver.city).name if receiver.city else "",
        industry=receiver.industry,
        grade=receiver.grade,
        measures=tuple(measure_from(one) for one in receiver.measures),
        society=society(rulebook_measures.table(), level=order.level, city=receiver.city) if receiver.measures else (),
        person=chosen,
        ladder=people,
        notices=ways_to(chosen, lane_of(order)) if chosen else (),
        lane=lane_of(order),
        complaint=receiver.complaint,
        order=order,
    )


def ways_to(person: Person, lane: str) -> tuple[PlannedNotice, ...]:
    """Phone and e-mail both at once."""
    both = (("sms", person.phone), ("email", person.email))
    return tuple(
        PlannedNotice(channel=channel, address=address, person_key=person.key, lane=lane)
        for channel, address in both
        if address
    )


def order_of(session: Session, alert: Alert, issue: Issue) -> Order:
    """What the issued revision says, as the plan wants it."""
    settings = config.load()
    said = session.get_one(Revision, (alert.id, issue.rev)).said
    before = session.scalar(
        select(Revision)
        .join(Issue, (Issue.alert_id == Revision.alert_id) & (Issue.rev == Revision.rev))
        .where(Revision.alert_id == alert.id, Revision.rev < issue.rev)
        .order_by(Revision.rev.desc())
        .limit(1)
    )
    return Order(
        alert=alert.number,
        rev=issue.rev,
        mode=alert.mode,
        kind=alert.kind,
        level=Level(alert.level),
        previous=Level.parse(before.said["level"]) if before else None,
        cities=tuple(Place(code, rulebook.city(code).name) for code in alert.cities),
        effective_from=_moment(said["effective_from"]) or alert.effective_from,
        effective_to=_moment(said.get("effective_to")),
        reason=str(said.get("reason", alert.reason)),
        clause=alert.clause,
        issuer=settings.issuer,
        desk_phone=settings.desk_phone,
        change=issue.change,
        base_url=settings.public_base_url,
        issued_at=issue.issued_at,
        replaces=f"第{before.rev}版" if before else "",
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _chunks(receivers: Iterable[PlannedReceiver]) -> Iterator[list[PlannedReceiver]]:
    walk, size = iter(receivers), min(FIRST, CHUNK)
    while batch := list(islice(walk, size)):
        yield batch
        size = CHUNK


def _write(alert: Alert, issue: Issue, batch: list[PlannedReceiver], numbers: dict[str, str]) -> bool:
    """One chunk in one transaction. False when a newer revision has overtaken this one."""
    made = Rows(alert, issue, numbers)
    for one in batch:
        made.add(one)
    with db.transaction() as session:
        in_force = select(Alert.in_force_rev).where(Alert.id == alert.id).with_for_update(read=True)
        if session.scalar(in_force) != issue.rev:
            return False
        db.insert_many(session, Receiver.__table__, made.receivers)  # type: ignore[arg-type]
        _renew(session, alert.id, issue, made.receivers)
        db.insert_many(session, Notice.__table__, budgets.keep(session, made.notices))  # type: ignore[arg-type]
    return True


def _renew(session: Session, alert_id: int, issue: Issue, rows: list[dict[str, Any]]) -> None:
    """Receivers of an earlier revision take over what this one says."""
    if issue.rev == 1:
        return
    keep = ("measures", "people", "complaint", "grade", "industry", "chase_at")
    for row in rows:
        values = {name: row[name] for name in keep} | {"last_rev": issue.rev, "chase_step": 0}
        if issue.change in ENDING:
            values = {"last_rev": issue.rev, "chase_at": None}
        session.execute(
            update(Receiver)
            .where(Receiver.alert_id == alert_id, Receiver.key == row["key"], Receiver.last_rev < issue.rev)
            .values(values)
        )


class Rows:
    """The rows of one chunk, as plain mappings for a bulk insert."""

    def __init__(self, alert: Alert, issue: Issue, numbers: dict[str, str]) -> None:
        self.alert, self.issue, self.numbers = alert, issue, numbers
        self.receivers: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        self.subject = f"alert:{alert.id}"
        self.now = clock.now()

    def add(self, one: PlannedReceiver) -> None:
        code, link = tokens.code(self.subject, one.key), tokens.link(self.subject, one.key)
        number = self.numbers.setdefault(one.key, f"{self.alert.number}-{self.issue.rev}-{len(self.numbers) + 1:05d}")
        self.receivers.append(self._receiver(one, code, link))
        kind = NoticeKind.CORRECTION if self.issue.change == "retract" else NoticeKind.ORDER
        for way in one.notices:
            self.notices.append(notice_row(one, way, kind, number=number, code=code, token=link, step=0, now=self.now)
                                | {"alert_id": self.alert.id, "rev": self.issue.rev})  # fmt: skip

    def _receiver(self, one: PlannedReceiver, code: str, link: str) -> dict[str, Any]:
        first = None if self.issue.change in ENDING else ladder.first_step(one.order.level.word)
        return {
            "alert_id": self.alert.id, "incident_id": None, "key": one.key, "name": one.name, "city": one.city,
            "industry": one.industry, "grade": one.grade, "complaint": one.complaint, "code": code,
            "token_hash": tokens.digest(link), "last_rev": self.issue.rev,
            "measures": [measure.as_json() for measure in one.measures],
            "people": [
                {"key": p.key, "name": p.name, "phone": p.phone, "email": p.email, "order": p.order} for p in one.ladder
            ],
            "chase_at": self.issue.issued_at + first if first and one.notices else None,
            "acknowledged_rev": 0, "cannot": "", "chase_step": 0, "wrong_tries": 0,
        }  # fmt: skip


def notice_row(
    one: PlannedReceiver,
    way: PlannedNotice,
    kind: NoticeKind,
    *,
    number: str,
    code: str,
    token: str,
    step: int,
    now: datetime,
) -> dict[str, Any]:
    """One notice as a row: the words as they will be sent, and to whom."""
    mark = tokens.marker(one.order.alert, one.order.rev, one.key, way.channel, way.address, kind, step)
    words = render.words(
        kind.value, way.channel, one, number=number, code=code, token=token, marker=mark, links=links_to(way.address)
    )
    return {
        "incident_id": None, "mode": one.order.mode, "kind": kind, "step": step, "receiver": one.key,
        "receiver_name": one.name, "city": one.city, "person": one.person.name if one.person else "",
        "channel": way.channel, "address": way.address, "number": number, "marker": mark,
        "subject": words.subject, "body": words.text, "html": words.html, "lane": LANES.index(way.lane),
        "state": State.PENDING, "account": "", "attempts": 0, "try_s": 0.0, "lease_s": 0.0, "lease_token": 0, "asked": 0,
        "error": "", "created_at": now, "valid_until": one.order.effective_to if kind != NoticeKind.CORRECTION else None,
    }  # fmt: skip


def links_to(address: str) -> bool:
    """Mainland carriers refuse texts with links; elsewhere the address may stand in the SMS."""
    return not address.startswith("+86")
