"""Ways out. One file per channel; what every channel takes and gives back is said here.

A channel with ``BEGINS = True`` calls `Envelope.begin` itself, as late as it can; for the others dispatch does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum


class GivenBack(Exception):
    """Raised by `Envelope.begin`: this notice must not be handed over any more."""


class Outcome(Enum):
    """How a hand-over ended, as the send protocol needs to know it."""

    ACCEPTED = "accepted"  # the carrier has it; ``reference`` is its receipt id
    NOT_SENT = "not_sent"  # no byte was read by the carrier: try again, later
    BUSY = "busy"  # refused for now (429, 421, 45x): try again, not counted as an attempt
    REFUSED = "refused"  # this address or this text, for good
    MISCONFIGURED = "misconfigured"  # our account or settings: stop the account, page a person
    UNSAYABLE = "unsayable"  # no words for it: a person must look
    UNCERTAIN = "uncertain"  # it may or may not have been taken: ask before resending


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a carrier. ``name`` is twilio, sms_b, smtp, drill_twilio or drill_smtp."""

    name: str
    settings: tuple[tuple[str, str], ...] = field(
        repr=False
    )  # sorted pairs: an account can key a pool; they hold its token

    def __getitem__(self, key: str) -> str:
        return dict(self.settings)[key]


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
