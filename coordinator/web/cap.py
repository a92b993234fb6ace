"""Public alerts in CAP 1.2: the feed, and one file a revision that never changes once it was sent."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import cap as cap12
from coordinator import clock, config, issuing, render, rulebook, rulebook_measures
from coordinator.errors import NotFound
from coordinator.models import Alert, Issue, Mode, Revision
from coordinator.orders import Place
from coordinator.web import acting, auth
from rules.levels import Level
from rules.measures import society

cap = Blueprint("cap", __name__, url_prefix="/cap")
IDENTIFIER = re.compile(r"liandong-(\d{1,9})-(\d{1,9})")
NEWEST = 100
CAUSE = "重污染天气"


@cap.get("/feed.atom")
@auth.public
@acting.look
def feed(session: Session) -> Response:
    """The newest public messages, each leading to its file."""
    query = (
        select(Alert, Issue)
        .join(Issue, Issue.alert_id == Alert.id)
        .where(Alert.mode == Mode.ACTUAL)
        .order_by(Issue.issued_at.desc(), Issue.alert_id.desc(), Issue.rev.desc())
        .limit(NEWEST)
    )
    entries = [_entry(message(session, alert, issue)) for alert, issue in session.execute(query)]
    base = config.load().public_base_url
    listed = cap12.Feed(
        url=f"{base}/cap/feed.atom",
        title=f"{config.load().issuer} 预警",
        author=config.load().issuer,
        updated_at=max((entry.sent_at for entry in entries), default=datetime(2026, 1, 1, tzinfo=clock.BEIJING)),
        entries=entries,
    )
    return Response(cap12.feed(listed), content_type="application/atom+xml; charset=utf-8")


def _entry(sent: cap12.Alert) -> cap12.FeedEntry:
    return cap12.FeedEntry(
        identifier=sent.identifier,
        headline=sent.headline,
        summary=sent.description[:300],
        sent_at=sent.sent_at,
        url=f"{config.load().public_base_url}/cap/{sent.identifier}.xml",
    )


@cap.get("/<identifier>.xml")
@auth.public
@acting.look
def one(session: Session, identifier: str) -> Response:
    """One message as it was sent."""
    found = IDENTIFIER.fullmatch(identifier)
    issue = session.get(Issue, (int(found[1]), int(found[2]))) if found else None
    alert = session.get(Alert, issue.alert_id) if issue else None
    if issue is None or alert is None or alert.mode != Mode.ACTUAL:
        raise NotFound("没有这份公开预警")
    return Response(cap12.build(message(session, alert, issue)), content_type=f"{cap12.MEDIA}; charset=utf-8")


def message(session: Session, alert: Alert, issue: Issue) -> cap12.Alert:
    """What one issued revision says to the public, from that revision's own words."""
    said = session.get_one(Revision, (alert.id, issue.rev)).said
    level = _level(said)
    order = replace(
        issuing.order_of(session, alert, issue),
        level=level,
        cities=tuple(_place(code) for code in said["cities"]),
        clause=str(said.get("clause") or ""),
    )
    words = render.bulletin(order, society(rulebook_measures.table(), level=level, city=said["cities"][0]))
    earlier = _earlier(session, issue)
    return cap12.Alert(
        identifier=_identifier(issue),
        sender=_sender(),
        sent_at=issue.issued_at,
        mode=alert.mode,
        kind=_kind(issue, earlier),
        level=level,
        event=CAUSE,
        headline=words.subject,
        description=words.text,
        areas=tuple(cap12.Area(name=place.name, codes=(place.code,)) for place in order.cities),
        sender_name=config.load().issuer,
        references=earlier,
        effective_at=order.effective_from,
        expires_at=order.effective_to,
        web=f"{config.load().public_base_url}/check/{alert.number}",
        contact=config.load().desk_phone,
    )


def _identifier(issue: Issue) -> str:
    return f"liandong-{issue.alert_id}-{issue.rev}"


def _sender() -> str:
    return config.load().address.hostname or "liandong"


def _level(said: dict[str, Any]) -> Level:
    return Level(said["level"]) if isinstance(said["level"], int) else Level.parse(said["level"])


def _place(code: str) -> Place:
    return Place(code, rulebook.city(code).name)


def _earlier(session: Session, issue: Issue) -> tuple[cap12.Reference, ...]:
    """Every message of this alert before this one, as CAP asks of an update."""
    query = select(Issue).where(Issue.alert_id == issue.alert_id, Issue.rev < issue.rev).order_by(Issue.rev)
    return tuple(
        cap12.Reference(sender=_sender(), identifier=_identifier(row), sent_at=row.issued_at)
        for row in session.scalars(query)
    )


def _kind(issue: Issue, earlier: tuple[cap12.Reference, ...]) -> cap12.Kind:
    if not earlier:
        return cap12.Kind.ALERT
    return cap12.Kind.CANCEL if issue.change in ("lift", "retract") else cap12.Kind.UPDATE
