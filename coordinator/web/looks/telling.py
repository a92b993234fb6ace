"""How far is the telling: a bar whose parts add up to everybody, and how long it will still take."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coordinator import clock
from coordinator.models import Notice, State
from coordinator.web.wording import say, thousands

WIDTH = 1000
RECENT = timedelta(minutes=2)
WAITING = (State.PLANNED, State.PENDING, State.SENDING)


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of the bar."""

    dress: str
    words: str
    x: float
    width: float


def bar(counts: dict[str, Any]) -> list[Part]:
    """Everybody, in five kinds that don't overlap: carried out, acknowledged, told, under way, out of reach."""
    everybody = counts["receivers"]
    executed, acknowledged, told = counts["executed"], counts["acknowledged"], counts["told"]
    pieces = [
        ("b1", say("已执行"), min(executed, acknowledged)),
        ("b2", say("已签收"), acknowledged - min(executed, acknowledged)),
        ("b3", say("已送达未签收"), told - acknowledged),
        ("b4", say("在途"), everybody - told - counts["unreachable"]),
        ("b5", say("联系不上"), counts["unreachable"]),
    ]
    parts, x = [], 0.0
    for dress, words, count in pieces:
        width = WIDTH * count / everybody if everybody else 0.0
        if count > 0:
            parts.append(Part(dress, f"{words} {thousands(count)}", round(x, 2), round(width, 2)))
        x += width
    return parts


def eta_s(session: Session, alert_id: int) -> float | None:
    """Seconds until the last notice is handed over, at the pace of the last minutes; None when none waits or none moves."""
    mine = Notice.alert_id == alert_id
    left = session.scalar(select(func.count()).where(mine, Notice.state.in_(WAITING))) or 0
    lately = session.scalar(select(func.count()).where(mine, Notice.accepted_at > clock.now() - RECENT)) or 0
    return left * RECENT.total_seconds() / lately if left and lately else None
