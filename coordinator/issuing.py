"""From a signed revision to its notices: plan, words, rows. Safe to run twice, by anybody, after any death."""

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from contacts import ladder
from coordinator import (
    budgets,
    clock,
    config,
    db,
    dispatch,
    leases,
    queues,
    quiet,
    register,
    render,
    response,
    rulebook,
    rulebook_measures,
    tokens,
    wordings,
)
from coordinator.errors import Refusal
from coordinator.models import REACHED, Alert, Issue, Notice, NoticeKind, Receiver, Revision, State
from coordinator.orders import LANES, Order, Person, Place, PlannedNotice, PlannedReceiver
from coordinator.plan import lane_of, plan
from rules.levels import Level
from rules.measure_tables import Measure, measure_from
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
        written = Written(session, alert, issue)
        complaints = []
        for batch in _chunks(planned(session, order_of(session, alert, issue), issue)):
            complaints += [
                {"receiver": one.key, "name": one.name, "complaint": one.complaint} for one in batch if one.complaint
            ]
            if not still_ours() or not _write(written, batch):
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
        orders = Notice.kind.in_((NoticeKind.ORDER, NoticeKind.CORRECTION))
        listed = select(func.count()).where(Notice.alert_id == alert_id, Notice.rev == rev, orders)
        issue.listed = session.scalar(listed) or 0
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


def _write(written: "Written", batch: list[PlannedReceiver]) -> bool:
    """One chunk in one transaction. False when a newer revision, or another process, has overtaken this one."""
    alert, issue = written.alert, written.issue
    fresh, known, notices = written.rows(batch)
    try:
        with db.transaction() as session:
            in_force = select(Alert.in_force_rev).where(Alert.id == alert.id).with_for_update(read=True)
            if session.scalar(in_force) != issue.rev:
                return False
            written.book.write(session)
            db.insert_many(session, Receiver.__table__, fresh)  # type: ignore[arg-type]
            _renew(session, issue, known)
            db.insert_many(session, Notice.__table__, budgets.keep(session, notices))  # type: ignore[arg-type]
    except IntegrityError as error:
        logger.warning("alert %s: another process writes its notices: %s", alert.id, str(error.orig).splitlines()[0])
        return False
    return True


def _renew(session: Session, issue: Issue, rows: list[dict[str, Any]]) -> None:
    """Receivers of an earlier revision take over what this one says."""
    if not rows:
        return
    changed = ("key",) if issue.change in ENDING else ("key", "measures", "people", "complaint", "grade", "industry")
    columns = Receiver.__table__.c
    kinds = {name: columns[name].type for name in changed}
    given = db.recordset("given", [{name: row[name] for name in changed} for row in rows], **kinds)
    values: dict[str, Any] = {name: given.c[name] for name in changed[1:]} | {"last_rev": issue.rev}
    values |= {"chase_at": None} if issue.change in ENDING else {"chase_at": rows[0]["chase_at"], "chase_step": 0}
    session.execute(
        update(Receiver)
        .where(Receiver.alert_id == issue.alert_id, Receiver.key == given.c.key, Receiver.last_rev < issue.rev)
        .values(values)
    )


