"""When does a spill arrive downstream, how strong, and when has it passed? (污染团到达)

One formula throughout, in SI units (m, s, kg), with travel time as the thing that adds up from reach to reach::

    C(x,t) = M / (A·√(4πDt)) · exp(−(x − ut)² / (4Dt) − kt)

Several reaches: the mean travel time Σ L/v and its variance Σ 2DL/v³ add up, and so does the decay Σ kL/v; the flux
passes on undiminished, so the concentration at a section is the flux there divided by the section's own v·A. The slug
is therefore that of one equivalent reach; one reach, or one cut in pieces, gives the formula itself.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SECONDS_PER_DAY = 86_400.0
NEGLIGIBLE = math.log(1e-4)  # of the peak: where a series may stop
VANISHED = math.log(1e-17)  # of the peak: what is left out of the mass integral
WELL_MIXED = 20.0  # Péclet number: below it, several reaches are only roughly one (5 → a third, 20 → a few percent)
SLICES = 1000  # of the passage in the mass integral; the summand is smooth and vanishes at both ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A stretch of river: m, m/s (already slowed by dead zones), m², m²/s, 1/s."""

    name: str
    length: float
    speed: float
    area: float
    dispersion: float
    decay: float

    @property
    def peclet(self) -> float:
        """How much stronger the current is than the spreading, vL/D, no unit."""
        return self.speed * self.length / self.dispersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Slug:
    """A spill as it passes one section ``x`` m below the release: kg, m/s, m²/s, 1/s, and the section's flow m³/s."""

    mass: float
    x: float
    speed: float
    dispersion: float
    decay: float
    flow: float

    @property
    def _w2(self) -> float:
        return self.speed**2 + 4 * self.dispersion * self.decay

    def log_mg_l(self, t: float) -> float:
        """ln C in mg/L, ``t`` seconds (> 0) after the release."""
        spread = 4 * self.dispersion * t
        strongest = math.log(1000 * self.mass * self.speed / self.flow) - 0.5 * math.log(math.pi * spread)
        return strongest - (self.x - self.speed * t) ** 2 / spread - self.decay * t

    def mg_l(self, t: float) -> float:
        """C in mg/L, ``t`` seconds (> 0) after the release."""
        return math.exp(self.log_mg_l(t))

    @property
    def peak_at(self) -> float:
        """Seconds until C is largest here: dC/dt = 0 gives (v² + 4Dk)t² + 2Dt − x² = 0, earlier than x/v."""
        root = math.hypot(self.dispersion, self.x * math.sqrt(self._w2))
        return self.x**2 / (self.dispersion + root)

    @property
    def peak(self) -> float:
        """The largest C at this section over time, mg/L."""
        return self.mg_l(self.peak_at)

    def passage(self, limit: float) -> tuple[float, float] | None:
        """First and last second with C ≥ ``limit`` mg/L; None if never.

        >>> slug = Slug(mass=1000, x=20e3, speed=0.5, dispersion=30, decay=0, flow=30)
        >>> [round(t / 3600, 2) for t in slug.passage(0.05)]
        [8.8, 13.95]
        """
        return self._around(math.log(limit)) if limit <= self.peak else None

    def _around(self, log_limit: float) -> tuple[float, float]:
        def above(log_t: float) -> float:
            return self.log_mg_l(math.exp(log_t)) - log_limit

        summit = math.log(self.peak_at)
        return math.exp(_crossing(above, summit, -1.0)), math.exp(_crossing(above, summit, 1.0))

    def whole(self, left_out: float = VANISHED) -> tuple[float, float]:
        """From when to when C is more than exp(``left_out``) of its peak, seconds."""
        return self._around(self.log_mg_l(self.peak_at) + left_out)

    def passed(self) -> float:
        """∫ C·v·A dt through the section in kg: what was released, less what decayed on the way."""
        first, last = self.whole()
        step = math.log(last / first) / SLICES
        moments = (first * math.exp(n * step) for n in range(SLICES + 1))
        return self.flow / 1000 * step * math.fsum(self.mg_l(t) * t for t in moments)

    def passage_end(self) -> float:
        """When the tail is negligible, seconds."""
        return self.whole(NEGLIGIBLE)[1]

    def series(self, step: float) -> Iterator[tuple[float, float]]:
        """(seconds, mg/L) every ``step`` seconds, from the first step until the tail is negligible."""
        for n in range(1, math.ceil(self.passage_end() / step) + 1):
            yield n * step, self.mg_l(n * step)


