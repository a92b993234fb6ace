"""Calling officers 叫应: who must sign, who has waited too long, what a person must look at now."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import ladder, roster
from contacts.models import Officer
from coordinator import (
    budgets,
    clock,
    config,
    db,
    dispatch,
    issuing,
    mandates,
    queues,
    register,
    render,
    response,
    tokens,
    wordings,
)
from coordinator.channels import desks
from coordinator.models import Alert, Issue, Mode, Notice, NoticeKind
from coordinator.orders import Person, PlannedNotice
from rules.levels import Level

ROUND = 100  # steps of a page: its round of signing, then how many were called before


def page_signers(session: Session, alert: Alert) -> None:
    """Call as many as must sign, on duty first; each time the wait runs out, the next on the ladder."""
    change = response.waiting_for(alert)
    if not change:
        return
    needed = mandates.need(change, response.asked_level(alert))
    callable_ones = _signers(session, alert)
    called = callable_ones[: needed.people + alert.paged_step]
    if needed.leaders and not any(officer.role == "leader" for officer in called):
        called += [officer for officer in callable_ones if officer.role == "leader"][: needed.leaders]
    purpose = "overdue" if alert.paged_step else "sign"
    page(session, alert, called, purpose=purpose, step=alert.round * ROUND + alert.paged_step)
    alert.paged_step += 1


def _signers(session: Session, alert: Alert) -> list[Officer]:
    """Who may sign this, in the order in which they are called."""
    barred = {alert.proposer, alert.submitter, alert.pending.get("by")}
    able = {
        officer.id: officer
        for officer in register.officers(session, alert.cities, mandates.MAY["sign"])
        if officer.id not in barred and all(mandates.covers(officer, city) for city in alert.cities)
    }
    on_duty = [
        officer.id for officer in roster.on_duty(session, alert.cities[0], clock.now(), mandates.MAY["sign"]).officers
    ]
    order = ladder.signers_in_order([(officer.id, officer.role) for officer in able.values()], on_duty)
    return [able[officer] for officer in order]


def page_duty(session: Session, alert: Alert, *, purpose: str, step: int, n: int = 0) -> None:
    """Call the officers on duty for the alert's first city."""
    on_duty = roster.on_duty(session, alert.cities[0], clock.now(), ("duty",)).officers
    page(session, alert, on_duty, purpose=purpose, step=step, n=n)


def page_trouble(session: Session, cities: Sequence[str], detail: str, *, avoiding: str = "") -> int:
    """Something is wrong that no alert is about (a silent source): call who is on duty for the first of the cities.

    Without cities whoever is on duty anywhere. ``avoiding`` names a channel that may be broken: the others are used,
    and a call besides, unless there is no other way. How many calls were written down.
    """
    now, rows, book = clock.now(), [], wordings.Book()
    officers = (
        roster.on_duty(session, cities[0], now, ("duty",)).officers
        if cities
        else roster.on_duty_anywhere(session, now, ("duty",))
    )
    for called, channel, address in _ways(officers, Mode.ACTUAL, avoiding=avoiding):
        mark = tokens.marker("trouble", called.id, channel, now.isoformat())
        words = render.trouble(channel, mode=Mode.ACTUAL, officer=called.name, marker=mark, detail=detail)
        rows.append(page_row(called, channel, address, wording_id=book.whole(words), marker=mark, step=0)
                    | {"alert_id": None, "rev": 0, "mode": Mode.ACTUAL, "number": f"XT{mark}",
                       "city": cities[0] if cities else ""})  # fmt: skip
    put(session, book, rows)
    return len(rows)


def _ways_around(person: Person, broken: str) -> Sequence[PlannedNotice]:
    """By every address; around a broken channel, by the others and by voice where calls can be made."""
    ways = issuing.ways_to(person, "duty")
    if not broken:
        return ways
    around = [way for way in ways if way.channel != broken]
    calls = [way for way in ways if way.channel == "sms" and broken != "voice" and _can_call()]
    return [*around, *(replace(way, channel="voice") for way in calls)] or ways


