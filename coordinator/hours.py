"""Which entry of an hourly grid is a stored instant? Read raw from the database, each distinct instant understood once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, type_coerce
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import NullType

from rules.aqi import Floats

HOUR = timedelta(hours=1)


def raw(column: InstrumentedAttribute[datetime]) -> ColumnElement[Any]:
    """The column as the driver gives it: thousands of rows share a few hundred instants."""
    return type_coerce(column, NullType())


def instant(stored: object) -> datetime:
    """What `raw` selects, as an aware instant."""
    at = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    assert isinstance(at, datetime)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Hours:
    """``count`` hours from ``start``; ``index`` takes what `raw` selects."""

    start: datetime
    count: int
    _known: dict[object, int] = field(default_factory=dict)

    def index(self, stored: object) -> int:
        if stored not in self._known:
            self._known[stored] = (instant(stored) - self.start) // HOUR
        return self._known[stored]

    def entries(self, stored: Iterable[object]) -> npt.NDArray[np.int64]:
        return np.fromiter((self.index(one) for one in stored), dtype=np.int64)


def table(rows: Sequence[Sequence[Any]], first: int) -> Floats:
    """The values of rows from column ``first`` on, NULL as nan; shape (rows, columns)."""
    if not rows:
        return np.zeros((0, 0))
    return np.array([row[first:] for row in rows], dtype=np.float64)
