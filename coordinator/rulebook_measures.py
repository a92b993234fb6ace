"""Where the measure tables lie as files: read once, checked, handed out as values."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import rules
from coordinator.errors import Misconfigured
from rules import measure_editions
from rules.levels import Level
from rules.measure_tables import Table, near

FOLDER = Path(rules.__file__).parent / "sets" / "measures"
NOT_EDITIONS = ("industries", "grades", "classes", "duties", "society")


@cache
def table() -> Table:
    """All editions of all places; which of them binds is asked by place and day."""
    read = {path.stem: _read(path) for path in sorted(FOLDER.glob("*.toml"))}
    try:
        return measure_editions.table(
            trades=read["industries"],
            rated=read["grades"],
            classes=read["classes"],
            editions=[fields for name, fields in read.items() if name not in NOT_EDITIONS],
            blocks=read["society"],
        )
    except (ValueError, KeyError) as error:
        raise Misconfigured(f"减排措施表 {FOLDER} 不能用:{error}") from error


def duty(level: Level, city: str) -> float:
    """The share of emissions 0–1 that ``level`` must cut in ``city``; 0 below yellow."""
    duties = _read(FOLDER / "duties.toml")["duty"]
    _, nearest = max(
        ((nearness, row) for row in duties if (nearness := near(tuple(row["place"]), city)) is not None),
        key=lambda found: found[0],
    )
    return float(nearest.get(level.word, 0.0))


@cache
def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
