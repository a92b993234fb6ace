"""How long ago did each source last say something new?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import clock
from coordinator.models import FeedState

# (fresh, stale) up to: hours come every hour and half an hour late; forecasts once or twice a day
LIMITS = {
    "readings": (timedelta(hours=3), timedelta(hours=24)),
    "forecasts": (timedelta(hours=30), timedelta(hours=72)),
}


@dataclass(frozen=True, slots=True)
class FeedAge:
    """One source: the age of the newest hour read, or of the newest forecast issue. Hearing the same again is no news."""

    name: str
    kind: str
    age_s: float | None
    state: str  # fresh, stale, silent
    newest_at: datetime | None
    trouble: str

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "age_s": self.age_s,
            "state": self.state,
            "kind": self.kind,
            "newest_at": self.newest_at.isoformat() if self.newest_at else None,
            "trouble": self.trouble,
        }


def feed_ages(session: Session, at: datetime | None = None) -> list[FeedAge]:
    """Every source ever heard of, by name. A silent source is a fact to show, never a clean bill."""
    now = at or clock.now()
    return [_age(state, now) for state in session.scalars(select(FeedState).order_by(FeedState.name, FeedState.kind))]


def _age(state: FeedState, now: datetime) -> FeedAge:
    age = max(now - state.newest_at, timedelta()) if state.newest_at else None
    fresh, stale = LIMITS[state.kind]
    word = "silent" if age is None or age > stale else "fresh" if age <= fresh else "stale"
    return FeedAge(
        state.name, state.kind, age.total_seconds() if age is not None else None, word, state.newest_at, state.trouble
    )
