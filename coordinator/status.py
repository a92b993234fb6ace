"""How things stand: alerts by state, lanes and their oldest due notice, feeds and their age."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coordinator import (
    alarms,
    canary,
    capacity,
    clock,
    db,
    disks,
    fingerprint,
    intake,
    leases,
    pace,
    progress,
    standby,
    underway,
)
from coordinator.models import Alert, Breaker, Drill, Notice, State
from coordinator.orders import LANES
from rules.levels import Level


def now() -> dict[str, Any]:
    """CONTRACT §4: alerts, lanes, feeds, as_of; and what stands in the way."""
    with db.reading() as session:
        etas = pace.of_lanes(session)
        return {
            "alerts": [
                _alert(session, alert) for alert in session.scalars(select(Alert).order_by(Alert.id.desc()).limit(200))
            ],
            "lanes": [lane | {"eta_s": etas.get(lane["name"], 0.0)} for lane in lanes(session)],
            **looked_after(session),
            "feeds": [age.as_json() for age in intake.feed_ages(session)],
            "leader_age_s": leases.leader_age_s(session, "clock"),
            "accounts_stopped": stopped(session),
            "last_drill_at": _moment(session.scalar(select(func.max(Drill.started_at)))),
            "advice": [one for one in (capacity.advice(session),) if one],
            "as_of": clock.now().isoformat(),
        }


def _alert(session: Session, alert: Alert) -> dict[str, Any]:
    states = progress.by_state(session, alert.id)
    return {
        "id": alert.id, "number": alert.number, "state": alert.state, "level": Level(alert.level).word,
        "mode": alert.mode, "cities": alert.cities, "listed": sum(states.values()), "by_state": states,
        **(pace.of_alert(session, alert.id).as_json() if states.keys() & set(pace.WAITING) else {"eta_s": 0.0, "eta_at": None}),
    }  # fmt: skip


def looked_after(session: Session) -> dict[str, Any]:
    """What is under way or in doubt, and how the installation looks after itself."""
    groups, share = underway.look(session), disks.fullness()
    return {
        "held": fingerprint.recorded(session),
        "dispatching": standby.dispatching(session),
        "underway": [one.as_json() for one in groups],
        "in_doubt": underway.oldest(groups),
        "troubles": [
            {"cause": one.cause, "detail": one.detail, "since": one.since.isoformat()}
            for one in alarms.standing(session)
        ],
        "canaries": canary.ages(session),
        "disk": {"used": round(share, 3), "warning": disks.warning(share)},
    }


def lanes(session: Session) -> list[dict[str, Any]]:
    """Per lane: how many are due, and how long the oldest has been."""
    rows = session.execute(
        select(Notice.lane, func.count(), func.max(db.seconds() - Notice.try_s), func.min(Notice.created_at))
        .where(Notice.state == State.PENDING, Notice.try_s <= db.seconds())
        .group_by(Notice.lane)
    ).all()
    found = {lane: (due, min(age, (clock.now() - made).total_seconds())) for lane, due, age, made in rows}
    return [
        {
            "name": name,
            "due": found.get(lane, (0, 0.0))[0],
            "oldest_due_s": round(max(0.0, found.get(lane, (0, 0.0))[1]), 1),
        }
        for lane, name in enumerate(LANES)
    ]


def stopped(session: Session) -> list[dict[str, str]]:
    """Accounts that are not fed for now, and why."""
    rows = session.scalars(select(Breaker).where(Breaker.open_until_s > db.seconds()))
    return [{"account": row.account, "reason": row.reason} for row in rows]


def _moment(at: Any) -> str | None:
    return at.isoformat() if at else None
