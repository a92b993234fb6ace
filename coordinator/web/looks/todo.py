"""What do I do next? Everything that waits for this officer, the gravest and oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contacts.models import Enterprise, Officer
from coordinator import clock, mandates, progress, response
from coordinator.freshness import feed_ages
from coordinator.models import Alert, Duty, Incident, Mode, Receiver, Signature
from coordinator.web.looks import alerts
from coordinator.web.vocabulary import CHANGES
from coordinator.web.wording import ago, cities, level, moment, say

NEWEST = datetime.max.replace(tzinfo=clock.BEIJING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to do: words, where, what to press, since or until when. Grave ones stand first."""

    grave: bool
    words: str
    press: str
    endpoint: str
    at: datetime | None = None
    note: str = ""
    drill: bool = False
    where: dict[str, Any] = field(default_factory=dict)


def tasks(session: Session, person: Officer) -> list[Task]:
    """What waits for this person."""
    found = [*_alerts(session, person), *_incidents(session, person), *_lists(session), *_feeds(session, person)]
    return sorted(found, key=lambda task: (task.drill, not task.grave, task.at or NEWEST))


def _alerts(session: Session, person: Officer) -> Iterator[Task]:
    rows = session.scalars(select(Alert).where(Alert.state.in_(response.OPEN)).order_by(Alert.id)).all()
    signed = _signed(session, [each.id for each in rows])
    for alert in rows:
        if not any(mandates.covers(person, city) for city in alert.cities):
            continue
        yield from _of_alert(session, alert, alerts.choices(alert, person, signed.get(alert.id, [])))
        if alert.state in response.IN_FORCE and "propose" in _acts(person):
            yield from _of_telling(session, alert)


def _acts(person: Officer) -> list[str]:
    return [act for act, roles in mandates.MAY.items() if person.role in roles]


def _signed(session: Session, ids: list[int]) -> dict[int, list[Signature]]:
    found: dict[int, list[Signature]] = {}
    for each in session.scalars(select(Signature).where(Signature.alert_id.in_(ids))):
        found.setdefault(each.alert_id, []).append(each)
    return found


def _of_alert(session: Session, alert: Alert, choices: dict[str, str]) -> Iterator[Task]:
    what = f"{level(response.asked_level(alert))} {cities(alert.cities, 5)}"
    common: dict[str, Any] = {
        "endpoint": "desk.alert", "where": {"alert_id": alert.id}, "note": alert.number, "drill": alert.mode != Mode.ACTUAL,
    }  # fmt: skip
    if choices.get("sign") == "":
        words = say("请签发：%(change)s %(what)s", change=say(CHANGES[response.waiting_for(alert)]), what=what)
        yield Task(grave=True, words=words, press=say("核对并签发"), at=alert.waiting_since, **common)
    if choices.get("submit") == "":
        by_engine = alert.origin == "engine"
        words = (
            say("程序提议，请核对后提交：%(what)s", what=what)
            if by_engine
            else say("拟定稿待提交：%(what)s", what=what)
        )
        yield Task(grave=True, words=words, press=say("核对并提交"), at=alert.created_at, **common)
    if choices.get("release") == "":
        yield Task(
            grave=True, words=say("已暂停，等候决定恢复或撤回：%(what)s", what=what), press=say("查看"), **common
        )


def _of_telling(session: Session, alert: Alert) -> Iterator[Task]:
    """Plants that say they can't, plants nobody can reach, plants that have been told and stay silent."""
    counts = progress.receivers(session, alert.id)
    drill, number = alert.mode != Mode.ACTUAL, {"alert_id": alert.id}
    if counts["cannot"]:
        words = say("%(n)s 家答复不能执行（%(number)s）", n=counts["cannot"], number=named(alert))
        yield Task(grave=True, words=words, press=say("逐家处理"), endpoint="desk.receiver_list", drill=drill,
                   where=number | {"which": "cannot"})  # fmt: skip
    if counts["unreachable"]:
        words = say("%(n)s 家联系不上，请打电话（%(number)s）", n=counts["unreachable"], number=named(alert))
        yield Task(
            grave=True, words=words, press=say("打电话清单"), endpoint="desk.call_sheet", drill=drill, where=number
        )
    silent = _silent(session, alert)
    if silent:
        words = say("%(n)s 家逾时未签收（%(number)s）", n=silent, number=named(alert))
        yield Task(grave=False, words=words, press=say("查看"), endpoint="desk.receiver_list", drill=drill,
                   where=number | {"which": "silent"})  # fmt: skip


def named(alert: Alert) -> str:
    """Places and number, as one speaks of an alert."""
    return f"{cities(alert.cities, 2)} {alert.number}"


def _silent(session: Session, alert: Alert) -> int:
    """Chased at least once and still no answer."""
    query = select(func.count()).select_from(Receiver).where(
        Receiver.alert_id == alert.id, Receiver.acknowledged_rev < alert.order_rev, Receiver.chase_step > 0
    )  # fmt: skip
    return session.scalar(query) or 0


def _incidents(session: Session, person: Officer) -> Iterator[Task]:
    if "report" not in _acts(person):
        return
    query = (
        select(Duty, Incident)
        .join(Incident, Incident.id == Duty.incident_id)
        .where(Incident.state == "open", Duty.done_at.is_(None), Duty.due_at.is_not(None))
        .order_by(Duty.due_at)
    )
    nearest: dict[int, tuple[Duty, Incident]] = {}
    for duty, incident in session.execute(query):
        nearest.setdefault(incident.id, (duty, incident))
    for duty, incident in nearest.values():
        yield _of_duty(duty, incident)


def _of_duty(duty: Duty, incident: Incident) -> Task:
    assert duty.due_at is not None
    late = duty.due_at <= clock.now()
    when = say("已逾期 %(span)s", span=ago(duty.due_at)) if late else say("还剩 %(span)s", span=ago(duty.due_at))
    words = say("事件报告时限%(when)s:%(title)s", when=when, title=incident.title)
    return Task(grave=True, words=words, press=say("办理"), endpoint="desk.incident", at=duty.due_at,
                note=moment(duty.due_at), where={"incident_id": incident.id}, drill=incident.mode != Mode.ACTUAL)  # fmt: skip


def _lists(session: Session) -> Iterator[Task]:
    """An order to nobody is no order: the list of plants comes first."""
    if session.scalar(select(Enterprise.credit_code).limit(1)) is None:
        words = say("还没有企业名单：签发了也没有人可通知")
        yield Task(grave=True, words=words, press=say("导入名单"), endpoint="desk.import_form")


def _feeds(session: Session, person: Officer) -> Iterator[Task]:
    if "feed" not in _acts(person):
        return
    ages = feed_ages(session)
    for age in ages:
        if age.state != "fresh":
            words = say("数据源 %(name)s 已 %(span)s 没有新数据", name=age.name, span=ago(age.newest_at))
            yield Task(
                grave=age.state == "silent",
                words=words,
                press=say("查看"),
                endpoint="desk.feed_list",
                note=age.trouble[:80],
            )
    if not ages:
        words = say("还没有任何监测或预报数据：程序现在什么都判断不了")
        yield Task(grave=True, words=words, press=say("接入数据"), endpoint="desk.feed_list")
