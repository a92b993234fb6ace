"""What do the words say: to plants, to signers, to the public?"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

from coordinator import forms
from coordinator.blanks import beijing, clean, clipped, safe, units_over
from coordinator.errors import Refusal
from coordinator.forms import Shape
from coordinator.orders import OfficerCard, Order, PlannedReceiver, says_drill, without_drill
from rules.measure_tables import Block, Measure, MeasureKind

CHANNELS = ("sms", "email", "voice")
KINDS = ("order", "reminder", "correction", "manual")
PURPOSES = ("proposed", "sign", "overdue", "unreached", "fault")
MARKS = {"exercise": "【演练】", "test": "【测试】"}
SMS_PARTS = 4
SHORT_NAME = 16
# ① is shorter than 1. and stands off from the 1 of 1号窑
_COUNTED = [chr(0x2460 + n) for n in range(20)] + [f"（{n}）" for n in range(21, 1000)]
_MARKER = re.compile(r"[A-Z2-7]{8}")


@dataclass(frozen=True, slots=True)
class Words:
    """What one notice says. ``shortened``: measures were cut to fit an SMS; the mail or the desk has them in full."""

    subject: str
    text: str
    html: str
    shortened: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCard:
    """What a page about an incident says; ``due`` are the duties with their moments, soonest first or not."""

    id: int
    mode: str
    title: str
    city_name: str
    grade: str
    track: str
    learned_at: datetime
    due: tuple[tuple[str, datetime], ...]


def words(
    kind: str, channel: str, planned: PlannedReceiver, *, number: str, code: str, token: str, marker: str, links: bool
) -> Words:
    """The words of one notice; ``marker`` is eight base32 characters, ``links`` whether an SMS may hold an address."""
    _known("种类", kind, KINDS)
    _known("渠道", channel, CHANNELS)
    order, shape = planned.order, _shape(planned, number, links=links)
    values = _values(planned, number=number, code=code, marker=marker)
    values["link"] = f"{order.base_url}/a/{token}"
    template = _template(kind, order.change)
    if channel == "email":
        made = _mail(template, planned, shape, values)
    else:
        made = _short(template, channel, order, shape=shape, values=values | {"measures": _joined(planned.measures)})
    return _dressed(made, order.mode)


def page(
    purpose: str,
    channel: str,
    order: Order,
    *,
    officer: str,
    marker: str,
    url: str = "",
    n: int = 0,
    detail: str = "",
    links: bool = True,
) -> Words:
    """Words to signers and duty officers: proposed 请核对提交, sign 请会签, overdue 会签超时, unreached 联系不上, fault 系统异常."""
    _known("用途", purpose, PURPOSES)
    asked = {"purpose": purpose, "officer": officer, "url": url if links or channel == "email" else "", "n": n}
    return _printed("page", channel, order.mode, forms.surround(order, channel) | asked | _asked(marker, detail))


def trouble(channel: str, *, mode: str, officer: str, marker: str, detail: str, url: str = "") -> Words:
    """Words to duty officers about the system itself, when no alert is concerned: a source is silent, a lane stands."""
    around = forms.dress(mode, channel) | {"officer": officer, "url": url} | _asked(marker, detail)
    return _printed("trouble", channel, mode, around)


def selfcheck(channel: str, *, marker: str) -> Words:
    """Words to our own number or mailbox 链路自检: nothing in them may be taken for an order."""
    return _printed("selfcheck", channel, "actual", forms.dress("actual", channel) | _asked(marker, ""))


def incident(
    channel: str, card: IncidentCard, *, officer: OfficerCard, marker: str, code: str, url: str, links: bool
) -> Words:
    """Words to a desk that must act on an incident: what, where, how grave, what is due when."""
    due = [(duty, beijing(at)) for duty, at in sorted(card.due, key=lambda each: each[1])]
    around = forms.dress(card.mode, channel) | {
        "card": card,
        "officer": officer.name,
        "learned": beijing(card.learned_at),
        "due": due,
        "code": code,
        "url": url if links or channel == "email" else "",
    }
    return _printed("incident", channel, card.mode, around | _asked(marker, ""))


def bulletin(order: Order, blocks: Iterable[Block]) -> Words:
    """Words for the public: headline, then what everybody is asked to do."""
    subject, text = forms.printed_text("bulletin", forms.surround(order, "email") | {"blocks": tuple(blocks)})
    return _dressed(Words(subject, text, ""), order.mode)


def real_words_only(text: str, *, where: str) -> str:
    """``text``, refused when it says 演练: a real text never contains that word, so nobody can take it for a drill."""
    if says_drill(text):
        raise Refusal(f"{where}: 真实预警里不能出现“演练”二字,请换一种写法")
    return text


def _printed(template: str, channel: str, mode: str, around: dict[str, object]) -> Words:
    _known("渠道", channel, CHANNELS)
    name = f"{template}_{channel}"
    if channel == "email":
        return _dressed(Words(*forms.printed_mail(name, around)), mode)
    return _dressed(Words("", forms.printed_line(name, around), ""), mode)


def _asked(marker: str, detail: str) -> dict[str, object]:
    return {"marker": _mark(marker), "detail": detail}


def _known(what: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise Refusal(f"没有“{word}”这个{what},应为:{'、'.join(known)}")


def _mark(marker: str) -> str:
    if not _MARKER.fullmatch(marker):
        raise Refusal(f"查询标记应为 8 位 A–Z、2–7,得到 {marker!r}")
    return marker


def _template(kind: str, change: str) -> str:
    """A retraction or lift has its own words whatever the kind; a first order and its later changes differ."""
    if change == "retract":
        return "correction"
    if change == "lift":
        return "lift"
    return "change" if kind == "order" and change != "start" else kind


def _shape(planned: PlannedReceiver, number: str, *, links: bool) -> Shape:
    person, ladder = planned.person, planned.ladder
    tone, confirmed = _nature(planned.measures)
    return Shape(
        tone="officer" if planned.is_officer else tone,
        links=links,
        next_in_line=bool(person and ladder and person.key != ladder[0].key),
        mailed=bool(person and person.email),
        confirmed=confirmed,
        numbered=number.startswith(planned.order.alert),
    )


@lru_cache(maxsize=4096)
def _nature(measures: tuple[Measure, ...]) -> tuple[str, bool]:
    """In what tone they are told, and whether somebody has confirmed them."""
    confirmed, kinds = all(each.confirmed for each in measures), {each.kind for each in measures}
    if not measures:
        return "none", confirmed
    if kinds <= {MeasureKind.SELF}:
        return "self", confirmed
    return "exempt" if kinds <= {MeasureKind.EXEMPT} else "ordered", confirmed


def _values(planned: PlannedReceiver, *, number: str, code: str, marker: str) -> dict[str, str]:
    name = clean(planned.name)
    person = clean(planned.person.name) if planned.person else ""
    return {
        "name": name,
        "person": person or name,
        "city": planned.city_name,
        "number": clean(number),
        "code": code,
        "marker": _mark(marker),
    }


def _mail(template: str, planned: PlannedReceiver, shape: Shape, values: dict[str, str]) -> Words:
    measures, society, measures_html, society_html = forms.lists(planned.measures, planned.society)
    form = forms.mail(template, planned.order, shape)
    values["check"] = f"{planned.order.base_url}/check/{quote(values['number'])}"
    escaped = {name: safe(value) for name, value in values.items()}
    escaped |= {"measures": measures_html, "society": society_html}
    values |= {"measures": measures, "society": society}
    return Words(form.subject.fill(values), form.text.fill(values), form.html.fill(escaped))


def _short(template: str, channel: str, order: Order, *, shape: Shape, values: dict[str, str]) -> Words:
    """One line. In an SMS too long the name gives way first, then the measures, never number, code or address."""
    form = forms.line(template, channel, order, shape)
    text = form.fill(values)
    if channel != "sms" or units_over(text, SMS_PARTS) <= 0:
        return Words("", text, "")
    values = values | {"name": clipped(values["name"], SHORT_NAME, "…")}
    text = form.fill(values)
    over = units_over(text, SMS_PARTS)
    if over <= 0 or "measures" not in form.blanks:
        return Words("", text, "")
    rest = "…详见邮件" if shape.mailed else "…详情请来电"
    kept = clipped(values["measures"], max(len(values["measures"]) - over, len(rest)), rest)
    return Words("", form.fill(values | {"measures": kept}), "", shortened=True)


@lru_cache(maxsize=4096)
def _joined(measures: tuple[Measure, ...]) -> str:
    """Measures in one line, numbered when there are several."""
    if len(measures) == 1:
        return clean(measures[0].text)
    return "；".join(f"{mark}{clean(each.text)}" for mark, each in zip(_COUNTED, measures, strict=False))


def _dressed(made: Words, mode: str) -> Words:
    """The last look before words leave: a drill says so at both ends, a real text nowhere.

    A real text isn't held back for one word: whoever takes back an order sent by mistake may well have typed 演练.
    """
    if mode == "actual":
        if not (says_drill(made.text) or says_drill(made.subject) or says_drill(made.html)):
            return made
        subject, text, html = map(without_drill, (made.subject, made.text, made.html))
        return Words(subject, text, html, made.shortened)
    mark = MARKS[mode]
    ends = made.text.startswith(mark) and made.text.endswith(mark) and len(made.text) > 2 * len(mark)
    if not ends or not (made.subject.startswith(mark) or not made.subject):
        raise Refusal(f"{mark}的通知首尾没有标记,不能发出:{made.text[:40]}")
    return made
