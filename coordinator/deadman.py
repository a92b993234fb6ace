"""Does somebody outside know that all is well? 守护: a ping a minute while it is; the silence is the alarm."""

import logging
import os
import urllib.error
import urllib.request
from http.client import HTTPException

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from coordinator import clock, config, db, fingerprint, leases, underway, verify
from coordinator.freshness import feed_ages
from coordinator.models import ScheduleRun

logger = logging.getLogger(__name__)
SLOWEST_S = 10.0
WORKER_S = 300.0  # every minute a worker does a line of the timetable
CHEAP = ("closed_book", "every_receiver_is_told_or_named", "nothing_is_stuck", "due_is_explained")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        """What was not asked for is not all well."""


def beat(lead: str, holder: str) -> str:
    """One ping, if this process leads the clock and nothing is amiss. Why none was sent, or ""."""
    url = os.environ.get("DEADMAN_URL", "").strip()
    if not url:
        return "DEADMAN_URL is not set"
    try:
        with db.reading() as session:
            if not leases.held_by(session, lead, holder):
                return "another leads"
            amiss = reasons(session)
    except SQLAlchemyError as error:
        amiss = [f"数据库不能使用({type(error).__name__})"]
    if amiss:
        logger.error("the outside guard is not told that all is well: %s", "; ".join(amiss))
        return "; ".join(amiss)
    return ping(url)


def reasons(session: Session) -> list[str]:
    """What is amiss: anything here silences the ping."""
    found = [held] if (held := fingerprint.recorded(session)) else []
    found += [f"数据源 {age.name} {age.state}" for age in feed_ages(session) if age.state != "fresh"]
    found += [f"{check.name}: {check.violations[0]}" for check in verify.checks(session, CHEAP) if not check.ok]
    found += [
        f"{one.n} notices of {one.channel} wait: {one.cause}"
        for one in underway.look(session)
        if one.cause == "breaker" and one.oldest_s > underway.YOUNG_S
    ]
    done = session.scalar(select(func.max(ScheduleRun.slot_at)).where(ScheduleRun.state == "done"))
    if done is None or (clock.now() - done).total_seconds() > WORKER_S:
        found.append("没有派发角色在办定时任务(liandong worker)")
    return found


def ping(url: str) -> str:
    """GET it; "" when it answered 2xx, else why not. A guard that is away stops nothing here."""
    local = config.is_loopback(url)
    opener = urllib.request.build_opener(_NoRedirect, *([urllib.request.ProxyHandler({})] if local else []))
    request = urllib.request.Request(url, headers={"User-Agent": "liandong"})  # noqa: S310 - scheme checked by config
    try:
        with opener.open(request, timeout=SLOWEST_S) as answer:
            return "" if 200 <= answer.status < 300 else f"answered {answer.status}"
    except (OSError, HTTPException, ValueError) as error:
        logger.warning("the outside guard could not be told: %s", error)
        return str(error) or type(error).__name__
