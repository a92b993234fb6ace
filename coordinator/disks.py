"""How full is the disk under LIANDONG_HOME?"""

import shutil

from coordinator import db

WARN, ALARM = 0.80, 0.90


def fullness() -> float:
    """The share in use, 0 to 1, as somebody without root's reserve sees it."""
    usage = shutil.disk_usage(db.home())
    return usage.used / (usage.used + usage.free)


def warning(share: float) -> str:
    """ "" below 80 %.

    >>> warning(0.5), warning(0.85)
    ('', '磁盘已用 85%，请清理')
    """
    if share >= ALARM:
        return f"磁盘已用 {share:.0%}，就要写满，请马上清理"
    return f"磁盘已用 {share:.0%}，请清理" if share >= WARN else ""
