"""What would an import add, change, remove? Pure comparison of what is remembered with what a file says."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

Draft = dict[str, Any]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Change:
    """One record before and after."""

    before: Mapping[str, Any]
    after: Draft

    @property
    def fields(self) -> list[str]:
        """What differs."""
        return [key for key, value in self.after.items() if self.before.get(key) != value]


@dataclass
class Difference:
    """``added`` are whole rows, ``removed`` rows as they were."""

    added: list[Draft] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    removed: list[Mapping[str, Any]] = field(default_factory=list)
    unchanged: int = 0


def compare(existing: Mapping[Key, Mapping[str, Any]], wanted: Mapping[Key, Draft]) -> Difference:
    """Match by key; a field the file does not carry keeps what is remembered.

    >>> found = compare({1: {"id": 1, "name": "a", "city": "x"}}, {1: {"name": "b"}, 2: {"name": "c"}})
    >>> len(found.added), found.changed[0].after, len(found.removed)
    (1, {'id': 1, 'name': 'b', 'city': 'x'}, 0)
    """
    difference = Difference()
    for key, draft in wanted.items():
        before = existing.get(key)
        if before is None:
            difference.added.append(draft)
        elif any(before.get(name) != value for name, value in draft.items()):
            difference.changed.append(Change(before, {**before, **draft}))
        else:
            difference.unchanged += 1
    difference.removed = [row for key, row in existing.items() if key not in wanted]
    return difference
