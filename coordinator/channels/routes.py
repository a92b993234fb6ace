"""分路: which of a channel's accounts carries this notice first, and which if that one is stopped?

Settings, all optional: ``SMS_ROUTE_MAINLAND`` and ``SMS_ROUTE_ABROAD`` name accounts in order for numbers of +86 and
others; ``SMS_ROUTE_DUTY`` for pages to officers on duty (lane 0), before the two. Without them the domestic account
goes first for +86 and carries nothing else.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.channels import Account
from coordinator.errors import Misconfigured

DUTY_LANE = 0
MAINLAND = "+86"
DOMESTIC = frozenset({"aliyun"})  # accounts that carry to mainland numbers only
SETTINGS = {"SMS_ROUTE_DUTY": "值班", "SMS_ROUTE_MAINLAND": "+86", "SMS_ROUTE_ABROAD": "境外"}


def account_for(
    accounts: tuple[Account, ...], address: str, lane: int, *, environ: Mapping[str, str] = os.environ
) -> tuple[Account, ...]:
    """Those of ``accounts`` that may carry this notice, the preferred first.

    accounts  a way's, as the channel lists them; a drill way has drill accounts only, so no route can mix the two
    address  as dialled; ``lane`` 0 is a page to an officer on duty
    """
    mainland = address.startswith(MAINLAND)
    able = [account for account in accounts if mainland or account.name not in DOMESTIC]
    able.sort(key=lambda account: account.name not in DOMESTIC)
    wanted = _wanted(environ, "SMS_ROUTE_MAINLAND" if mainland else "SMS_ROUTE_ABROAD")
    if lane == DUTY_LANE:
        wanted = [*_wanted(environ, "SMS_ROUTE_DUTY"), *wanted]
    rank = {name: n for n, name in reversed(list(enumerate(wanted)))}
    return tuple(sorted(able, key=lambda account: rank.get(account.name, len(rank))))


@dataclass(frozen=True, slots=True)
class Reach:
    """Which notices: to mainland numbers, to others, or (None) both; pages to duty officers, all else, or both."""

    mainland: bool | None = None
    duty: bool | None = None


EVERYWHERE = Reach()
_LOOKS = {True: "+8613800000000", False: "+14155550100"}  # a number of each side, to ask the rule about


def split(
    kind: str, accounts: tuple[Account, ...], *, environ: Mapping[str, str] = os.environ
) -> list[tuple[Reach, tuple[Account, ...]]]:
    """Every notice of the channel in exactly one reach, with its accounts in order; one reach where all are alike."""
    if kind != "sms":
        return [(EVERYWHERE, accounts)]
    by_side = {
        side: {duty: account_for(accounts, look, 0 if duty else 1, environ=environ) for duty in (True, False)}
        for side, look in _LOOKS.items()
    }
    if by_side[True] == by_side[False]:
        return _split_by_duty(None, by_side[True])
    return [part for side in (True, False) for part in _split_by_duty(side, by_side[side])]


def _split_by_duty(
    side: bool | None, orders: dict[bool, tuple[Account, ...]]
) -> list[tuple[Reach, tuple[Account, ...]]]:
    if orders[True] == orders[False]:
        return [(Reach(side), orders[True])]
    return [(Reach(side, duty), orders[duty]) for duty in (True, False)]


def check(accounts: tuple[Account, ...], environ: Mapping[str, str]) -> None:
    """Raises Misconfigured for a route that names an account that isn't set up."""
    known = {account.name for account in accounts}
    for setting in SETTINGS:
        for name in _wanted(environ, setting):
            if name not in known:
                raise Misconfigured(f"{setting}: 没有“{name}”这个账户;已设置的有:{'、'.join(sorted(known)) or '无'}")


def _wanted(environ: Mapping[str, str], setting: str) -> list[str]:
    return [name.strip() for name in environ.get(setting, "").split(",") if name.strip()]
