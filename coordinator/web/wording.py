"""How does the desk say it: Chinese as written, English from english.po, Beijing time, words for states."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from flask import g, has_request_context, request

from coordinator import clock, rulebook
from coordinator.errors import Refusal
from coordinator.spoken import STATES
from coordinator.web.incident_words import CHOICES, SENSITIVE
from coordinator.web.vocabulary import (
    ACTS,
    ANSWERS,
    CAUSES,
    CHANGES,
    CHANNELS,
    ENVIRONMENTS,
    FACTS,
    FIELDS,
    GRADES,
    KINDS,
    LANES,
    LIMITS,
    MEASURES,
    MODES,
    NEXTS,
    PHASES,
    REMEDIES,
    ROLES,
    SUBJECTS,
    TOPICS,
)
from rules.levels import Level

LANGUAGES = ("zh", "en")
CATALOGUE = Path(__file__).resolve().parents[2] / "templates" / "pages" / "english.po"
WEEKDAYS = "一二三四五六日"


@cache
def english() -> Mapping[str, str]:
    """The catalogue, read as it is: nothing has to be compiled."""
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="en")
    return {
        (f"{entry.context}\x04" if entry.context else "") + str(entry.id): str(entry.string)
        for entry in catalogue
        if entry.id and entry.string
    }


def language() -> str:
    """zh or en: ?lang=, then the cookie, then Chinese."""
    if not has_request_context():
        return "zh"
    if "language" not in g:
        asked = request.args.get("lang") or request.cookies.get("lang") or "zh"
        g.language = asked if asked in LANGUAGES else "zh"
    return str(g.language)


def say(words: str, **values: object) -> str:
    """``words`` in the reader's language, with ``%(name)s`` filled in."""
    said = english().get(words, words) if language() == "en" else words
    return said % values if values else said


def say_as(context: str, words: str) -> str:
    """``words`` where one Chinese word needs another English one: a button says Sign, a history says signed."""
    return english().get(f"{context}\x04{words}", "") or say(words) if language() == "en" else words


def moment(at: datetime | str | None) -> str:
    """11月22日 19:45, Beijing time; the year when it is another."""
    if not at:
        return "—"
    local = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(clock.BEIJING)
    year = f"{local.year}-" if local.year != clock.now().astimezone(clock.BEIJING).year else ""
    return f"{year}{local:%m-%d %H:%M}"


def hour(at: datetime) -> str:
    return f"{at.astimezone(clock.BEIJING):%H:%M}"


def day(at: date) -> str:
    """11-22 周日."""
    weekday = f"{at:%a}" if language() == "en" else f"周{WEEKDAYS[at.weekday()]}"
    return f"{at:%m-%d} {weekday}"


def ago(at: datetime | None) -> str:
    """How long since, or until: 5 分钟， 3 小时， 2 天."""
    return lasting(abs(clock.now() - at)) if at else "—"


def lasting(span: timedelta | float) -> str:
    """A length of time in its largest sensible unit."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds >= 2 * 86400:
        return say("%(n)s 天", n=round(seconds / 86400))
    if seconds >= 5400:
        return say("%(n)s 小时", n=round(seconds / 3600))
    return say("%(n)s 分钟", n=round(seconds / 60)) if seconds >= 60 else say("%(n)s 秒", n=round(seconds))


def typed(at: datetime | None) -> str:
    """As a datetime-local field wants it, Beijing time."""
    return f"{at.astimezone(clock.BEIJING):%Y-%m-%dT%H:%M}" if at else ""


def level(value: int | str | Level) -> str:
    grade = Level.parse(value) if isinstance(value, str) else Level(value)
    return say(grade.chinese)


def level_word(value: int | str | Level) -> str:
    """The class of its dress in the stylesheet."""
    return (Level.parse(value) if isinstance(value, str) else Level(value)).word


def city(code: str) -> str:
    """A city's name in the reader's language; a code nobody knows stays a code."""
    try:
        found = rulebook.city(code)
    except Refusal:
        return code
    return found.name_en if language() == "en" else found.name


def place(code: str) -> str:
    """A city's name, or of a mandate's province."""
    found = next((one for one in rulebook.gazetteer() if code == f"{one.code[:2]}0000"), None)
    if found is None:
        return city(code)
    return found.province_en if language() == "en" else found.province


def cities(codes: list[str], most: int = 8) -> str:
    names = [city(code) for code in codes[:most]]
    more = say(" 等 %(n)s 市", n=len(codes)) if len(codes) > most else ""
    return say("、").join(names) + more


def thousands(count: float) -> str:
    return f"{count:,.0f}"


def details(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an audit row says, as pairs of words; empty ones are left out, hashes are cut short."""
    return [(field(name), _short(name, value)) for name, value in detail.items() if value not in (None, "", [], {})]


def _short(name: str, value: Any) -> str:
    if name == "body_hash":
        return str(value)[:8]
    if isinstance(value, dict):
        return "；".join(f"{field(inner)} {_short(inner, each)}" for inner, each in value.items())[:200]
    return told(value, "change" if name == "purpose" else name)[:200]


def worded(vocabulary: Mapping[str, str], context: str = "") -> Any:
    """A filter that says a code's word; an unknown code is shown as it is, never hidden."""
    return lambda code: say_as(context, vocabulary.get(str(code), str(code)))


def field(name: str) -> str:
    return say(FIELDS.get(name) or FACTS.get(name, name))


def told(value: Any, name: str) -> str:
    """A value of an alert as its readers would say it: level, cities, moments, words."""
    if value in (None, "", []):
        return "—"
    if name == "level":
        return level(value)
    if name == "cities":
        return cities(value, most=40)
    if name in ("effective_from", "effective_to") or name.endswith("_at"):
        return moment(value)
    if isinstance(value, list):
        return say("、").join(told(each, name) for each in value)
    return say(_VALUES.get(name, {}).get(str(value), str(value)))


def subject(code: str) -> str:
    """What an audit row is about: alert:12 is 预警 12."""
    kind, _, which = code.partition(":")
    return f"{say_as('subject', SUBJECTS.get(kind, kind))} {say(REGISTERED.get(which, which))}".strip()


REGISTERED = {
    "enterprises": "应急减排清单",
    "contacts": "企业联系人",
    "officers": "值班人员",
    "shifts": "值班表",
    "stations": "监测站点",
}
_VALUES: Mapping[str, Mapping[str, str]] = {
    "change": CHANGES,
    "mode": MODES,
    "kind": TOPICS,
    "sensitive": SENSITIVE,
    **{name: choice for name, (_, choice) in CHOICES.items()},
}


FILTERS: dict[str, Any] = {
    "details": details,
    "subject": subject,
    "fact": worded(FACTS),
    "field": field,
    "told": told,
    "place": place,
    "moment": moment,
    "hour": hour,
    "day": day,
    "ago": ago,
    "lasting": lasting,
    "typed": typed,
    "level": level,
    "level_word": level_word,
    "city": city,
    "cities": cities,
    "thousands": thousands,
    "state": worded(STATES),
    "change": worded(CHANGES),
    "mode": worded(MODES),
    "kind": worded(KINDS),
    "channel": worded(CHANNELS),
    "limit": worded(LIMITS),
    "role": worded(ROLES, "role"),
    "answered": worded(ANSWERS),
    "grade": worded(GRADES),
    "environment": worded(ENVIRONMENTS),
    "lane": worded(LANES),
    "measure": worded(MEASURES),
    "act": worded(ACTS, "act"),
    "phase": worded(PHASES),
    "cause": worded(CAUSES),
    "next": worded(NEXTS),
    "remedy": worded(REMEDIES),
}
