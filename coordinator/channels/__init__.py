"""Ways out. One file per channel; what every channel takes and gives back is said here.

A channel with ``BEGINS = True`` calls `Envelope.begin` itself, as late as it can; for the others dispatch does.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from coordinator.errors import Misconfigured


class GivenBack(Exception):
    """Raised by `Envelope.begin`: this notice must not be handed over any more."""


class Outcome(Enum):
    """How a hand-over ended, as the send protocol needs to know it."""

    ACCEPTED = "accepted"  # the carrier has it; ``reference`` is its receipt id
    NOT_SENT = "not_sent"  # no byte was read by the carrier: try again, later
    BUSY = "busy"  # the carrier is overrun (429, 421, 45x): try again, not counted as an attempt
    LATER = "later"  # this address, for now (greylisted): again after the channel's own ``WAITS_S``, counted
    REFUSED = "refused"  # this address or this text, for good
    MISCONFIGURED = "misconfigured"  # our account or settings: stop the account, page a person
    UNSAYABLE = "unsayable"  # no words for it: a person must look
    UNCERTAIN = "uncertain"  # it may or may not have been taken: ask before resending


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a carrier. ``name`` is twilio, sms_b, aliyun, smtp, webhook, chat, drill_twilio or drill_smtp."""

    name: str
    settings: tuple[tuple[str, str], ...] = field(
        repr=False
    )  # sorted pairs: an account can key a pool; they hold its token

    def __getitem__(self, key: str) -> str:
        return dict(self.settings)[key]


@dataclass(frozen=True, slots=True)
class Price:
    """What one segment costs, in the account's own currency."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an account says about itself 约定: the sender obeys it, the preview and the check show it.

    ``longest`` is in characters, 0 where there is no limit; ``price`` is None where nobody has entered one.
    """

    provider: str  # twilio, aliyun, smtp, webhook, wecom, dingtalk, feishu
    idempotent: bool  # the same hand-over twice, with our key, is taken once
    look_up: bool  # it can be asked whether it has a text that carries our marker
    receipts: bool  # it gives a receipt id, and tells what became of it
    expires: bool  # it can be told not to deliver after a moment
    free_text: bool  # any text; else only those registered with it beforehand
    real_only: bool = False  # no drill may go this way
    longest: int = 0
    price: Price | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"price": str(self.price) if self.price else None}


def price(environ: Mapping[str, str], name: str) -> Price | None:
    """``0.045 CNY`` as a price; None where it is not set."""
    given = environ.get(name, "").strip()
    if not given:
        return None
    try:
        amount, currency = given.split()
        return Price(Decimal(amount), currency.upper())
    except (ValueError, InvalidOperation) as error:
        raise Misconfigured(f"{name} 应为“金额 币种”,例如 0.045 CNY,现为“{given}”") from error


@dataclass(frozen=True, slots=True)
class Envelope:
    """One notice as it is handed to a carrier."""

    attempt: str  # our attempt id, echoed by the carrier's callback
    callback_key: str  # proves that a callback is about this attempt
    address: str
    subject: str  # mail only, else empty
    text: str  # carries the marker
    html: str  # mail only, else empty
    message_id: str  # the same over all attempts of one notice
    valid_s: int  # the carrier shall not deliver later than this many seconds from now
    begin: Callable[[], None] = lambda: None  # called in the instant before the carrier could take it; see BEGINS


@dataclass(frozen=True, slots=True)
class Handed:
    """How it ended, with the carrier's own words."""

    outcome: Outcome
    reference: str = ""
    code: str = ""
    detail: str = ""
