"""Is a regional process 区域过程 under way: opened, followed from hour to hour, closed when nothing is left of it?"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import clock, rulebook
from coordinator.models import Episode
from rules import joint
from rules.grading import Grading
from rules.levels import Level, Verdict
from rules.lifecycle import Standing


def follow(
    session: Session, at: datetime, gradings: Mapping[str, Grading], standings: Mapping[str, Standing]
) -> Episode | None:
    """The open episode after this round; opened, extended or closed as the gradings say. Unknown closes nothing."""
    region = _region(at)
    found = joint.episode(gradings, standings, _neighbours(), rulebook.joint_policy())
    record = session.scalar(
        select(Episode).where(Episode.region == region, Episode.closed_at.is_(None)).order_by(Episode.id).limit(1)
    )
    if found:
        if record is None:
            record = Episode(region=region, opened_at=at, cities={})
            session.add(record)
        record.cities = record.cities | {
            code: {"level": level.word, "since": record.cities.get(code, {}).get("since", at.isoformat())}
            for code, level in found.cities.items()
        }
        session.flush()
        return record
    if record and _over(record, gradings, standings):
        record.closed_at = at
        return None
    return record


def _over(record: Episode, gradings: Mapping[str, Grading], standings: Mapping[str, Standing]) -> bool:
    """Every city of it is surely below every criterion, and no alert stands any more."""
    return all(
        code not in standings
        and (grading := gradings.get(code)) is not None
        and grading.verdict is Verdict.LEVEL
        and grading.level is Level.NONE
        for code in record.cities
    )


def _region(at: datetime) -> str:
    day = at.astimezone(clock.BEIJING).date()
    in_force = [
        region
        for region in rulebook.regions()
        if region.in_force_from <= day and (region.in_force_to is None or day <= region.in_force_to)
    ]
    return max(in_force, key=lambda region: len(region.cities)).id if in_force else ""


def _neighbours() -> dict[str, tuple[str, ...]]:
    return {city.code: city.neighbours for city in rulebook.cities()}
