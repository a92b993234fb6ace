"""How does a public alert read in CAP 1.2, and how is it listed in a feed?"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lxml import etree

from coordinator import cap_check
from coordinator.cap12 import NAMESPACE
from coordinator.clock import BEIJING
from coordinator.errors import Fault, Refusal
from rules.levels import Level

ATOM = "http://www.w3.org/2005/Atom"
MEDIA = "application/cap+xml"
GEOCODE = "GB/T 2260"
STATUS = {"actual": "Actual", "exercise": "Exercise", "test": "Test"}
SCOPE = {"actual": "Public", "exercise": "Restricted", "test": "Restricted"}
RESTRICTION = "仅限参加单位,无需公众行动"
SEVERITY = {
    Level.NONE: "Unknown",
    Level.PRE: "Minor",
    Level.BLUE: "Minor",
    Level.YELLOW: "Moderate",
    Level.ORANGE: "Severe",
    Level.RED: "Extreme",
}
NAME = re.compile(r"[^\s,&<]+")
UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Kind(StrEnum):
    """What a message does: announces, replaces or withdraws."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An earlier message, as it was sent."""

    sender: str
    identifier: str
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Where it applies: its name and the GB/T 2260 codes of its cities."""

    name: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A public alert as it goes out. Times are aware; ``identifier`` and ``sent_at`` never change once sent.

    ``mode`` is actual, exercise or test; ``category`` one of CAP's (Env, Met, CBRNE, …); ``certainty`` Likely for a
    forecast, Observed for what has happened; an exercise names itself in ``note``.
    """

    identifier: str
    sender: str
    sent_at: datetime
    mode: str
    kind: Kind
    level: Level
    event: str
    headline: str
    description: str
    areas: tuple[Area, ...]
    sender_name: str
    category: str = "Env"
    certainty: str = "Likely"
    references: tuple[Reference, ...] = ()
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    instruction: str = ""
    web: str = ""
    contact: str = ""
    note: str = ""
    incidents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One message in the feed: where its CAP file is, and its headline."""

    identifier: str
    headline: str
    summary: str
    sent_at: datetime
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The feed itself; ``updated_at`` is when its newest entry was sent."""

    url: str
    title: str
    author: str
    updated_at: datetime
    entries: Sequence[FeedEntry]


def build(alert: Alert) -> bytes:
    """The alert as CAP 1.2, UTF-8, in the order the schema asks for; refused rather than sent when it wouldn't pass.

    Errors: Refusal names the field that can't be said in CAP; Fault means this module and its schema disagree.
    """
    _refuse_unsayable(alert)
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    _fill(root, _message(alert))
    info = etree.SubElement(root, f"{{{NAMESPACE}}}info")
    _fill(info, _info(alert))
    for area in alert.areas:
        _add_area(etree.SubElement(info, f"{{{NAMESPACE}}}area"), area)
    raw = _bytes(root)
    verdict = cap_check.check(raw)
    if not verdict.valid:
        raise Fault(f"生成的 CAP 未通过校验:{verdict.errors[0]}")
    return raw


def _refuse_unsayable(alert: Alert) -> None:
    for field, name in (("identifier", alert.identifier), ("sender", alert.sender)):
        if not NAME.fullmatch(name):
            raise Refusal(f"CAP 的 {field}“{name}”不得为空,也不得含空白、逗号、< 或 &")
    if alert.mode not in STATUS:
        raise Refusal(f"没有“{alert.mode}”这种性质,可用:{'、'.join(STATUS)}")
    if (alert.kind is Kind.ALERT) == bool(alert.references):
        raise Refusal("变更、解除须指明所针对的警报(references),首发不得指明")
    if not alert.areas:
        raise Refusal("警报须写明适用地区(areas)")


def _message(alert: Alert) -> Iterator[tuple[str, str]]:
    yield "identifier", alert.identifier
    yield "sender", alert.sender
    yield "sent", _moment(alert.sent_at)
    yield "status", STATUS[alert.mode]
    yield "msgType", alert.kind.value
    yield "scope", SCOPE[alert.mode]
    yield "restriction", RESTRICTION if SCOPE[alert.mode] == "Restricted" else ""
    yield "note", alert.note
    yield "references", " ".join(f"{r.sender},{r.identifier},{_moment(r.sent_at)}" for r in alert.references)
    yield "incidents", " ".join(alert.incidents)


def _info(alert: Alert) -> Iterator[tuple[str, str | tuple[str, str]]]:
    begun = alert.effective_at is None or alert.effective_at <= alert.sent_at
    yield "language", "zh-CN"
    yield "category", alert.category
    yield "event", alert.event
    yield "responseType", "AllClear" if alert.kind is Kind.CANCEL else "Execute"
    yield "urgency", "Past" if alert.kind is Kind.CANCEL else "Immediate" if begun else "Expected"
    yield "severity", SEVERITY[alert.level]
    yield "certainty", alert.certainty
    yield "effective", _moment(alert.sent_at)
    yield "onset", _moment(alert.effective_at) if alert.effective_at else ""
    yield "expires", _moment(alert.expires_at) if alert.expires_at else ""
    yield "senderName", alert.sender_name
    yield "headline", alert.headline
    yield "description", alert.description
    yield "instruction", alert.instruction
    yield "web", alert.web
    yield "contact", alert.contact
    yield "parameter", ("预警等级", alert.level.chinese)
    yield "parameter", ("level", alert.level.word)


def _add_area(parent: etree._Element, area: Area) -> None:
    _fill(parent, [("areaDesc", area.name), *(("geocode", (GEOCODE, code)) for code in area.codes)])


def _fill(parent: etree._Element, fields: Iterable[tuple[str, str | tuple[str, str]]]) -> None:
    """What has nothing to say is left out; a pair becomes valueName and value."""
    namespace = etree.QName(parent).namespace
    for name, said in fields:
        if isinstance(said, tuple):
            _fill(etree.SubElement(parent, f"{{{namespace}}}{name}"), zip(("valueName", "value"), said, strict=True))
        elif said:
            etree.SubElement(parent, f"{{{namespace}}}{name}").text = UNPRINTABLE.sub("", said)


def _moment(at: datetime) -> str:
    """Beijing time with its offset, to the second: CAP allows neither Z nor fractions."""
    if at.tzinfo is None:
        raise Refusal(f"时间 {at} 缺少时区,不能写进 CAP")
    return at.astimezone(BEIJING).isoformat(timespec="seconds")


def feed(listed: Feed) -> bytes:
    """The public alerts as an Atom feed, newest first, each entry leading to its CAP file."""
    root = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM})
    _fill(root, [("id", listed.url), ("title", listed.title), ("updated", _moment(listed.updated_at))])
    _fill(etree.SubElement(root, f"{{{ATOM}}}author"), [("name", listed.author)])
    etree.SubElement(root, f"{{{ATOM}}}link", rel="self", href=listed.url, type="application/atom+xml")
    for entry in sorted(listed.entries, key=lambda entry: entry.sent_at, reverse=True):
        _add_entry(etree.SubElement(root, f"{{{ATOM}}}entry"), entry)
    return _bytes(root)


def _add_entry(parent: etree._Element, entry: FeedEntry) -> None:
    sent = _moment(entry.sent_at)
    fields = [("id", entry.url), ("title", entry.headline), ("updated", sent), ("published", sent)]
    _fill(parent, [*fields, ("summary", entry.summary)])
    etree.SubElement(parent, f"{{{ATOM}}}link", rel="alternate", href=entry.url, type=MEDIA)


def _bytes(root: etree._Element) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True))
