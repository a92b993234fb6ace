"""What do the words say: to plants, to signers, to the public?"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

from coordinator import forms
from coordinator.blanks import Form, Slot, beijing, clean, clipped, safe, units_over
from coordinator.errors import Refusal
from coordinator.forms import Shape
from coordinator.orders import OfficerCard, Order, PlannedReceiver, says_drill, without_drill
from rules.measure_tables import Block, Measure, MeasureKind

CHANNELS = ("sms", "email", "voice")
DESK_CHANNELS = ("chat", "webhook")  # for pages to a desk as a whole; no order goes to a plant this way
KINDS = ("order", "reminder", "correction", "manual")
PURPOSES = ("proposed", "sign", "overdue", "unreached", "fault")
MARKS = {"exercise": "【演练】", "test": "【测试】"}
SMS_PARTS = 4
SHORT_NAME = 16
# ① is shorter than 1. and stands off from the 1 of 1号窑; ⑪ is outside GBK and gets lost on the way
_COUNTED = [chr(0x2460 + n) for n in range(10)] + [f"（{n}）" for n in range(11, 1000)]
_MARKER = re.compile(r"[A-Z2-7]{8}")
_BLANK: dict[str, str] = {blank: Slot(blank) for blank in forms.BLANKS}


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


@dataclass(frozen=True, slots=True)
class Draft:
    """What many notices say alike, with blanks (`Slot`) for what is each receiver's own.

    ``measures`` fills its blank in an SMS and gives way to ``instead`` where the text would be too long.
    """

    subject: str
    body: str
    html: str
    measures: str = ""
    instead: str = ""

    @property
    def id(self) -> str:
        """The same words have the same id, anywhere."""
        return _digest(self)

    @property
    def blanks(self) -> frozenset[str]:
        """What has to be filled in for each receiver."""
        return _blanks(self)


@lru_cache(maxsize=4096)
def _digest(draft: Draft) -> str:
    said = "\x1f".join((draft.subject, draft.body, draft.html, draft.measures, draft.instead))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


@lru_cache(maxsize=4096)
def _blanks(draft: Draft) -> frozenset[str]:
    return frozenset().union(*(form.blanks for form in _cut(draft))) - {"measures"}


@lru_cache(maxsize=4096)
def _cut(draft: Draft) -> tuple[Form, Form, Form]:
    return Form.cut(draft.subject), Form.cut(draft.body), Form.cut(draft.html)


def words(
    kind: str, channel: str, planned: PlannedReceiver, *, number: str, code: str, token: str, marker: str, links: bool
) -> Words:
    """The words of one notice; ``marker`` is eight base32 characters, ``links`` whether an SMS may hold an address."""
    made = draft(kind, channel, planned, number=number, links=links)
    said = filling(planned, made.blanks, number=number, code=code, token=token)
    person = planned.person.name if planned.person else ""
    return filled(made, said | {"name": planned.name, "person": person, "number": number, "marker": marker},
                  mode=planned.order.mode)  # fmt: skip


def draft(kind: str, channel: str, planned: PlannedReceiver, *, number: str, links: bool) -> Draft:
    """What this receiver has in common with others who must do the same."""
    _known("种类", kind, KINDS)
    _known("渠道", channel, CHANNELS)
    order, shape = planned.order, _shape(planned, number, links=links)
    template = _template(kind, order.change)
    if channel == "email":
        return _mail(template, order, shape, planned.measures, planned.society)
    return _short(template, channel, order, shape, planned.measures)


def filling(planned: PlannedReceiver, blanks: Collection[str], *, number: str, code: str, token: str) -> dict[str, str]:
    """What fills these blanks of a draft for this receiver, besides name, person, number and marker."""
    base, given = planned.order.base_url, {}
    if "city" in blanks:
        given["city"] = planned.city_name
    if "code" in blanks:
        given["code"] = code
    if "link" in blanks:
        given["link"] = f"{base}/a/{token}"
    if "check" in blanks:
        given["check"] = f"{base}/check/{quote(clean(number))}"
    return given


def filled(draft: Draft, values: Mapping[str, str], *, mode: str) -> Words:
    """The words as their receiver reads them. In an SMS too long the name gives way first, then the measures."""
    given = {name: clean(value) for name, value in values.items()}
    given |= {"person": given["person"] or given["name"], "marker": _mark(values["marker"])}
    subject, body, html = _cut(draft)
    if draft.instead:
        return _dressed(_fitting(draft, body, given), mode)
    escaped = {name: safe(value) for name, value in given.items()} if draft.html else {}
    return _dressed(
        Words(subject.fill(given), body.fill(given | {"measures": draft.measures}), html.fill(escaped)), mode
    )


def _fitting(draft: Draft, form: Form, values: dict[str, str]) -> Words:
    """One line of at most SMS_PARTS segments; number, code and address are never cut."""
    values = values | {"measures": draft.measures}
    text = form.fill(values)
    if units_over(text, SMS_PARTS) <= 0:
        return Words("", text, "")
    values = values | {"name": clipped(values["name"], SHORT_NAME, "…")}
    text = form.fill(values)
    over = units_over(text, SMS_PARTS)
    if over <= 0 or "measures" not in form.blanks:
        return Words("", text, "")
    kept = clipped(draft.measures, max(len(draft.measures) - over, len(draft.instead)), draft.instead)
    return Words("", form.fill(values | {"measures": kept}), "", shortened=True)


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


def reminder_of_many(order: Order, *, person: str, names: Iterable[str], n: int, marker: str) -> Words:
    """One SMS for the ``n`` plants of one phone that have not acknowledged; ``names`` are the first of them."""
    named = "、".join(clipped(clean(name), SHORT_NAME, "…") for name in names)
    around = forms.surround(order, "sms") | {"person": clean(person), "named": named, "n": n} | _asked(marker, "")
    return _printed("bundle", "sms", order.mode, around)


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
    _known("渠道", channel, (*CHANNELS, *DESK_CHANNELS))
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


@lru_cache(maxsize=2048)
def _mail(
    template: str, order: Order, shape: Shape, measures: tuple[Measure, ...], society: tuple[Block, ...]
) -> Draft:
    form, said = forms.mail(template, order, shape), forms.lists(measures, society)
    plain, marked = dict(_BLANK), dict(_BLANK)
    plain["measures"], plain["society"], marked["measures"], marked["society"] = said
    return _kept(Draft(form.subject.fill(plain), form.text.fill(plain), form.html.fill(marked)), order.mode)


@lru_cache(maxsize=2048)
def _short(template: str, channel: str, order: Order, shape: Shape, measures: tuple[Measure, ...]) -> Draft:
    form = forms.line(template, channel, order, shape)
    instead = ("…详见邮件" if shape.mailed else "…详情请来电") if channel == "sms" else ""
    return _kept(Draft("", form.fill(_BLANK), "", _joined(measures), instead), order.mode)


def _kept(made: Draft, mode: str) -> Draft:
    """A real text says 演练 nowhere, whatever its proposer typed."""
    said = (made.subject, made.body, made.html, made.measures)
    if mode != "actual" or not any(map(says_drill, said)):
        return made
    subject, body, html, measures = map(without_drill, said)
    return Draft(subject, body, html, measures, made.instead)


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
