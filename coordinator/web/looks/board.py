"""The whole region on one screen: levels in force, the air, what is open."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import clock, response, rulebook
from coordinator.models import Alert, Episode, Incident, Mode
from coordinator.models import AlertState as S
from coordinator.web.looks import air
from coordinator.web.looks.air import CityAir
from rules.levels import Level

TILE_W, TILE_H, GAP = 92, 66, 6
STANDING = (S.ISSUING, S.ACTIVE, S.CHANGING, S.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One city on the schematic map: no borders, only who is beside whom."""

    air: CityAir
    level: Level
    proposed: Level
    alert_id: int | None
    x: int
    y: int
    stale: bool
    lags: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One city's line of the strip: its days, and the level over each."""

    air: CityAir
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    tiles: list[Tile]
    rows: list[Row]
    days: list[date]
    today: date
    width: int
    height: int
    standing: list[Alert]
    drills: list[Alert]
    episode: Episode | None
    incidents: list[Incident]


def look(session: Session) -> Board:
    """Everything the board shows, as of now."""
    now = clock.now()
    places = rulebook.cities()
    skies = air.look(session, [place.code for place in places], now)
    open_alerts = list(
        session.scalars(select(Alert).where(Alert.state.in_(response.OPEN)).order_by(Alert.level.desc(), Alert.id))
    )
    real = [alert for alert in open_alerts if alert.mode == Mode.ACTUAL]
    standing = [alert for alert in real if alert.state in STANDING]
    episode = session.scalar(select(Episode).where(Episode.closed_at.is_(None)).order_by(Episode.id.desc()))
    tiles = [_tile(place, skies[place.code], real, episode, now=now) for place in places]
    days = [day.on for day in tiles[0].air.days] if tiles else []
    return Board(
        tiles=tiles,
        rows=[
            Row(air=each.air, levels=tuple(_over(standing, each.air.code, day) for day in days))
            for each in _by_worst(tiles)
        ],
        days=days,
        today=now.astimezone(clock.BEIJING).date(),
        width=max((tile.x for tile in tiles), default=0) + TILE_W,
        height=max((tile.y for tile in tiles), default=0) + TILE_H,
        standing=standing,
        drills=[alert for alert in open_alerts if alert.mode != Mode.ACTUAL],
        episode=episode,
        incidents=list(session.scalars(select(Incident).where(Incident.state == "open").order_by(Incident.id.desc()))),
    )


def _tile(place: rulebook.City, sky: CityAir, real: list[Alert], episode: Episode | None, *, now: datetime) -> Tile:
    assert place.tile is not None
    mine = [alert for alert in real if place.code in alert.cities]
    standing = [alert for alert in mine if alert.state in STANDING]
    waiting = [alert for alert in mine if alert.state not in STANDING]
    first = next(iter(standing or waiting), None)
    graded = (episode.cities.get(place.code) if episode else None) or {}
    return Tile(
        air=sky,
        level=max((Level(alert.level) for alert in standing), default=Level.NONE),
        proposed=max((Level(alert.level) for alert in waiting), default=Level.NONE),
        alert_id=first.id if first else None,
        x=place.tile[0] * (TILE_W + GAP),
        y=place.tile[1] * (TILE_H + GAP),
        stale=sky.stale(now),
        lags=bool(graded) and not standing,
    )


def _by_worst(tiles: list[Tile]) -> list[Tile]:
    return sorted(tiles, key=lambda tile: (-tile.level, -(tile.air.aqi or 0), tile.air.code))


def _over(standing: list[Alert], code: str, day: date) -> Level:
    """The level that holds on some hour of this day."""
    begins = datetime.combine(day, datetime.min.time(), clock.BEIJING)
    ends = begins + timedelta(days=1)
    over = (
        Level(alert.level)
        for alert in standing
        if code in alert.cities
        and alert.effective_from < ends
        and (alert.effective_to is None or alert.effective_to > begins)
    )
    return max(over, default=Level.NONE)