def _can_call() -> bool:
    return any(way.channel == "voice" and Mode.ACTUAL in way.modes for way in dispatch.ways())


def page(session: Session, alert: Alert, officers: Sequence[Officer], *, purpose: str, step: int, n: int = 0) -> None:
    """One text to each, by every address they have. Rows like any notice: claimed, sent and accounted for the same way.

    Who is to sign reads what is asked for, not what still stands.
    """
    order = issuing.order_of(
        session,
        response.as_asked(alert),
        Issue(alert_id=alert.id, rev=alert.rev, change=_change(session, alert), issued_at=clock.now()),
    )
    rows: list[dict[str, Any]] = []
    book = wordings.Book()
    for called, channel, address in _ways(officers, alert.mode):
        mark = tokens.marker("page", alert.id, alert.rev, called.id, channel, step, purpose)
        words = render.page(
            purpose, channel, order, officer=called.name, marker=mark, n=n, links=issuing.links_to(address),
            url=f"{config.load().public_base_url}/alerts/{alert.id}",
        )  # fmt: skip
        rows.append(page_row(called, channel, address, wording_id=book.whole(words), marker=mark, step=step)
                    | {"alert_id": alert.id, "rev": alert.rev, "mode": alert.mode, "number": alert.number,
                       "city": alert.cities[0]})  # fmt: skip
    put(session, book, rows)


def _ways(
    officers: Sequence[Officer], mode: str, *, avoiding: str = ""
) -> Iterator[tuple[Officer | desks.Desk, str, str]]:
    """Who is called, by which channel, where: each officer by every address, then the desks as a whole."""
    for officer in officers:
        card = register.card(officer)
        person = Person(key=officer.id, name=officer.name, phone=card.phone, email=card.email, order=1)
        for way in _ways_around(person, avoiding):
            yield officer, way.channel, way.address
    for desk in desks.read(os.environ, "" if mode == Mode.ACTUAL else "DRILL_"):
        if desk.channel != avoiding:
            yield desk, desk.channel, desk.address


def _change(session: Session, alert: Alert) -> str:
    """What the page is about: the change that waits; where a release waits, the one that is in force."""
    waiting = response.waiting_for(alert)
    if waiting and waiting != "release":
        return waiting
    issued = select(Issue.change).where(Issue.alert_id == alert.id, Issue.rev == alert.in_force_rev)
    return session.scalar(issued) or "start"


def page_row(
    officer: Officer | desks.Desk, channel: str, address: str, *, wording_id: str, marker: str, step: int
) -> dict[str, Any]:
    return dispatch.UNSENT | {
        "incident_id": None, "kind": NoticeKind.REMINDER, "step": step,
        "receiver": officer.id if isinstance(officer, desks.Desk) else f"officer:{officer.id}",
        "receiver_name": officer.name, "person": officer.name, "channel": channel, "address": address,
        "marker": marker, "wording_id": wording_id, "filling": {}, "lane": 0,
        "created_at": clock.now(),
    }  # fmt: skip


def put(session: Session, book: wordings.Book, rows: Iterable[dict[str, Any]]) -> None:
    """The notices and their words; one that is already there is passed over."""
    book.write(session)
    if listed := budgets.keep(session, rows):
        session.execute(db.insert_new(Notice.__table__), listed)  # type: ignore[arg-type]


def call_the_next() -> None:
    """会签超时: whoever has not signed in time is joined by the next on the ladder. Nothing is issued by itself."""
    with db.reading() as session:
        waiting = session.scalars(select(Alert.id).where(Alert.waiting_since.is_not(None))).all()
    for alert_id in waiting:
        with db.transaction() as session:
            alert = response.load(session, alert_id)
            if alert.waiting_since is None:
                continue
            wait = ladder.signature_due(Level(alert.level).word, called=alert.paged_step)
            if alert.paged_step == 0 or (clock.now() >= alert.waiting_since + wait and alert.paged_step < ROUND - 1):
                page_signers(session, alert)
    if waiting:
        queues.hint("signers")
