"""What do carriers let through, and what do they charge?"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from coordinator import db
from coordinator.errors import Misconfigured

OURS = Path(__file__).with_name("carriers.toml")
COUNTS = ("identical", "different", "all")
EFFECTS = ("rejected", "delayed", "courtesy")
SPARED = ("duty", "red", "orange", "yellow", "lift", "drill", "correction")  # lanes, but for reminders; and corrections


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """Where an SMS may go: ``price`` of one segment in the terms' currency, ``links`` whether a text may hold an address."""

    prefix: str
    name: str
    links: bool
    price: Decimal
    confirmed: bool
    read_on: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """``most`` texts to one number within ``window``; ``spares`` are the urgencies that are sent all the same."""

    name: str
    prefix: str
    counts: str
    most: int
    window: timedelta
    effect: str
    spares: frozenset[str]
    says: str
    confirmed: bool
    read_on: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything an installation holds its carriers to be like."""

    currency: str
    countries: tuple[Country, ...]
    limits: tuple[Limit, ...]
    most_segments: int
    refused: frozenset[str]
    most_per_hour: Decimal

    def country(self, address: str) -> Country | None:
        """The country of a number in E.164, by the longest prefix; None when no SMS may go there."""
        fits = [country for country in self.countries if address.startswith(country.prefix)]
        return max(fits, key=lambda country: len(country.prefix), default=None)

    def limits_of(self, address: str) -> tuple[Limit, ...]:
        return tuple(limit for limit in self.limits if address.startswith(limit.prefix))

    def price(self, address: str) -> Decimal:
        """Of one segment to this number; nothing where no SMS may go."""
        country = self.country(address)
        return country.price if country else Decimal(0)

    @property
    def longest(self) -> timedelta:
        """How far back the longest window reaches."""
        return max((limit.window for limit in self.limits), default=timedelta(0))

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Figures nobody has borne out yet, as a person would name them."""
        prices = tuple(f"{each.name}单价" for each in self.countries if not each.confirmed)
        return prices + tuple(each.says for each in self.limits if not each.confirmed)


def load() -> Terms:
    """The installation's own terms where it has written them down, else ours. Misconfigured names what can't be read."""
    own = db.home() / "carriers.toml"
    path = own if own.exists() else OURS
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, _changed: int) -> Terms:
    try:
        return parse(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path.name} 不是合法的 TOML:{error}") from error
    except KeyError as error:
        raise Misconfigured(f"{path.name} 缺少 {error.args[0]}") from error
    except (TypeError, ValueError, InvalidOperation) as error:
        raise Misconfigured(f"{path.name} 有误:{error}") from error


def parse(said: Mapping[str, Any]) -> Terms:
    """The terms of a mapping; KeyError or ValueError name what is missing or wrong."""
    return Terms(
        currency=str(said["currency"]),
        countries=tuple(_country(each) for each in said["country"]),
        limits=tuple(_limit(each) for each in said["limit"]),
        most_segments=int(said["text"]["most_segments"]),
        refused=frozenset(said["text"]["refused"]),
        most_per_hour=Decimal(said["spending"]["most_per_hour"]),
    )


def _country(said: Mapping[str, Any]) -> Country:
    return Country(
        prefix=_prefix(said),
        name=said["name"],
        links=said["links"],
        price=Decimal(said["price"]),
        **_origin(said),
    )


def _limit(said: Mapping[str, Any]) -> Limit:
    if int(said["most"]) < 1 or float(said["window_h"]) <= 0:
        raise ValueError(f"{said['name']}: most 与 window_h 须大于零")
    return Limit(
        name=said["name"],
        prefix=_prefix(said),
        counts=_one_of(said, "counts", COUNTS),
        most=int(said["most"]),
        window=timedelta(hours=float(said["window_h"])),
        effect=_one_of(said, "effect", EFFECTS),
        spares=frozenset(_one_of({"spares": each}, "spares", SPARED) for each in said["spares"]),
        says=said["says"],
        **_origin(said),
    )


def _prefix(said: Mapping[str, Any]) -> str:
    prefix = str(said["prefix"])
    if not prefix.startswith("+"):
        raise ValueError(f"prefix 应以 + 开头,例如 +86,得到 {prefix!r}")
    return prefix


def _one_of(said: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str:
    if said[key] not in known:
        raise ValueError(f"{key} 应为 {'、'.join(known)},得到 {said[key]!r}")
    return str(said[key])


def _origin(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"confirmed": said["confirmed"], "read_on": said["read_on"], "source": said["source"]}
