"""短信额度: what each number has had lately, asked of the rows; what a limit stops is kept, counted and rung."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from coordinator import clock, db
from coordinator.channels import terms
from coordinator.limits import Budget, Fate, Forecast, Text, forecast
from coordinator.models import REACHED, Notice, NoticeKind, State
from coordinator.orders import LANES

# What a carrier has counted or is about to: handed over, waiting to be, or handed over in vain.
COUNTED = (*REACHED, State.PLANNED, State.PENDING, State.UNDELIVERED)


def keep(session: Session, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of new notices, with every SMS that would pass a limit marked as suppressed and why.

    One look at the numbers' last day for all rows together; e-mail and voice pass as they are.
    """
    listed = list(rows)
    now, numbers = clock.now(), {row["address"] for row in listed if row["channel"] == "sms"}
    budget = of(session, numbers, now) if numbers else None
    for row in listed:
        row["finished_at"] = None
        if budget is None or row["channel"] != "sms":
            continue
        one = Text(row["marker"], now)  # the marker stands in the text and no two notices share one
        verdict = budget.spend(row["address"], one, urgency=urgency(row["kind"], row["lane"]))
        if verdict.fate is Fate.SUPPRESSED:
            row |= {"state": State.SUPPRESSED, "error": verdict.reason, "finished_at": now}
    return listed


def urgency(kind: str, lane: int) -> str:
    """Which of the limits' exceptions a notice falls under."""
    if kind == NoticeKind.CORRECTION:
        return "correction"
    return LANES[lane]


def foresee(session: Session, planned: Mapping[str, int], *, kind: str, lane: str) -> Forecast:
    """What so many texts to each number would meet, if they were sent now."""
    now = clock.now()
    return forecast(of(session, planned.keys(), now), planned, urgency=urgency(kind, LANES.index(lane)), at=now)


def of(session: Session, numbers: Collection[str], now: datetime) -> Budget:
    """The budget of these numbers under the terms that hold."""
    held = terms.load()
    return Budget.of(held, sent_to(session, numbers, since=now - held.longest))


def sent_to(session: Session, numbers: Collection[str], *, since: datetime) -> Mapping[str, list[Text]]:
    """What each of these numbers was sent; a text counts from when the carrier took it, until then from when it was written."""
    found = defaultdict[str, list[Text]](list)
    rows = session.execute(
        select(Notice.address, Notice.marker, Notice.created_at, Notice.accepted_at).where(
            text("notice.channel = 'sms'"),  # spelled out, so that the index of these rows alone serves
            db.among(Notice.address, sorted(numbers)),
            Notice.state.in_(COUNTED),
            (Notice.accepted_at > since) | (Notice.accepted_at.is_(None) & (Notice.created_at > since)),
        )
    )
    for address, marker, created_at, accepted_at in rows:
        found[address].append(Text(marker, accepted_at or created_at))
    return found
