"""The evaluation round 研判: stored air → gradings → what should become of each city's alert, put before people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coordinator import airseries, clock, db, joint_episodes, prompting, rulebook
from coordinator.airseries import Air
from coordinator.errors import Refusal
from coordinator.models import Graded, Payload, Setting
from coordinator.prompting import Grounds
from rules.episodes import foresee
from rules.grading import Grading
from rules.levels import Verdict
from rules.lifecycle import Change, ChangeKind, decide

HEALTH_NOTICE = "health_notice"
LAST_ROUND = "watch.last"

WhenBlind = Callable[[Session, list[str], str], object]


def nobody(session: Session, cities: list[str], reason: str) -> None:
    """The hook for "blind, decide by forecast" when nobody is to be paged."""


@dataclass(slots=True)
class Round:
    """What one round did. proposed, asked: alerts put before people; blind: cities that just became undecidable."""

    at: datetime
    graded: int = 0
    proposed: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)


def round(at: datetime | None = None, *, when_blind: WhenBlind = nobody) -> Round:
    """Evaluate every city of the map as of ``at``. Cheap when nothing came in; twice the same hour is once.

    Only proposes: people submit and sign. ``when_blind`` is called once per outage, inside the transaction.
    """
    made = Round(at or clock.now())
    with db.reading() as session:
        mark = _mark(session, made.at)
        last = session.get(Setting, LAST_ROUND)
        if last and not _after(mark, last.value):
            return made
        airs = airseries.load(
            session, [city.code for city in rulebook.cities()], now=made.at, standards=rulebook.standards()
        )
    gradings = _grade(airs, made.at)
    with db.transaction() as session:
        if _take_turn(session, mark):
            _conclude(session, made, airs, gradings, when_blind=when_blind)
    return made


def _mark(session: Session, at: datetime) -> str:
    """The hour, and the newest payload: with both unchanged a round can find nothing new."""
    newest = session.scalar(select(func.max(Payload.id))) or 0
    return f"{at:%Y-%m-%dT%H}|{newest:012d}"


def _after(mark: str, last: str) -> bool:
    """Rounds never go back in time; a mark of hours to come is left from a moved clock and means nothing."""
    return mark > last or last > f"{clock.now() + timedelta(hours=2):%Y-%m-%dT%H}"


def _take_turn(session: Session, mark: str) -> bool:
    """Rounds go one after the other."""
    session.execute(db.insert_new(Setting.__table__), {"name": LAST_ROUND, "value": ""})  # type: ignore[arg-type]
    last = session.get_one(Setting, LAST_ROUND, with_for_update=True)
    if not _after(mark, last.value):
        return False
    last.value = mark
    return True


def _grade(airs: Mapping[str, Air], at: datetime) -> dict[str, Grading]:
    """Each city by the edition in force there; a city without one in force isn't watched."""
    gradings = {}
    for code, air in airs.items():
        try:
            edition = rulebook.edition_for(code, at.astimezone(clock.BEIJING).date())
        except Refusal:
            continue
        gradings[code] = foresee(
            air.series, edition, rulebook.standards(), at=air.at, horizon=air.horizon, policy=rulebook.cause_policy()
        )
    return gradings


def _conclude(
    session: Session, made: Round, airs: Mapping[str, Air], gradings: Mapping[str, Grading], *, when_blind: WhenBlind
) -> None:
    standings = prompting.standings(session, gradings, made.at)
    changes = {
        code: decide(standings.of(code), grading, rulebook.edition(grading.ruleset).hysteresis, decided_at=made.at)
        for code, grading in gradings.items()
    }
    episode = joint_episodes.follow(session, made.at, gradings, standings.by_city)
    desk = prompting.Desk(session, made.at, standings, episode)
    grounds = {code: _grounds(airs[code], changes[code]) for code in changes}
    remarks = desk.put(changes, grounds)
    made.proposed, made.asked = desk.proposed, desk.asked
    made.blind = _newly_blind(session, airs, changes)
    if made.blind:
        when_blind(session, made.blind, _blindness(made.blind))
    made.graded = _write(session, made.at, changes, grounds=grounds, remarks=remarks)


def _grounds(air: Air, change: Change) -> dict[str, Any]:
    """All that an officer, or a later replay, needs to see why."""
    alone = air.hangs_on(rulebook.edition(change.grading.ruleset), change.grading.evidence.window)
    return {
        **change.grading.as_json(),
        "evidence": change.evidence(),
        "hangs_on_station": alone,
        "needs_verification": bool(alone),
        "first_unknown_hour": air.at.isoformat(),
        "observed_by": air.observed.sources,
        "suspects": air.observed.suspects,
        "foretold_by": air.outlook.sources,
        "foretold_hours": air.ahead_h,
    }


def word_of(change: Change) -> str:
    """The word a grading is kept under: a change, or a health notice where bad air calls for no cuts."""
    if change.kind in (ChangeKind.QUIET, ChangeKind.HOLD) and change.grading.cause:
        return HEALTH_NOTICE
    return change.kind.value


def _newly_blind(session: Session, airs: Mapping[str, Air], changes: Mapping[str, Change]) -> list[str]:
    """Cities that could be decided, or had not been looked at, before and can't now. Never heard of is no outage."""
    blind = [code for code, change in changes.items() if change.kind is ChangeKind.UNKNOWN and airs[code].heard]
    newest = select(func.max(Graded.id)).where(Graded.city.in_(blind)).group_by(Graded.city)
    were = session.scalars(
        select(Graded.city).where(Graded.id.in_(newest), Graded.change == ChangeKind.UNKNOWN.value)
    ).all()
    return sorted(set(blind) - set(were))


def _blindness(cities: list[str]) -> str:
    names = "、".join(rulebook.city(code).name for code in cities[:6])
    more = f"等 {len(cities)} 市" if len(cities) > 6 else ""
    return f"{names}{more}资料缺失,程序不能判定;请以预报和会商判定,不得据此解除"


def _write(
    session: Session, at: datetime, changes: Mapping[str, Change], *, grounds: Grounds, remarks: Mapping[str, str]
) -> int:
    """One grading an hour and city, and one more whenever it says something else."""
    said = _said_this_hour(session, at)
    rows = [
        {
            "at": at.replace(microsecond=0),
            "city": code,
            "ruleset": change.grading.ruleset,
            "verdict": Verdict.UNKNOWN if change.kind is ChangeKind.UNKNOWN else change.grading.verdict,
            "level": int(change.grading.level),
            "clause": change.clause,
            "change": word_of(change),
            "reason": remarks.get(code) or change.reason,
            "evidence": grounds[code],
            "margin": {"next_level": change.grading.margin.next_level, "needs": change.grading.margin.needs},
        }
        for code, change in changes.items()
        if said.get(code) != (word_of(change), int(change.grading.level))
    ]
    if rows:
        session.execute(db.insert_new(Graded.__table__), rows)  # type: ignore[arg-type]
    return len(rows)


def _said_this_hour(session: Session, at: datetime) -> dict[str, tuple[str, int]]:
    hour = at.replace(minute=0, second=0, microsecond=0)
    query = select(Graded.city, Graded.change, Graded.level).where(Graded.at >= hour, Graded.at <= at)
    return {city: (change, level) for city, change, level in session.execute(query.order_by(Graded.id))}
