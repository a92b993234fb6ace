"""Does a text come through? 链路自检: to our own number and mailbox by the real account, down the way of every notice.

Its row is a notice of kind ``manual`` in the duty lane: that lane must always be fast, and one text an hour is no load.
"""

import logging
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contacts import addresses
from contacts.models import Officer
from coordinator import alarms, clock, db, dispatch, fingerprint, paging, queues, render, tokens, wordings
from coordinator.errors import Misconfigured
from coordinator.models import Canary, CarrierEvent, Mode, Notice, NoticeKind

logger = logging.getLogger(__name__)
BACK_WITHIN_S = 120.0
OLD_S = 2.5 * 3600  # it flies every hour
OURSELVES = Officer(id="canary", name="链路自检")


def targets(environ: Mapping[str, str]) -> dict[str, str]:
    """Channel → our own address; without CANARY_PHONE and CANARY_EMAIL there are none and nothing is checked."""
    found = {}
    for channel, name, read in (("sms", "CANARY_PHONE", addresses.phone), ("email", "CANARY_EMAIL", addresses.email)):
        if given := environ.get(name, "").strip():
            try:
                found[channel] = read(given)
            except ValueError as error:
                raise Misconfigured(f"{name}: {error}") from error
    return found


def send(slot: datetime) -> int:
    """One text to each of our own addresses whose channel is set up. How many were put down."""
    able = {way.channel for way in dispatch.ways() if Mode.ACTUAL in way.modes}
    wanted = {channel: address for channel, address in targets(os.environ).items() if channel in able}
    if not wanted or fingerprint.hold_reason():
        return 0
    with db.transaction() as session:
        for channel, address in wanted.items():
            _put(session, channel, address, slot)
    queues.hint("canary")
    return len(wanted)


def _put(session: Session, channel: str, address: str, slot: datetime) -> None:
    mark = tokens.marker("canary", channel, slot.isoformat())
    number = f"ZJ{mark}"
    if session.scalar(select(Notice.id).where(Notice.number == number)):
        return  # this slot's run was taken up again
    words = render.selfcheck(channel, marker=mark)
    book = wordings.Book()
    row: dict[str, Any] = paging.page_row(OURSELVES, channel, address, wording_id=book.whole(words), marker=mark, step=0) | {
        "alert_id": None, "rev": 0, "mode": Mode.ACTUAL, "number": number, "city": "", "kind": NoticeKind.MANUAL,
        "receiver": "canary", "valid_until": clock.now() + timedelta(minutes=10),
    }  # fmt: skip
    paging.put(session, book, [row])
    notice_id = session.scalars(select(Notice.id).where(Notice.number == number)).one()
    session.add(Canary(notice_id=notice_id, channel=channel, sent_at=clock.now()))


def judge() -> None:
    """Whether those under way came back in time; one that did not calls who is on duty, by another channel."""
    lost: dict[str, str] = {}
    with db.transaction() as session:
        for flown in session.scalars(select(Canary).where(Canary.outcome == "").with_for_update(skip_locked=True)):
            notice = session.get_one(Notice, flown.notice_id)
            flown.took_s, flown.account = came_back_s(session, notice), notice.account
            if flown.took_s is not None and flown.took_s <= BACK_WITHIN_S:
                flown.outcome = "good"
                alarms.over(session, f"canary:{flown.channel}")
            elif (clock.now() - flown.sent_at).total_seconds() > BACK_WITHIN_S:
                flown.outcome = "lost"
                lost[flown.channel] = f"{notice.state} {notice.error}".strip()
    for channel, detail in lost.items():
        words = f"链路自检没有按时回来（{channel}，{detail}），真实通知可能发不出或没有回执"
        alarms.tell({f"canary:{channel}": words}, avoiding=channel)


def came_back_s(session: Session, notice: Notice) -> float | None:
    """Seconds until the carrier called back that it is delivered; where a channel has no receipts, until it was taken.

    A carrier that had to be asked does not count: it is the callback that is being checked.
    """
    module = dispatch.modules()[notice.channel]
    if not module.RECEIPTS:
        return (notice.accepted_at - notice.created_at).total_seconds() if notice.accepted_at else None
    for event in session.scalars(
        select(CarrierEvent).where(CarrierEvent.notice_id == notice.id).order_by(CarrierEvent.id)
    ):
        if event.kind == "status" and module.STATUS.get(module.receipt(event.form)[1]) == "delivered":
            return (event.received_at - notice.created_at).total_seconds()
    return None


def ages(session: Session) -> list[dict[str, Any]]:
    """Of each of our own addresses' channels: seconds since the last that came back, and how the newest fared."""
    return [_age(session, channel) for channel in targets(os.environ)]


def _age(session: Session, channel: str) -> dict[str, Any]:
    mine = Canary.channel == channel
    good = session.scalar(select(func.max(Canary.sent_at)).where(mine, Canary.outcome == "good"))
    newest = session.scalar(select(Canary).where(mine, Canary.outcome != "").order_by(Canary.sent_at.desc()).limit(1))
    return {
        "channel": channel,
        "last_good_at": good.isoformat() if good else None,
        "last_good_age_s": round((clock.now() - good).total_seconds(), 1) if good else None,
        "last_outcome": newest.outcome if newest else "",
        "took_s": newest.took_s if newest else None,
    }


def trouble(age: Mapping[str, Any]) -> str:
    """Why a self-check's age is no good sign; "" when it is one, or when none has flown yet."""
    if age["last_outcome"] == "lost":
        return f"链路自检 {age['channel']} 没有按时回来"
    old = age["last_good_age_s"] is not None and age["last_good_age_s"] > OLD_S
    return f"链路自检 {age['channel']} 已 {age['last_good_age_s'] / 3600:.0f} 小时没有成功" if old else ""
