"""One goal, one row: what was reached, under which seed and how many kills, and every violation by name."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wish:
    """How large and how rough a run is to be."""

    count: int
    kills: int
    seed: int


@dataclass(frozen=True, slots=True)
class Row:
    """A violation is a broken guarantee; a missed goal is a figure that fell short, and says so."""

    goal: str
    seed: int
    n: int
    kills: int
    wall_s: float
    reached: str
    floor: str
    aim: str
    missed: bool = False
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        verdict = "VIOLATED" if self.violations else "missed" if self.missed else "reached"
        cells = [self.goal, self.reached, self.floor, self.aim, self.seed, self.n, self.kills, f"{self.wall_s:.0f} s",
                 verdict, "; ".join(self.violations[:5]) or "none"]  # fmt: skip
        return f"| {' | '.join(map(str, cells))} |"


HEAD = (
    "| goal | reached | floor | goal's figure | seed | N | kills | wall | verdict | violations |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)
