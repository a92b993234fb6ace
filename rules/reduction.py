"""Do the measures cut what the level demands, pollutant by pollutant?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """One line or plant: tonnes a day in normal operation by pollutant, and the share 0–1 its measure cuts.

    ``idle``: already standing still before the alert, so that it cuts nothing (双重计算).
    """

    tonnes: Mapping[str, float]
    cut: float
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """One pollutant: tonnes a day before, tonnes cut, and the share the level demands."""

    pollutant: str
    tonnes: float
    cut_tonnes: float
    duty: float

    @property
    def share(self) -> float:
        """The share 0–1 that is cut."""
        return self.cut_tonnes / self.tonnes

    @property
    def missing_tonnes(self) -> float:
        """Tonnes a day that still have to be found; 0 when the duty is met."""
        return max(0.0, self.duty * self.tonnes - self.cut_tonnes)


def balance(
    sources: Iterable[Source], *, duty: float, all_tonnes: Mapping[str, float] | None = None
) -> tuple[Balance, ...]:
    """Σ of all cuts against the duty, one `Balance` for each pollutant that has figures.

    duty        share 0–1: 0.1 yellow, 0.2 orange, 0.3 red
    all_tonnes  tonnes a day of the whole society, where known; else the listed sources are the whole
    Errors: ValueError when no source has a figure (no figures is not a cut of nothing), or a share is outside 0–1.
    Source: the 10/20/30 % duty of 2019 (air.md §3.2).

    >>> [round(each.share, 2) for each in balance([Source({"NOx": 8}, 0.5), Source({"NOx": 2}, 0)], duty=0.2)]
    [0.4]
    """
    before: dict[str, float] = {}
    cut: dict[str, float] = {}
    for source in sources:
        if not 0 <= source.cut <= 1:
            raise ValueError(f"停限产比例应在 0 和 1 之间,得到 {source.cut}")
        for pollutant, tonnes in source.tonnes.items():
            before[pollutant] = before.get(pollutant, 0.0) + tonnes
            cut[pollutant] = cut.get(pollutant, 0.0) + (0.0 if source.idle else tonnes * source.cut)
    if not any(before.values()):
        raise ValueError("没有任何排放量数据,无法核算减排比例")
    whole = before | dict(all_tonnes or {})
    return tuple(Balance(each, whole[each], cut[each], duty) for each in before if whole[each] > 0)


def met(balances: Iterable[Balance], *, swap: tuple[str, ...] = ()) -> bool:
    """Whether every pollutant reaches its duty; those in ``swap`` may stand in for each other.

    Pollutants in ``swap`` meet it together when the sum of their shares is the sum of their duties
    (滨州 2020: SO2 + NOx ≥ 40 % at orange).

    >>> met([Balance("SO2", 10, 1, 0.2), Balance("NOx", 10, 3, 0.2)], swap=("SO2", "NOx"))
    True
    """
    rows = tuple(balances)
    traded = [each for each in rows if each.pollutant in swap]
    alone = all(each.missing_tonnes <= 1e-9 for each in rows if each.pollutant not in swap)
    return alone and sum(each.share for each in traded) >= sum(each.duty for each in traded) - 1e-9
