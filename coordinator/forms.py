"""Which template says it, and with what around it? The only module that knows templates/notices as files."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from coordinator.blanks import Form, Slot, beijing, flat, one_line
from coordinator.clock import BEIJING
from coordinator.orders import Order
from rules.levels import Level
from rules.measure_tables import Block, Measure

FOLDER = Path(__file__).resolve().parent.parent / "templates" / "notices"
BLANKS = ("name", "person", "city", "number", "code", "marker", "link", "check", "measures", "society")
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER),
    undefined=StrictUndefined,
    autoescape=select_autoescape(["html"]),
    finalize=one_line,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Shape(NamedTuple):
    """What decides which sentences stand in a notice, apart from its order."""

    tone: str  # ordered, self, exempt, none; officer
    links: bool
    next_in_line: bool
    mailed: bool
    confirmed: bool
    numbered: bool  # the notice's number tells the alert's


class Mail(NamedTuple):
    """The three texts of a mail."""

    subject: Form
    text: Form
    html: Form


@lru_cache(maxsize=2048)
def line(template: str, channel: str, order: Order, shape: Shape) -> Form:
    """A notice of one line for SMS or voice, with blanks for what differs from receiver to receiver."""
    return Form.cut(printed_line(f"{template}_{channel}", surround(order, channel) | _slots(shape)))


@lru_cache(maxsize=2048)
def mail(template: str, order: Order, shape: Shape) -> Mail:
    """The same for a mail."""
    return Mail(*map(Form.cut, printed_mail(f"{template}_email", surround(order, "email") | _slots(shape))))


@lru_cache(maxsize=4096)
def lists(measures: tuple[Measure, ...], society: tuple[Block, ...]) -> tuple[str, ...]:
    """Measures and society-wide measures as text, then both as HTML."""
    return tuple(
        _ENVIRONMENT.get_template(f"_{name}.{ending}").render(rows=rows).strip()
        for ending in ("txt", "html")
        for name, rows in (("measures", measures), ("society", society))
    )


def printed_line(name: str, around: Mapping[str, object]) -> str:
    """A template as one line."""
    return flat(_ENVIRONMENT.get_template(f"{name}.txt").render(around))


def printed_mail(name: str, around: Mapping[str, object]) -> tuple[str, str, str]:
    """A mail's subject, text and HTML."""
    return *printed_text(name, around), _ENVIRONMENT.get_template(f"{name}.html").render(around)


def printed_text(name: str, around: Mapping[str, object]) -> tuple[str, str]:
    """A template's first line and the rest; runs of blank lines become one."""
    lines = _ENVIRONMENT.get_template(f"{name}.txt").render(around).strip().splitlines()
    body = [one for one, before in zip(lines[1:], lines, strict=False) if one.strip() or before.strip()]
    return lines[0].strip(), "\n".join(body).strip()


def _slots(shape: Shape) -> dict[str, object]:
    return {blank: Slot(blank) for blank in BLANKS} | {"shape": shape}


def dress(mode: str, channel: str, issuer: str = "", desk_phone: str = "") -> dict[str, object]:
    """What the base of every text asks for."""
    return {
        "mode": mode, "channel": channel, "issuer": issuer, "desk_phone": desk_phone, "level": "", "issued": "",
    }  # fmt: skip


def surround(order: Order, channel: str) -> dict[str, object]:
    """What every template may say about the order."""
    ended_at = order.lift_at or order.issued_at
    return dress(order.mode, channel, order.issuer, order.desk_phone) | {
        "order": order,
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
