"""What time is it: business time for people and rules, monotonic time for deadlines of our own."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from coordinator.errors import Misconfigured

BEIJING = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """Business time, aware UTC: the wall clock, moved by LIANDONG_CLOCK_FILE outside production."""
    real = datetime.now(UTC)
    path = os.environ.get("LIANDONG_CLOCK_FILE")
    return _moved(real, Path(path)) if path else real


def _moved(real: datetime, path: Path) -> datetime:
    """``offset [rate]`` in the file; a rate other than 1 counts from the moment the file was written."""
    try:
        words = path.read_text().split()
        offset, rate = float(words[0]), float(words[1]) if len(words) > 1 else 1.0
        written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return real
    except (ValueError, IndexError) as error:
        raise Misconfigured(f"LIANDONG_CLOCK_FILE {path}: 应为“偏移秒数 [倍率]”,例如 3600 60 ({error})") from error
    return real + timedelta(seconds=offset) + (real - written_at) * (rate - 1)


def wall() -> float:
    """Seconds since 1970 by this machine's clock, unmoved: for file ages and log lines only."""
    return time.time()


def monotonic() -> float:
    """Seconds that never jump: for deadlines of a call in progress."""
    return time.monotonic()
