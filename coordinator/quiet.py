"""夜间不扰: which texts can wait till morning, and when is morning? Off unless QUIET_HOURS is set."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from pathlib import Path

from coordinator.clock import BEIJING
from coordinator.errors import Misconfigured
from coordinator.orders import Order
from rules.levels import Level

OURS = Path(__file__).with_suffix(".toml")
NIGHT = "night"
GENTLE = ("lift", "reminder")  # lanes that wait below orange; a rehearsal waits at any level
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quiet:
    """From ``begins`` to ``ends``, Beijing time, over midnight where the end is the earlier."""

    begins: time
    ends: time

    def until(self, at: datetime) -> datetime | None:
        """When the quiet around ``at`` ends; None when it is not quiet then. It begins with its first moment.

        >>> Quiet(time(22), time(6)).until(datetime(2026, 11, 25, 23, tzinfo=BEIJING)).isoformat()
        '2026-11-26T06:00:00+08:00'
        >>> Quiet(time(22), time(6)).until(datetime(2026, 11, 25, 6, tzinfo=BEIJING)) is None
        True
        """
        here = at.astimezone(BEIJING)
        end = datetime.combine(here.date(), self.ends, BEIJING)
        end += DAY if end <= here else timedelta()
        begin = datetime.combine(end.date(), self.begins, BEIJING)
        begin -= DAY if begin >= end else timedelta()
        return end if begin <= here else None


def hours(environ: Mapping[str, str] = os.environ) -> Quiet | None:
    """The quiet hours that are set, None when none are. Misconfigured when they can't be read."""
    given = environ.get("QUIET_HOURS", "").strip()
    if not given:
        return None
    return _night() if given == NIGHT else parse(given)


@cache
def parse(text: str) -> Quiet:
    """``22:00-06:00``; Misconfigured for anything else."""
    begins, _, ends = text.partition("-")
    try:
        found = Quiet(time.fromisoformat(begins.strip()), time.fromisoformat(ends.strip()))
    except ValueError as error:
        raise Misconfigured(f"QUIET_HOURS={text}: 应为 22:00-06:00 这样的时段,或 {NIGHT}") from error
    if found.begins == found.ends or found.begins.tzinfo or found.ends.tzinfo:
        raise Misconfigured(f"QUIET_HOURS={text}: 起止不能相同,也不写时区(一律北京时间)")
    return found


@cache
def _night() -> Quiet:
    said = tomllib.loads(OURS.read_text(encoding="utf-8"))
    return parse(f"{said['from']}-{said['to']}")


def left_s(now: datetime) -> float:
    """Seconds of business time until what waits for morning is due; 0 when it is not quiet."""
    set_to = hours()
    morning = set_to.until(now) if set_to else None
    return (morning - now).total_seconds() if morning else 0.0


def waits(order: Order, lane: str, now: datetime, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a text of this lane about this order is kept till morning.

    Never when the order begins or ends before then: it would come too late. Orders, corrections, duty pages, emergencies
    and whatever is orange or red are not for this question: they are sent at any hour.
    """
    set_to = hours(environ)
    if set_to is None or order.kind != "air" or not _can_wait(order, lane):
        return False
    morning = set_to.until(now)
    moments = (order.effective_from, order.effective_to)
    return morning is not None and not any(at and now < at <= morning for at in moments)


def _can_wait(order: Order, lane: str) -> bool:
    gravest = max(order.level, order.previous or Level.NONE)
    return lane == "drill" or (lane in GENTLE and gravest < Level.ORANGE)
