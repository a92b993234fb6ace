"""What do the words say? The only module that knows templates/notices as files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from coordinator.blanks import Form, Slot, beijing, clean, clipped, flat, one_line, safe, units
from coordinator.channels import segments
from coordinator.clock import BEIJING
from coordinator.errors import Refusal
from coordinator.orders import Order, PlannedReceiver, says_drill
from rules.levels import Level
from rules.measure_tables import Block, Measure, MeasureKind

FOLDER = Path(__file__).resolve().parent.parent / "templates" / "notices"
CHANNELS = ("sms", "email", "voice")
KINDS = ("order", "reminder", "correction", "manual")
PURPOSES = ("sign", "overdue", "unreached", "fault")
SMS_UNITS = 4 * segments.UCS_PART
SHORT_NAME = 16
_MARKER = re.compile(r"[A-Z2-7]{8}")


@dataclass(frozen=True, slots=True)
class Words:
    """What one notice says. ``shortened``: measures were cut to fit an SMS; the mail or the desk has them in full."""

    subject: str
    text: str
    html: str
    shortened: bool = False


class Shape(NamedTuple):
    """What decides which sentences stand in a notice, apart from its order."""

    tone: str  # ordered, self, exempt, none; officer
    links: bool
    next_in_line: bool
    mailed: bool
    confirmed: bool
    numbered: bool  # the notice's number tells the alert's


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER),
    undefined=StrictUndefined,
    autoescape=select_autoescape(["html"]),
    finalize=one_line,
    trim_blocks=True,
    lstrip_blocks=True,
)
BLANKS = ("name", "person", "city", "number", "code", "marker", "link", "measures", "reasons", "society")


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
    return _dressed(made, order)


def page(
    purpose: str, channel: str, order: Order, *, officer: str, marker: str, url: str = "", n: int = 0, detail: str = ""
) -> Words:
    """Words to signers and duty officers: sign 请会签, overdue 会签超时, unreached 联系不上, fault 系统异常."""
    _known("用途", purpose, PURPOSES)
    _known("渠道", channel, CHANNELS)
    asked = {"purpose": purpose, "officer": officer, "marker": _mark(marker), "url": url, "n": n, "detail": detail}
    around = _surround(order, channel) | asked
    plain = _ENVIRONMENT.get_template(f"page_{channel}.txt").render(around)
    if channel != "email":
        return _dressed(Words("", flat(plain), ""), order)
    subject, text = _split(plain)
    return _dressed(Words(subject, text, _ENVIRONMENT.get_template("page_email.html").render(around)), order)


def bulletin(order: Order, blocks: Iterable[Block]) -> Words:
    """Words for the public: headline, then what everybody is asked to do."""
    around = _surround(order, "email") | {"blocks": tuple(blocks)}
    subject, text = _split(_ENVIRONMENT.get_template("bulletin.txt").render(around))
    return _dressed(Words(subject, text, ""), order)


def real_words_only(text: str, *, where: str) -> str:
    """``text``, refused when it says 演练: a real text never contains that word, so nobody can take it for a drill."""
    if says_drill(text):
        raise Refusal(f"{where}: 真实预警里不能出现“演练”二字,请换一种写法")
    return text


def _known(what: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise Refusal(f"没有“{word}”这个{what},应为:{'、'.join(known)}")


def _mark(marker: str) -> str:
    if not _MARKER.fullmatch(marker):
        raise Refusal(f"查询标记应为 8 位 A–Z、2–7,得到 {marker!r}")
    return marker


def _template(kind: str, change: str) -> str:
    """A retraction has its own words whatever the kind; a first order and its later changes differ."""
    if change == "retract":
        return "correction"
    if change == "lift":
        return "lift"
    return "change" if kind == "order" and change != "start" else kind


def _shape(planned: PlannedReceiver, number: str, *, links: bool) -> Shape:
    person, ladder = planned.person, planned.ladder
    return Shape(
        tone="officer" if planned.is_officer else _tone(planned.measures),
        links=links,
        next_in_line=bool(person and ladder and person.key != ladder[0].key),
        mailed=bool(person and person.email),
        confirmed=all(each.confidence != "unconfirmed" for each in planned.measures),
        numbered=number.startswith(planned.order.alert),
    )


def _tone(measures: tuple[Measure, ...]) -> str:
    if not measures:
        return "none"
    kinds = {each.kind for each in measures}
    if kinds <= {MeasureKind.SELF}:
        return "self"
    return "exempt" if kinds <= {MeasureKind.EXEMPT} else "ordered"


def _values(planned: PlannedReceiver, *, number: str, code: str, marker: str) -> dict[str, str]:
    person = planned.person.name if planned.person else ""
    said = {"name": planned.name, "person": person or planned.name, "city": planned.city_name, "number": number}
    return {name: clean(text) for name, text in said.items()} | {
        "code": code,
        "marker": _mark(marker),
    }


def _mail(template: str, planned: PlannedReceiver, shape: Shape, values: dict[str, str]) -> Words:
    measures, society, measures_html, society_html = _lists(planned.measures, planned.society)
    subject, body, page_form = _mail_forms(template, planned.order, shape)
    escaped = {name: safe(value) for name, value in values.items()}
    escaped |= {"measures": measures_html, "society": society_html}
    values |= {"measures": measures, "society": society}
    return Words(subject.fill(values), body.fill(values), page_form.fill(escaped))


def _short(template: str, channel: str, order: Order, *, shape: Shape, values: dict[str, str]) -> Words:
    """One line. In an SMS too long the name gives way first, then the measures, never number, code or address."""
    form = _form(f"{template}_{channel}.txt", order, shape)
    text = form.fill(values)
    if channel != "sms" or units(text) <= SMS_UNITS:
        return Words("", text, "")
    values = values | {"name": clipped(values["name"], SHORT_NAME, "…")}
    text = form.fill(values)
    over = units(text) - SMS_UNITS
    if over <= 0 or "measures" not in form.blanks:
        return Words("", text, "")
    rest = "…详见邮件" if shape.mailed else "…详情请来电"
    kept = clipped(values["measures"], max(len(values["measures"]) - over, len(rest)), rest)
    return Words("", form.fill(values | {"measures": kept}), "", shortened=True)


@lru_cache(maxsize=2048)
def _form(name: str, order: Order, shape: Shape) -> Form:
    return Form.cut(flat(_with_slots(name, order, shape)))


@lru_cache(maxsize=2048)
def _mail_forms(template: str, order: Order, shape: Shape) -> tuple[Form, Form, Form]:
    """Subject, text and HTML of a mail."""
    subject, text = _split(_with_slots(f"{template}_email.txt", order, shape))
    return Form.cut(subject), Form.cut(text), Form.cut(_with_slots(f"{template}_email.html", order, shape))


def _with_slots(name: str, order: Order, shape: Shape) -> str:
    channel = name.rpartition("_")[2].partition(".")[0]
    around = _surround(order, channel) | {blank: Slot(blank) for blank in BLANKS} | {"shape": shape}
    return _ENVIRONMENT.get_template(name).render(around)


def _surround(order: Order, channel: str) -> dict[str, object]:
    """What every template may say about the order."""
    ended_at = order.lift_at or order.issued_at
    return {
        "order": order,
        "channel": channel,
        "level": order.level.chinese,
        "previous": order.previous.chinese if order.previous is not None else "",
        "event": "重污染天气" if order.kind == "air" else "突发环境事件",
        "title": order.level.chinese + ("预警" if order.level >= Level.BLUE else ""),
        "start": beijing(order.effective_from),
        "end": beijing(order.effective_to) if order.effective_to else "",
        "ended": beijing(ended_at) if ended_at else "",
        "issued": beijing(order.issued_at) if order.issued_at else "",
        "year": order.effective_from.astimezone(BEIJING).year,
        "places": _places(order),
        "press": "".join(filter(str.isdigit, order.alert))[-2:],
    }


def _places(order: Order) -> str:
    names = [place.name for place in order.cities]
    return "、".join(names) if len(names) <= 5 else f"{'、'.join(names[:4])}等{len(names)}市"


def _joined(measures: tuple[Measure, ...]) -> str:
    """Measures in one line, numbered when there are several."""
    if len(measures) == 1:
        return str(one_line(measures[0].text))
    return ";".join(f"{n}.{one_line(each.text)}" for n, each in enumerate(measures, 1))


@lru_cache(maxsize=4096)
def _lists(measures: tuple[Measure, ...], society: tuple[Block, ...]) -> tuple[str, ...]:
    """Measures and society-wide measures as text, then both as HTML."""
    return tuple(
        _ENVIRONMENT.get_template(f"_{name}.{kind}").render(rows=rows).strip()
        for kind in ("txt", "html")
        for name, rows in (("measures", measures), ("society", society))
    )


def _split(text: str) -> tuple[str, str]:
    """The first line is the subject; runs of blank lines become one."""
    subject, _, body = text.strip().partition("\n")
    return subject.strip(), re.sub(r"\n{3,}", "\n\n", body).strip()


def _dressed(made: Words, order: Order) -> Words:
    """The last look before words leave: a drill says so at both ends, a real text nowhere."""
    if order.mode == "actual":
        for text in (made.subject, made.text, made.html):
            real_words_only(text, where="通知正文")
        return made
    mark = {"exercise": "【演练】", "test": "【测试】"}[order.mode]
    ends = made.text.startswith(mark) and made.text.endswith(mark) and len(made.text) > 2 * len(mark)
    if not ends or not (made.subject.startswith(mark) or not made.subject):
        raise Refusal(f"{mark}的通知首尾没有标记,不能发出:{made.text[:40]}")
    return made
