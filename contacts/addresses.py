"""Can this phone or e-mail address be reached, and how is it written: E.164, lower-case domain, masked in logs."""

import re
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from contacts.cells import key, narrow

# MIIT opens number segments faster than any library learns them: a mainland mobile is eleven digits, 13 to 19.
_MAINLAND_MOBILE = re.compile(r"1[3-9]\d{9}")
_HOTLINE = re.compile(r"1[012]\d{1,3}|9[56]\d{3,4}|400\d{7}|800\d{7}")
_PAID = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.TOLL_FREE})
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+%-]+(\.[A-Za-z0-9_+%-]+)*")
# Names no public mail reaches, yet intranets and rehearsals use them.
_INNER = ("test", "local", "invalid", "localhost", "internal", "lan", "intranet", "example")


@lru_cache(maxsize=4096)
def phone(written: str) -> str:
    """E.164 of a number a carrier can dial; mainland China unless it says otherwise.

    Hotlines (12369), paid lines and numbers with an extension are refused, with the reason as a ValueError.
    """
    plain = re.sub(r"[\s\-‐-―()._·]", "", key(written))
    if plain.startswith("+86"):
        plain = plain[3:]
    elif plain.startswith("0086"):
        plain = plain[4:]
    elif len(plain) == 13 and plain.startswith("86"):
        plain = plain[2:]
    if "e+" in plain.lower():
        raise ValueError("号码被表格存成了科学计数,后几位已丢失,请把该列设为文本后重填")
    if _MAINLAND_MOBILE.fullmatch(plain):
        return f"+86{plain}"
    if _HOTLINE.fullmatch(plain):
        raise ValueError(f"{written} 是热线或服务号码,不能作为联系人号码")
    return phonenumbers.format_number(_dialled(written, plain), PhoneNumberFormat.E164)


def _dialled(written: str, plain: str) -> PhoneNumber:
    try:
        number = phonenumbers.parse(plain, "CN")
    except NumberParseException as error:
        raise ValueError(f"“{written}”不是电话号码") from error
    if number.extension:
        raise ValueError(f"“{written}”带分机,无法自动拨打")
    if not phonenumbers.is_valid_number(number):
        raise ValueError(f"“{written}”无法拨通,请核对位数与号段")
    if phonenumbers.number_type(number) in _PAID:
        raise ValueError(f"“{written}”是收费或免费服务号码,不能作为联系人号码")
    return number


@lru_cache(maxsize=4096)
def country_of(phone_number: str) -> str:
    """The region of an E.164 number, ``CN`` or ``HK`` …; ``ZZ`` when none is known."""
    if phone_number.startswith("+86"):
        return "CN"
    return phonenumbers.region_code_for_number(phonenumbers.parse(phone_number)) or "ZZ"


def takes_text(phone_number: str) -> bool:
    """Holds for a number an SMS can reach; a landline takes a call only."""
    if phone_number.startswith("+86"):
        return _MAINLAND_MOBILE.fullmatch(phone_number[3:]) is not None
    kind = phonenumbers.number_type(phonenumbers.parse(phone_number))
    return kind != PhoneNumberType.FIXED_LINE


def assigned(phone_number: str) -> bool:
    """Holds for a number in a segment the numbering plan knows; a new segment may be unknown and still ring."""
    return phonenumbers.is_valid_number(phonenumbers.parse(phone_number))


def email(written: str) -> str:
    """The normalised address; display names, lists, blanks and line breaks are refused with a ValueError."""
    plain = narrow(written).removeprefix("mailto:")
    local, _, domain = plain.rpartition("@")
    try:
        if _PLAIN_LOCAL.fullmatch(local) and len(local) <= 64 and len(plain) <= 254:
            return f"{local}@{_domain(domain)}"
        return _checked(plain)
    except EmailNotValidError as error:
        raise ValueError(f"“{written}”不是电子邮箱地址") from error


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str:
    """Domains recur, and beside a plain local part they are all there is to look at."""
    return _checked(f"a@{domain}").rpartition("@")[2]


def _checked(plain: str) -> str:
    domain = plain.rpartition("@")[2]
    inner = domain.rpartition(".")[2].lower() in _INNER
    if not inner and "." not in domain:
        raise EmailNotValidError("the domain has no dot")
    looked_at = f"{plain}.example.com" if inner else plain
    found = validate_email(looked_at, check_deliverability=False, globally_deliverable=False).normalized
    return found.removesuffix(".example.com") if inner else found


def mask(address: str) -> str:
    """What a log may show: ``+86138****5678``, ``z***@example.cn``."""
    if "@" in address:
        local, _, domain = address.rpartition("@")
        return f"{local[:1]}***@{domain}"
    if len(address) < 8:
        return "****"
    return f"{address[:-8]}****{address[-4:]}"
