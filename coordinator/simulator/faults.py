"""What goes wrong at the carrier, and how often? Set at the start or by POST /faults."""

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.errors import Refusal


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates are shares of hand-overs, 0 to 1; at most one of them strikes each."""

    latency_ms: float = 0.0  # before each answer
    rate_429: float = 0.0  # too many requests (mail: 450), nothing taken
    rate_503: float = 0.0  # away (mail: 451), nothing taken
    rate_cut: float = 0.0  # taken, then the connection is cut before the answer
    rate_broken: float = 0.0  # taken, then answered 201 with half a body (mail: a reply that is none)
    rate_lost: float = 0.0  # answered 201 with an error's body, nothing taken
    rate_undelivered: float = 0.0  # taken, reported undelivered 30003 later
    look_up_down: float = 0.0  # share of questions (lists, single records) answered 503
    refuse_s: float = 0.0  # no connection is taken for so many seconds from now
    callbacks: float = 1.0  # share of callbacks that are made at all
    callback_ms: float = 400.0  # between two steps of a message's life
    call_s: float = 120.0  # an answered call stays open so long for keys

    def struck(self) -> str:
        """Which fault this hand-over meets, or ""."""
        drawn = random.random()  # noqa: S311
        for name in ("rate_429", "rate_503", "rate_cut", "rate_broken", "rate_lost"):
            drawn -= getattr(self, name)
            if drawn < 0:
                return name
        return ""

    def unanswered(self) -> bool:
        return random.random() < self.look_up_down  # noqa: S311

    def undelivered(self) -> bool:
        return random.random() < self.rate_undelivered  # noqa: S311

    def called_back(self) -> bool:
        return random.random() < self.callbacks  # noqa: S311


KNOBS = {field.name for field in dataclasses.fields(Faults)}


class Weather:
    """The faults in force: for all accounts, and for one account where it has its own."""

    def __init__(self, overall: Faults) -> None:
        self.overall = overall
        self.by_account: dict[str, Faults] = {}

    def of(self, account: str) -> Faults:
        return self.by_account.get(account, self.overall) if self.by_account else self.overall

    def turn(self, wishes: Mapping[str, object]) -> None:
        """Apply a JSON object of knobs; with "account" for that one alone, {"reset": true} clears all first."""
        knobs = dict(wishes)
        if knobs.pop("reset", False):
            self.overall, self.by_account = Faults(), {}
        account = str(knobs.pop("account", ""))
        changed = dataclasses.replace(self.of(account), **{name: number(name, value) for name, value in knobs.items()})
        if account:
            self.by_account[account] = changed
        else:
            self.overall = changed
            self.by_account = {}

    def shown(self) -> dict[str, object]:
        return dataclasses.asdict(self.overall) | {
            "accounts": {name: dataclasses.asdict(faults) for name, faults in self.by_account.items()}
        }


def number(name: str, value: object) -> float:
    """One knob's value, refused by name when it isn't a share or a duration."""
    if name not in KNOBS:
        raise Refusal(f"没有名为“{name}”的故障开关;可用:{' '.join(sorted(KNOBS))}")
    try:
        given = float(str(value).lower().replace("true", "1").replace("false", "0"))
    except ValueError as error:
        raise Refusal(f"故障开关 {name} 应为数字,现为“{value}”") from error
    is_share = name.startswith(("rate_", "look_up", "callbacks"))
    if given < 0 or given != given or (is_share and given > 1):
        raise Refusal(f"故障开关 {name} 应为{'0 到 1 之间的比例' if is_share else '不小于 0 的数'},现为“{value}”")
    return given


def parsed(settings: tuple[str, ...]) -> dict[str, float]:
    """NAME=VALUE words of the command line."""
    pairs = (setting.partition("=") for setting in settings)
    return {name: number(name, value) for name, _, value in pairs}
