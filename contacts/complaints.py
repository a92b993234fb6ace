"""What is wrong with a table, row by row, and what an import did: the report a clerk and a script read."""

from dataclasses import dataclass, field
from typing import Any


class Unreadable(ValueError):
    """The file as a whole can't be taken: the sentence names the file, what is missing and what was found."""


@dataclass(frozen=True)
class Complaint:
    """One cell that can't stand: where it is (``row`` counts as the spreadsheet does), and why."""

    row: int
    column: str
    value: str
    reason: str
    sheet: str = ""
    field: str = ""

    def spoken(self) -> str:
        """One line for a person."""
        place = f"工作表“{self.sheet}”" if self.sheet else ""
        return f"{place}第 {self.row} 行 {self.column}:{self.reason}"

    def as_json(self) -> dict[str, Any]:
        """The same for a script; ``field`` is the English name of the column."""
        where: dict[str, Any] = {"row": self.row, "column": self.column, "field": self.field, "value": self.value}
        return where | {"reason": self.reason} | ({"sheet": self.sheet} if self.sheet else {})


@dataclass
class Complaints:
    """Collected while reading; one rejected row is enough to write nothing, warnings never stop an import."""

    rejected: list[Complaint] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _counted: dict[str, list[str]] = field(default_factory=dict)

    def warn(self, kind: str, where: str) -> None:
        """Warnings of one kind are told once, with their number and the first places."""
        self._counted.setdefault(kind, []).append(where)

    def told(self) -> list[str]:
        """Every warning as a sentence."""
        grouped = [
            f"{kind}:{len(places)} 处({';'.join(places[:5])}{' …' if len(places) > 5 else ''})"
            for kind, places in self._counted.items()
        ]
        return self.warnings + grouped


@dataclass(frozen=True)
class Report:
    """What an import did, or would do; when a row is rejected nothing was done and all counts are nought."""

    register: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    rejected: tuple[Complaint, ...] = ()
    warnings: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    rows: int = 0
    changes: tuple[str, ...] = ()  # the first differences, one sentence each

    def as_json(self) -> dict[str, Any]:
        """CONTRACT §4: counts, and the list of what was rejected."""
        counts = {"added": self.added, "changed": self.changed, "removed": self.removed, "unchanged": self.unchanged}
        rest = {"warnings": list(self.warnings), "cities": list(self.cities), "rows": self.rows}
        return (
            counts
            | {"rejected": [complaint.as_json() for complaint in self.rejected], "register": self.register}
            | rest
        )
