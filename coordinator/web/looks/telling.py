"""How far is the telling: a bar whose parts add up to everybody, those out of reach too."""

from dataclasses import dataclass
from typing import Any

from coordinator.web.wording import say, thousands

WIDTH = 1000


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