def _crossing(above: Callable[[float], float], summit: float, direction: float) -> float:
    """Where a function that falls away from ``summit`` reaches zero, on one side; bisection can't miss it."""
    if above(summit) <= 0:
        return summit
    step = 1e-6
    while above(summit + direction * step) > 0:
        step *= 2
    inside, outside = summit, summit + direction * step
    for _ in range(200):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if above(middle) > 0 else (inside, middle)
    return (inside + outside) / 2


def slug_at(mass: float, x: float, reaches: Sequence[Reach]) -> Slug:
    """The slug as it passes ``x`` m downstream, carried from one reach to the next.

    mass     kg, released at once at x = 0
    reaches  in order from the release; together at least ``x`` long
    errors   ValueError when ``x`` lies beyond the last reach or isn't downstream; OverflowError beyond all measure

    >>> reach = Reach(name="", length=20e3, speed=0.5, area=60, dispersion=30, decay=0)
    >>> slug = slug_at(1000, 20e3, [reach])
    >>> round(slug.peak_at / 3600, 2), round(slug.peak, 3)
    (11.08, 4.295)
    """
    crossed = _crossed(x, reaches)
    time = seconds_to(x, reaches)
    variance = sum(2 * reach.dispersion * length / reach.speed**3 for reach, length in crossed)
    decayed = sum(reach.decay * length / reach.speed for reach, length in crossed)
    here, speed = crossed[-1][0], x / time
    slug = Slug(
        mass=mass,
        x=x,
        speed=speed,
        dispersion=variance * speed**3 / (2 * x),
        decay=decayed / time,
        flow=here.speed * here.area,
    )
    if not 0 < slug.peak_at < math.inf or not 0 < slug.flow < math.inf:
        raise OverflowError("the figures are beyond reckoning")
    return slug


def seconds_to(x: float, reaches: Sequence[Reach]) -> float:
    """How long the water itself takes to ``x`` m downstream; ValueError beyond the reaches.

    >>> seconds_to(1500, [Reach(name="", length=2000, speed=0.5, area=60, dispersion=30, decay=0)])
    3000.0
    """
    return sum(length / reach.speed for reach, length in _crossed(x, reaches))


def _crossed(x: float, reaches: Sequence[Reach]) -> list[tuple[Reach, float]]:
    """Each reach on the way and how much of it, m."""
    found, left = [], x
    for reach in reaches:
        if left > 0:
            found.append((reach, min(left, reach.length)))
        left -= reach.length
    if x <= 0 or left > 1e-9 * x:
        raise ValueError(f"{x / 1000:g} km lies outside the reaches")
    return found


def front_line(km: Sequence[float], hours: Sequence[float]) -> tuple[float, float]:
    """The least-squares line km = start + speed·hours through observed fronts: (start km, speed km/h).

    Bulletins give a front's place and hour; two of them make the line, more are fitted.
    Errors: ValueError when they don't move downstream.

    >>> front_line([0.0, 55.6], [0.0, 42.0])[1] > 1.3
    True
    """
    if len(set(hours)) == 1:
        raise ValueError("the fronts were all observed at the same time")
    mean_h, mean_km = math.fsum(hours) / len(hours), math.fsum(km) / len(km)
    spread = math.fsum((hour - mean_h) ** 2 for hour in hours)
    speed = math.fsum((hour - mean_h) * (place - mean_km) for hour, place in zip(hours, km, strict=True)) / spread
    if speed <= 0:
        raise ValueError("the fronts do not move downstream")
    return mean_km - speed * mean_h, speed
