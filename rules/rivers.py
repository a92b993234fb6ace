"""Who is downstream of a spill, and who is upstream when the source must be searched for? (上下游)"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section 断面 or reservoir; ``city`` is the GB/T 2260 code it lies in, ``place`` the county.

    confidence      how many independent sources name it, or "unconfirmed"
    boundary_river  the river itself is the boundary here 界河: both banks may be the source
    """

    name: str
    city: str
    city_name: str
    place: str
    confidence: str
    boundary_river: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Junction:
    """Where a river ends in another one: just above that section, or at it."""

    river: str
    section: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """A published length along the river, km."""

    start: str
    end: str
    km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class River:
    """A river's sections in the order the water passes them."""

    name: str
    sections: tuple[Section, ...]
    distances: tuple[Distance, ...]
    source: str
    into: Junction | None = None


class NoSuchPlace(LookupError):
    """The river or the place on it isn't on file: the sentence names what is."""


def downstream(rivers: Sequence[River], *, river: str, place: str) -> tuple[Section, ...]:
    """Every section the water still passes after ``place``, nearest first, across confluences.

    place    a section's name, a county, or a city's code or name; the uppermost match on the river counts
    errors   NoSuchPlace

    Source: rules/sets/waters. A spill in 平谷 on the 泃河 passes 东店, 三河东大桥 (冀), then 九王庄 (津).
    """
    at = _position(_river(rivers, river), place)
    return tuple(_following(rivers, river, at + 1))


def upstream(rivers: Sequence[River], *, river: str, place: str) -> tuple[Section, ...]:
    """The river's own sections above ``place``, nearest first: whom to ask when the source is unknown (搜寻)."""
    along = _river(rivers, river)
    return tuple(reversed(along.sections[: _position(along, place)]))


def neighbours_downstream(rivers: Sequence[River], *, river: str, place: str) -> tuple[Section, ...]:
    """The first section in each other city the water reaches, in the order of notice; the own city is left out.

    A spill in 平谷 on the 泃河: 三河 (131000), then 宝坻 (120000); 蓟州 lies above and isn't told, but searched.
    """
    along = _river(rivers, river)
    told = {along.sections[_position(along, place)].city}
    found = []
    for section in downstream(rivers, river=river, place=place):
        if section.city not in told:
            told.add(section.city)
            found.append(section)
    return tuple(found)


def crossings(river: River) -> tuple[tuple[Section, Section], ...]:
    """Pairs of sections with a province boundary between them; the first two digits of the code are the province."""
    pairs = zip(river.sections, river.sections[1:], strict=False)
    return tuple((above, below) for above, below in pairs if above.city[:2] != below.city[:2])


def _river(rivers: Sequence[River], name: str) -> River:
    for river in rivers:
        if river.name == name:
            return river
    raise NoSuchPlace(f"没有“{name}”这条河的断面资料,已有:{'、'.join(river.name for river in rivers)}")


def _position(river: River, place: str) -> int:
    for position, section in enumerate(river.sections):
        if place in (section.name, section.place, section.city, section.city_name):
            return position
    raise NoSuchPlace(f"{river.name}上没有“{place}”,已有:{'、'.join(section.name for section in river.sections)}")


def _following(rivers: Sequence[River], name: str, start: int) -> Iterator[Section]:
    """The rest of a river, then the rest of the one it joins; rivers joining in a ring can't be (rulebook checks)."""
    river = _river(rivers, name)
    yield from river.sections[start:]
    if river.into is not None:
        yield from _following(rivers, river.into.river, _position(_river(rivers, river.into.river), river.into.section))
