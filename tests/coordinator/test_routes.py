"""分路: domestic numbers by the domestic account, the others never by it, duty pages as configured."""

import pytest

from coordinator.channels import Account, routes
from coordinator.errors import Misconfigured

TWILIO, SECOND, ALIYUN = (Account(name, ()) for name in ("twilio", "sms_b", "aliyun"))
ALL = (TWILIO, SECOND, ALIYUN)
HOME, ABROAD, HONG_KONG = "+8613800000001", "+14155550100", "+85251234567"


@pytest.mark.parametrize(
    ("address", "lane", "environ", "expected"),
    [
        (HOME, 3, {}, (ALIYUN, TWILIO, SECOND)),
        (HOME, 0, {}, (ALIYUN, TWILIO, SECOND)),
        (ABROAD, 3, {}, (TWILIO, SECOND)),
        (HONG_KONG, 3, {}, (TWILIO, SECOND)),
        (HOME, 3, {"SMS_ROUTE_MAINLAND": "sms_b, aliyun"}, (SECOND, ALIYUN, TWILIO)),
        (ABROAD, 3, {"SMS_ROUTE_ABROAD": "sms_b"}, (SECOND, TWILIO)),
        (ABROAD, 3, {"SMS_ROUTE_ABROAD": "aliyun"}, (TWILIO, SECOND)),
        (HOME, 0, {"SMS_ROUTE_DUTY": "twilio"}, (TWILIO, ALIYUN, SECOND)),
        (HOME, 3, {"SMS_ROUTE_DUTY": "twilio"}, (ALIYUN, TWILIO, SECOND)),
        (HOME, 0, {"SMS_ROUTE_DUTY": "twilio", "SMS_ROUTE_MAINLAND": "sms_b"}, (TWILIO, SECOND, ALIYUN)),
    ],
)
def test_which_account_goes_first(
    address: str, lane: int, environ: dict[str, str], expected: tuple[Account, ...]
) -> None:
    assert routes.account_for(ALL, address, lane, environ=environ) == expected


def test_a_route_never_brings_in_an_account_that_is_not_the_ways_own() -> None:
    drill = (Account("drill_twilio", ()),)

    assert routes.account_for(drill, HOME, 0, environ={"SMS_ROUTE_DUTY": "twilio"}) == drill
    assert routes.account_for((ALIYUN,), ABROAD, 3, environ={}) == ()


def test_a_route_to_an_account_that_is_not_set_up_is_named() -> None:
    with pytest.raises(Misconfigured, match="SMS_ROUTE_DUTY: 没有“aliyun”这个账户;已设置的有:twilio"):
        routes.check((TWILIO,), {"SMS_ROUTE_DUTY": "aliyun"})


@pytest.mark.parametrize(
    ("accounts", "environ", "reaches"),
    [
        ((TWILIO, SECOND), {}, 1),
        (ALL, {}, 2),
        ((TWILIO, SECOND), {"SMS_ROUTE_DUTY": "sms_b"}, 2),
        (ALL, {"SMS_ROUTE_DUTY": "sms_b"}, 4),
    ],
)
def test_every_notice_is_in_exactly_one_reach_and_goes_as_the_rule_says(
    accounts: tuple[Account, ...], environ: dict[str, str], reaches: int
) -> None:
    parts = routes.split("sms", accounts, environ=environ)

    assert len(parts) == reaches
    for address, lane in ((HOME, 0), (HOME, 3), (ABROAD, 0), (ABROAD, 3)):
        [found] = [
            able for reach, able in parts
            if reach.mainland in (None, address == HOME) and reach.duty in (None, lane == 0)
        ]  # fmt: skip
        assert found == routes.account_for(accounts, address, lane, environ=environ)