class Written:
    """What of one issue is in the database, and what its next chunk adds."""

    def __init__(self, session: Session, alert: Alert, issue: Issue) -> None:
        self.alert, self.issue = alert, issue
        self.book, self.ring = wordings.Book(), tokens.Ring()
        self.known = set(session.scalars(select(Receiver.key).where(Receiver.alert_id == alert.id)))
        told = select(Notice.receiver).where(Notice.alert_id == alert.id, Notice.rev == issue.rev).distinct()
        self.told = set(session.scalars(told))  # by a process that died before it was through
        self.number = len(self.told)
        self.turns: Counter[str] = Counter()
        self.subject, self.now = f"alert:{alert.id}", clock.now()
        self.kind = NoticeKind.CORRECTION if issue.change == "retract" else NoticeKind.ORDER

    def rows(self, batch: Iterable[PlannedReceiver]) -> tuple[list[dict[str, Any]], ...]:
        """Receivers that are new, receivers known from earlier revisions, and notices."""
        fresh: list[dict[str, Any]] = []
        known: list[dict[str, Any]] = []
        notices: list[dict[str, Any]] = []
        for one in batch:
            if one.key not in self.told:
                code, token = self.ring.code(self.subject, one.key), self.ring.link(self.subject, one.key)
                self._receiver(one, code, token, known if one.key in self.known else fresh)
                notices += self._notices(one, code, token)
        return fresh, known, notices

    def _notices(self, one: PlannedReceiver, code: str, token: str) -> Iterator[dict[str, Any]]:
        self.number += 1
        self.turns[one.city] += 1
        number = f"{self.alert.number}-{self.issue.rev}-{self.number:05d}"
        for way in one.notices:
            row = notice_row(self.book, one, way, self.kind, number=number, code=code, token=token, step=0, now=self.now,
                             mark=self.ring.marker)  # fmt: skip
            yield row | {"alert_id": self.alert.id, "rev": self.issue.rev, "turn": self.turns[one.city]}

    def _receiver(self, one: PlannedReceiver, code: str, token: str, rows: list[dict[str, Any]]) -> None:
        first = None if self.issue.change in ENDING else ladder.first_step(one.order.level.word)
        rows.append({
            "alert_id": self.alert.id, "incident_id": None, "key": one.key, "name": one.name, "city": one.city,
            "industry": one.industry, "grade": one.grade, "complaint": one.complaint,
            "code": code, "token_hash": tokens.digest(token), "last_rev": self.issue.rev,
            "measures": _as_json(one.measures),
            "people": [
                {"key": p.key, "name": p.name, "phone": p.phone, "email": p.email, "order": p.order} for p in one.ladder
            ],
            "chase_at": self.issue.issued_at + first if first and one.notices else None,
            "acknowledged_rev": 0, "cannot": "", "chase_step": 0, "wrong_tries": 0,
        })  # fmt: skip


@lru_cache(maxsize=4096)
def _as_json(measures: tuple[Measure, ...]) -> list[Any]:
    return [measure.as_json() for measure in measures]


def notice_row(
    book: wordings.Book,
    one: PlannedReceiver,
    way: PlannedNotice,
    kind: NoticeKind,
    *,
    number: str,
    code: str,
    token: str,
    step: int,
    now: datetime,
    mark: Callable[..., str] = tokens.marker,
) -> dict[str, Any]:
    """One notice as a row: its words, what fills their blanks, and to whom."""
    draft = render.draft(kind.value, way.channel, one, number=number, links=links_to(way.address))
    return dispatch.UNSENT | {
        "incident_id": None, "mode": one.order.mode, "kind": kind.value, "step": step, "receiver": one.key,
        "receiver_name": one.name, "city": one.city, "person": one.person.name if one.person else "",
        "channel": way.channel, "address": way.address, "number": number,
        "marker": mark(one.order.alert, one.order.rev, one.key, way.channel, way.address, kind, step),
        "wording_id": book.keep(draft), "filling": render.filling(one, draft.blanks, number=number, code=code, token=token),
        "lane": LANES.index(way.lane), "state": _first_state(one.order, way, kind, now), "created_at": now, "turn": 0,
        "valid_until": one.order.effective_to if kind != NoticeKind.CORRECTION else None,
    }  # fmt: skip


def _first_state(order: Order, way: PlannedNotice, kind: NoticeKind, now: datetime) -> str:
    """Due at once, or planned for the morning."""
    waits = kind != NoticeKind.CORRECTION and quiet.waits(order, way.lane, now)
    return (State.PLANNED if waits else State.PENDING).value


def links_to(address: str) -> bool:
    """Mainland carriers refuse texts with links; elsewhere the address may stand in the SMS."""
    return not address.startswith("+86")
