"""Is the air clean enough, for long enough, and is that known: what a lift or a downgrade stands on."""

from dataclasses import dataclass

import numpy as np

from rules.outlook import View
from rules.spells import DAY


@dataclass(frozen=True, slots=True)
class Clearance:
    """What a lift or downgrade decided now could stand on.

    present_aqi24   AQI of the last 24 hours, nan when fewer than 20 are valid; present_hours  how many are
    ahead_aqi24     the highest AQI24 from now to clear_hours ahead; unknown_windows  how many of those aren't known
    hours_ahead     how far ahead is looked; polluted_in  hours to the next surely polluted hour, None if none is seen
    """

    present_aqi24: float
    present_hours: int
    ahead_aqi24: float
    unknown_windows: int
    hours_ahead: int
    polluted_in: int | None

    def known(self, *, clear_hours: int, present_hours: int) -> bool:
        """Is there evidence at all: present readings, and a forecast that reaches far enough?"""
        enough = self.present_hours >= present_hours and not np.isnan(self.present_aqi24)
        return enough and self.unknown_windows == 0 and self.hours_ahead >= clear_hours

    def below(self, threshold: int, *, clear_hours: int, present_hours: int) -> bool:
        """Surely at or below ``threshold`` now and for ``clear_hours``, and no polluted hour of a spell before then."""
        if not self.known(clear_hours=clear_hours, present_hours=present_hours):
            return False
        far = self.polluted_in is None or self.polluted_in >= clear_hours
        return far and self.ahead_aqi24 <= threshold


def clearance(seen: View, now: int, beyond: int, *, polluted_in: int | None) -> Clearance:
    """Clearance at entry ``now`` of a view known up to entry ``beyond``."""
    clear = seen.ruleset.hysteresis.clear_hours
    first = now - DAY
    if first < 0:
        return Clearance(float("nan"), 0, float("nan"), clear + 1, beyond - now, polluted_in)
    windows = seen.index24[first : max(min(now + clear, beyond) - DAY + 1, first)]
    return Clearance(
        present_aqi24=float(seen.index24[first]),
        present_hours=int(seen.valid[first:now].sum()),
        ahead_aqi24=float(np.fmax.reduce(windows)) if len(windows) else float("nan"),
        unknown_windows=int(np.isnan(windows).sum()) + clear + 1 - len(windows),
        hours_ahead=beyond - now,
        polluted_in=polluted_in,
    )
