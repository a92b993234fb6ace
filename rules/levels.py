"""How grave is it: alert levels 预警等级 in order, and the verdict that may be unknown."""

from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """Whether a level could be decided at all; ``UNKNOWN`` is not a low level."""

    LEVEL = "level"
    UNKNOWN = "unknown"


class Level(IntEnum):
    """Larger is worse. Compare these, never Roman numerals.

    >>> Level.parse("橙色") > Level.parse("yellow")
    True
    """

    NONE = 0
    PRE = 1
    BLUE = 2
    YELLOW = 3
    ORANGE = 4
    RED = 5

    @property
    def word(self) -> str:
        """The word in files and answers, e.g. ``orange``."""
        return self.name.lower()

    @property
    def chinese(self) -> str:
        """The word in notices, e.g. 橙色."""
        return _CHINESE[self]

    @classmethod
    def parse(cls, text: str) -> "Level":
        """A level from any of its usual spellings; raises ValueError that lists the known words.

        >>> Level.parse("Ⅱ级")
        <Level.ORANGE: 4>
        """
        word = text.strip().lower().removesuffix("预警").removesuffix("级响应").removesuffix("级").removesuffix("色")
        for level, spellings in _SPELLINGS.items():
            if word in spellings:
                return level
        known = "、".join(level.word for level in cls)
        raise ValueError(f"没有“{text}”这个预警等级,可用:{known}(或 蓝、黄、橙、红)")


_CHINESE = {
    Level.NONE: "无",
    Level.PRE: "预警前期",
    Level.BLUE: "蓝色",
    Level.YELLOW: "黄色",
    Level.ORANGE: "橙色",
    Level.RED: "红色",
}
_SPELLINGS = {
    Level.NONE: {"none", "无", "无预警", "0"},
    Level.PRE: {"pre", "pre-alert", "预", "预警前期", "临时管控"},
    Level.BLUE: {"blue", "蓝", "iv", "ⅳ", "四"},
    Level.YELLOW: {"yellow", "黄", "iii", "ⅲ", "三"},
    Level.ORANGE: {"orange", "橙", "ii", "ⅱ", "二"},
    Level.RED: {"red", "红", "i", "ⅰ", "一"},
}
