"""演练: a scripted day down the same path. Only the mode, the accounts and the roster differ."""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import rules
from contacts.models import Enterprise, Officer
from coordinator import audit, clock, db, mandates, progress, queues, response, rulebook
from coordinator.errors import NotFound, Refusal, Unprocessable
from coordinator.models import Alert, Drill, Mode, Signature
from coordinator.response import Proposal
from coordinator.spoken import STATES
from rules.levels import Level

FOLDER = Path(rules.__file__).parent / "sets" / "drills"
RUNNING, STOPPED, FINISHED, HELD_OFF = "running", "stopped", "finished", "held_off"


@dataclass(frozen=True, slots=True)
class Script:
    """What is rehearsed, when by the timetable, and what the directors throw in."""

    name: str
    title: str
    title_en: str
    cron: str
    level: Level
    effective_after: timedelta
    lasts: timedelta
    reason: str
    injects: tuple[tuple[int, str], ...]  # minutes after the start, words


@cache
def scripts() -> tuple[Script, ...]:
    """Every script of the installation, by name."""
    return tuple(_script(tomllib.loads(path.read_text())) for path in sorted(FOLDER.glob("*.toml")))


def _script(fields: dict[str, Any]) -> Script:
    return Script(
        name=fields["name"],
        title=fields["title"],
        title_en=fields["title_en"],
        cron=fields.get("cron", ""),
        level=Level.parse(fields["level"]),
        effective_after=timedelta(hours=fields["effective_after_hours"]),
        lasts=timedelta(hours=fields["lasts_hours"]),
        reason=fields["reason"],
        injects=tuple((inject["after_minutes"], inject["say"]) for inject in fields.get("inject", [])),
    )


def script(name: str) -> Script:
    for one in scripts():
        if one.name == name:
            return one
    raise NotFound(f"没有叫“{name}”的演练;现有 {'、'.join(one.name for one in scripts())}")


def start(session: Session, name: str, *, by: str, cities: Sequence[str] = ()) -> Drill:
    """Propose and submit the script's alert. From here on people sign as ever."""
    chosen = script(name)
    places = [rulebook.city(city).code for city in cities] or places_of(session)
    _not_beside_the_real(session, places)
    drill = Drill(name=name, state=RUNNING, cities=places, started_by=by, started_at=clock.now(), log=[])
    session.add(drill)
    session.flush()
    begins = _full_hour(clock.now() + chosen.effective_after)
    alert = response.propose(
        session,
        Proposal(
            mode=Mode.EXERCISE, kind="air", level=chosen.level, cities=tuple(places), origin="drill",
            effective_from=begins, effective_to=begins + chosen.lasts, reason=chosen.reason, drill_id=drill.id,
        ),
        proposer=by,
    )  # fmt: skip
    response.put_to_signers(session, alert, by=by)
    audit.record(session, by, "start drill", f"drill:{drill.id}", name=name, alert=alert.id, cities=places)
    return drill


def places_of(session: Session) -> list[str]:
    """Where a drill without a place of its own is held: where plants take part, as far as one signer's mandate goes."""
    taking_part = set(session.scalars(select(Enterprise.city).where(Enterprise.in_drill).distinct()))
    signers = session.scalars(select(Officer).where(Officer.active, Officer.role.in_(mandates.MAY["sign"]))).all()
    known = taking_part or {city for officer in signers for city in officer.cities}
    reach = [sorted(city for city in known if mandates.covers(officer, city)) for officer in signers]
    widest = max(reach, key=len, default=[])
    if not widest:
        raise Unprocessable("没有可演练的地方:请先导入签发人,并在企业名单里标明参演")
    return widest


def _not_beside_the_real(session: Session, cities: Sequence[str]) -> None:
    """A real alert in the same place comes first: two at once would be mistaken for one another."""
    standing = session.scalars(
        select(Alert).where(Alert.mode == Mode.ACTUAL, Alert.state.in_(response.IN_FORCE), Alert.level >= Level.YELLOW)
    )
    for alert in standing:
        if set(alert.cities) & set(cities):
            raise Unprocessable(f"当地真实预警 {alert.number} 正在生效,演练不能开始;请在解除后再演练,或换一个城市")


def _full_hour(at: datetime) -> datetime:
    return (at + timedelta(minutes=59)).replace(minute=0, second=0, microsecond=0)


def stop(session: Session, drill_id: int, *, by: str) -> Drill:
    """中止: whatever is not sent stays unsent; who was reached hears that the drill has ended."""
    drill = load(session, drill_id)
    if drill.state != RUNNING:
        raise Unprocessable(f"演练 {drill.id} {STATES[drill.state]},不能再中止")
    response.call_off(session, alert_of(session, drill), by=by)
    drill.state, drill.ended_at = STOPPED, clock.now()
    audit.record(session, by, "stop drill", f"drill:{drill.id}")
    return drill


def load(session: Session, drill_id: int) -> Drill:
    drill = session.get(Drill, drill_id, with_for_update=True)
    if drill is None:
        raise NotFound(f"没有编号为 {drill_id} 的演练")
    return drill


def alert_of(session: Session, drill: Drill) -> Alert:
    return session.scalars(select(Alert).where(Alert.drill_id == drill.id).with_for_update()).one()


def by_timetable(chosen: Script) -> Callable[[datetime], None]:
    """What the timetable calls. A drill that may not start is written down as held off, with its reason."""

    def begin(slot: datetime) -> None:
        try:
            with db.transaction() as session:
                start(session, chosen.name, by="timetable")
        except (Unprocessable, Refusal) as why:
            with db.transaction() as session:
                note = {"at": slot.isoformat(), "say": str(why)}
                session.add(
                    Drill(name=chosen.name, state=HELD_OFF, cities=[], started_by="timetable", started_at=slot,
                          ended_at=slot, log=[note])
                )  # fmt: skip
        queues.hint("drill")

    return begin


def report(session: Session, drill_id: int) -> dict[str, Any]:
    """The record of one drill, read from the same rows as any alert's."""
    drill = load(session, drill_id)
    found: dict[str, Any] = {
        "id": drill.id, "name": drill.name, "title": script(drill.name).title, "state": drill.state,
        "cities": drill.cities, "started_by": drill.started_by, "started_at": drill.started_at.isoformat(),
        "ended_at": drill.ended_at.isoformat() if drill.ended_at else None, "log": drill.log,
    }  # fmt: skip
    alert = session.scalar(select(Alert).where(Alert.drill_id == drill.id))
    if alert is None:
        return found
    signed = session.scalars(select(Signature).where(Signature.alert_id == alert.id).order_by(Signature.id)).all()
    waits = [(one.signed_at - alert.created_at).total_seconds() for one in signed]
    return found | {
        "alert": alert.id,
        "alert_state": alert.state,
        "signatures": [{"officer": one.officer, "role": one.role, "purpose": one.purpose} for one in signed],
        "seconds_to_last_signature": max(waits, default=None),
        "progress": progress.of(session, alert.id),
        "injects": [
            {"at": (drill.started_at + timedelta(minutes=after)).isoformat(), "say": say}
            for after, say in script(drill.name).injects
        ],
    }
