"""Is the process alive, is the whole fit for work, and the figures behind it. No number or name of a person."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from coordinator import canary, clock, db, intake, leases, logs, queues, status
from coordinator.models import Alert, CarrierEvent, Drill, Issue, Notice
from coordinator.web import auth

health = Blueprint("health", __name__)
OLDEST_DUE_S = 60.0
LEADER_S = 30.0
STUCK = timedelta(seconds=60)
DOUBTFUL = ("unexplained", "lease_over")


@health.get("/healthz")
@auth.public
def alive() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@health.get("/readyz")
@auth.public
def ready() -> tuple[Response, int]:
    """Fit for work, or 503 with the reasons."""
    if trouble := db.reachable():
        return jsonify(ready=False, reasons=[f"数据库不能使用：{trouble[:80]}"]), 503
    try:
        with db.reading() as session:
            found = _ages(session)
    except SQLAlchemyError as error:
        return jsonify(ready=False, reasons=[f"数据库没有准备好({type(error).__name__});请运行 liandong init"]), 503
    reasons = list(_reasons(found))
    warnings = [found["disk"]["warning"]] if found["disk"]["warning"] else []
    warnings += [] if found["dispatching"] else ["没有进程在派发；请运行 liandong worker"]
    return jsonify({"ready": not reasons, "reasons": reasons, "warnings": warnings, **found}), 503 if reasons else 200


def _ages(session: Session) -> dict[str, Any]:
    lanes = status.lanes(session)
    last = session.scalar(select(func.max(Drill.started_at)))
    return {
        "feeds": [age.as_json() for age in intake.feed_ages(session)],
        "oldest_due_s": max((lane["oldest_due_s"] for lane in lanes), default=0.0),
        "lanes": lanes,
        **status.looked_after(session),
        "leader_age_s": leases.leader_age_s(session, "clock"),
        "last_drill_at": last.isoformat() if last else None,
        "last_drill_age_s": (clock.now() - last).total_seconds() if last else None,
        "accounts_stopped": status.stopped(session),
        "issuing_stuck": _stuck(session),
        "hints": queues.answers(),
        "as_of": clock.now().isoformat(),
    }


def _stuck(session: Session) -> list[int]:
    """Alerts that are issued but whose notices are not all written after a minute."""
    query = select(Issue.alert_id).where(Issue.materialised_at.is_(None), Issue.issued_at < clock.now() - STUCK)
    return list(session.scalars(query))


def _reasons(found: dict[str, Any]) -> list[str]:
    """Why it is not fit, a sentence each. A hint server that is away costs a second, so it is no reason."""
    reasons = [f"数据源 {feed['name']} {feed['state']}" for feed in found["feeds"] if feed["state"] != "fresh"]
    if found["oldest_due_s"] > OLDEST_DUE_S:
        reasons.append(f"最早应发的通知已等 {found['oldest_due_s']:.0f} 秒")
    if found["leader_age_s"] is None or found["leader_age_s"] > LEADER_S:
        reasons.append("没有定时角色在工作(liandong clock)")
    reasons += [f"全部停发：{found['held']}"] if found["held"] else []
    reasons += [f"{one['n']} 条通知{one['why']}" for one in found["underway"] if one["cause"] in DOUBTFUL]
    reasons += [words for age in found["canaries"] if (words := canary.trouble(age))]
    reasons += [f"预警 {alert} 已签发而通知还没有写完" for alert in found["issuing_stuck"]]
    return reasons + [f"账户 {one['account']} 已停用：{one['reason']}" for one in found["accounts_stopped"]]


@health.get("/metrics")
@auth.public
def metrics() -> Response:
    """Every figure is a count of rows, made when it is asked for."""
    with db.reading() as session:
        return Response(generate_latest(_measured(session)), content_type=CONTENT_TYPE_LATEST)


def _measured(session: Session) -> CollectorRegistry:
    registry = CollectorRegistry()
    _counted(registry, session, "liandong_alerts", [Alert.state, Alert.mode])
    _counted(registry, session, "liandong_notices", [Notice.state, Notice.channel, Notice.kind])
    _counted(registry, session, "liandong_carrier_events", [CarrierEvent.kind])
    due = Gauge("liandong_lane_due", "Notices due", ["lane"], registry=registry)
    oldest = Gauge("liandong_lane_oldest_due_seconds", "Age of the oldest due notice", ["lane"], registry=registry)
    for lane in status.lanes(session):
        due.labels(lane["name"]).set(lane["due"])
        oldest.labels(lane["name"]).set(lane["oldest_due_s"])
    feed = Gauge("liandong_feed_age_seconds", "Age of the newest value", ["feed", "kind"], registry=registry)
    for age in intake.feed_ages(session):
        if age.age_s is not None:
            feed.labels(age.name, age.kind).set(age.age_s)
    leader = Gauge("liandong_leader_age_seconds", "Since the clock's lead was renewed", registry=registry)
    leader.set(_or_nan(leases.leader_age_s(session, "clock")))
    _looked_after(registry, status.looked_after(session))
    return registry


def _looked_after(registry: CollectorRegistry, found: dict[str, Any]) -> None:
    labels = ["account", "channel", "lane", "state", "cause"]
    many = Gauge("liandong_underway", "Notices under way or in doubt", labels, registry=registry)
    oldest = Gauge("liandong_underway_oldest_seconds", "Age of the oldest of them", labels, registry=registry)
    for one in found["underway"]:
        of = [one[label] for label in labels]
        many.labels(*of).set(one["n"])
        oldest.labels(*of).set(one["oldest_s"])
    flown = Gauge("liandong_canary_age_seconds", "Since the last self-check came back", ["channel"], registry=registry)
    for age in found["canaries"]:
        flown.labels(age["channel"]).set(_or_nan(age["last_good_age_s"]))
    Gauge("liandong_held", "1 when nothing is sent until adopted", registry=registry).set(bool(found["held"]))
    Gauge("liandong_disk_used_ratio", "Of the disk under LIANDONG_HOME", registry=registry).set(found["disk"]["used"])
    Gauge("liandong_log_lines_lost", "Lines this process could not write", registry=registry).set(logs.lost())


def _or_nan(figure: float | None) -> float:
    return float("nan") if figure is None else figure


def _counted(registry: CollectorRegistry, session: Session, name: str, columns: list[Any]) -> None:
    gauge = Gauge(name, "Rows now", [column.key for column in columns], registry=registry)
    for *labels, count in session.execute(select(*columns, func.count()).group_by(*columns)):
        gauge.labels(*map(str, labels)).set(count)
