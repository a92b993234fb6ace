"""Ways in: one file per feed. A module with ``fetch`` can be pulled; it hands in rows, it stores nothing."""

import hashlib
import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, cast

from coordinator.screening import Rejected


class Kind(StrEnum):
    READINGS = "readings"
    FORECASTS = "forecasts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One hand-over of a source, before anything of it is believed.

    rows       (where it stood, what it says): keys as in POST /api/v1/readings and /forecasts
    raw        the bytes as they came; equal bytes of one source are one payload
    issued_at  of a forecast, as written; None = when it was first heard
    replay     history is welcome; rejected  what the feed's own reader could not read
    """

    kind: Kind
    source: str
    raw: bytes
    rows: Sequence[tuple[int, object]]
    issued_at: object = None
    replay: bool = False
    rejected: Sequence[Rejected] = ()

    @property
    def sha256(self) -> str:
        return digest(self.raw)


def digest(raw: bytes) -> str:
    """By which a payload that was handed in before is known."""
    return hashlib.sha256(raw).hexdigest()


class Feed(Protocol):
    """What a module in this folder offers when it can be pulled."""

    SOURCE: str
    KIND: Kind
    CAPTION: str
    EVERY: timedelta  # the timetable asks no sooner again

    def wanted(self) -> bool:
        """Is it set up here, so that the timetable should pull it?"""

    def fetch(self) -> Iterator[Handed]:
        """What it has now. TryLater when the source is away, Fault when its answer makes no sense."""


def feeds() -> dict[str, Feed]:
    """Every source that can be pulled, by the name people type: ``open_meteo.py`` is ``open-meteo``."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        if hasattr(loaded, "fetch"):
            found[module.name.replace("_", "-")] = cast(Feed, loaded)
    return found
