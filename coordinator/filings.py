"""模板报备: do our SMS still read as they were filed with the carrier, and would a carrier take them?"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import SequenceMatcher
from itertools import product
from pathlib import Path
from typing import Any

from coordinator import clock, db, forms, render, rulebook, rulebook_measures
from coordinator.blanks import parts
from coordinator.channels import terms as carriers
from coordinator.channels.terms import Terms
from coordinator.errors import Misconfigured
from coordinator.forms import Shape
from coordinator.orders import CHANGES, MODES, OfficerCard, Order, Person, Place, PlannedReceiver, Plant
from coordinator.plan import plan
from rules.levels import Level
from rules.measure_tables import Exemption, PlantLine

HEAD = """# 短信模板登记:送运营商报备的原文,{…} 是变量,由 liandong templates file 写成。随程序的这一份是原文存底,
# 尚未向任何运营商报备:carrier_id 填运营商批准后的模板编号,本机的登记放在 LIANDONG_HOME/filed.toml。"""
SHIPPED = forms.FOLDER.parent / "filed.toml"
TONES = ("ordered", "self", "exempt", "none", "officer")
# Which changes a template speaks of; "start" where it makes no difference.
SPEAKS_OF = {
    "order": ("start",),
    "change": ("upgrade", "downgrade", "extend"),
    "lift": ("lift",),
    "correction": ("retract", "start"),
    "reminder": ("start",),
    "manual": ("start",),
}
BLANKS = {
    "issuer": "{签发单位}", "desk_phone": "{值班电话}", "level": "{级别}", "previous": "{原级别}", "title": "{预警}",
    "event": "{事件}", "start": "{起}", "end": "{止}", "ended": "{解除时间}", "places": "{城市}", "name": "{单位}",
    "person": "{联系人}", "city": "{城市}", "number": "{通知编号}", "code": "{签收码}", "marker": "{标记}", "link": "{链接}",
    "measures": "{措施}", "officer": "{值班员}", "detail": "{详情}", "learned": "{获知时间}",
}  # fmt: skip
LINK = re.compile(r"https?:|www\.|[a-z0-9-]+\.(?:com|cn|net|org|gov)\b", re.I)
REV = 12
_BEGIN, _END = datetime(2026, 11, 23, tzinfo=clock.BEIJING), datetime(2026, 12, 26, 12, 30, tzinfo=clock.BEIJING)


@dataclass(frozen=True, slots=True)
class Filed:
    """One wording as it was written down for the carrier. ``carrier_id`` is the carrier's own name for it, "" while it has given none."""

    wording: str
    recorded_on: date
    carrier_id: str = ""


@dataclass(frozen=True, slots=True)
class Printed:
    """One SMS as it would go out with sample values; ``longest`` or short."""

    template: str
    change: str
    level: str
    mode: str
    sample: str
    segments: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a carrier would object to, or what nobody has told it. A warning doesn't stand in the way."""

    template: str
    trouble: str  # long, link, characters, drift, unfiled, gone, tampered
    detail: str
    warning: bool = False


def lint(terms: Terms | None = None) -> tuple[list[Printed], list[Finding]]:
    """Every SMS template × level × change with short and longest values, and what is wrong with any."""
    terms, samples = terms or carriers.load(), list(printed())
    found = [finding for sample in samples for finding in _objections(sample, terms)]
    return samples, list(dict.fromkeys(found)) + drift(wordings(), filed())


def _objections(sample: Printed, terms: Terms) -> Iterator[Finding]:
    name = f"{sample.template}.{sample.change}"
    if sample.segments > terms.most_segments:
        detail = f"{sample.mode} {sample.level}: {sample.segments} 段,至多 {terms.most_segments} 段"
        yield Finding(name, "long", detail)
    if link := LINK.search(sample.text):
        yield Finding(name, "link", f"{sample.mode}: 发往 +86 的短信里有网址“{link.group()}”")
    if refused := refused_in(sample.text, terms):
        yield Finding(name, "characters", f"{sample.mode}: 运营商不收的字符 {'、'.join(refused)}")


def refused_in(text: str, terms: Terms) -> list[str]:
    """The characters of ``text`` that carriers refuse, or that are lost on the way: those outside GBK."""
    return [each for each in dict.fromkeys(text) if each in terms.refused or not each.encode("gbk", "ignore")]


# How each would read


def printed() -> Iterator[Printed]:
    """Notices by the same way as real ones, to a mainland number; then pages to officers."""
    for mode, change, level, (sample, fields) in product(MODES, CHANGES, _levels(), _SAMPLES.items()):
        order = _order(mode, change, level, **fields["order"])
        for one, kind in product(_receivers(order, fields), render.KINDS):
            words = render.words(
                kind, "sms", one, number=fields["number"], code="1234", token="x" * 22, marker="ABCDEFG2", links=False
            )
            yield Printed(kind, change, level.word, mode, sample, parts(words.text), words.text)
        for purpose in render.PURPOSES:
            words = render.page(purpose, "sms", order, officer=fields["person"], marker="ABCDEFG2", n=99, links=False)
            yield Printed(f"page-{purpose}", change, level.word, mode, sample, parts(words.text), words.text)


def _levels() -> tuple[Level, ...]:
    return tuple(level for level in Level if level is not Level.NONE)


_SAMPLES: dict[str, dict[str, Any]] = {
    "short": {
        "order": {"issuer": "市指挥部", "desk_phone": "12345678"}, "number": "京2026-0001-1-00001", "name": "甲厂",
        "person": "王一", "lines": 0,
    },
    "longest": {
        "order": {"issuer": "石家庄市重污染天气应急指挥部办公室", "desk_phone": "0311-86543210-8888"},
        "number": "石家庄2026-0107-12-99999", "name": "某某省某某经济技术开发区新型环保建筑材料循环经济综合利用联合股份有限公司第二分公司",
        "person": "欧阳建国夫", "lines": 12,
    },
}  # fmt: skip


def _order(mode: str, change: str, level: Level, **fields: Any) -> Order:
    return Order(
        alert="石家庄2026-0107" if fields["issuer"] != "市指挥部" else "京2026-0001", rev=REV, mode=mode, level=level,
        previous=Level(max(level - 1, 0)), cities=(_longest_place(),), effective_from=_BEGIN, effective_to=_END,
        reason="", clause="", change=change, base_url="https://liandong.example", issued_at=_BEGIN,
        replaces="" if change == "start" else "第11版", **fields,
    )  # fmt: skip


def _longest_place() -> Place:
    place = max(rulebook.cities(), key=lambda each: (len(each.name), each.code))
    return Place(place.code, place.name)


def _receivers(order: Order, fields: Mapping[str, Any]) -> Iterator[PlannedReceiver]:
    """A plant of every tone, with mail and without, the first on the ladder and the next; an officer in a drill."""
    people = (
        Person("1", fields["person"], "+8613800000001", "", 1),
        Person("2", fields["person"], "+8613800000002", "a@example.com", 2),
    )
    lines = tuple(PlantLine(f"{n}号窑", "停产", "停产", "停产") for n in range(1, fields["lines"] + 1))
    kinds: tuple[dict[str, Any], ...] = ({}, {"grade": "A"}, {"exemption": Exemption(kind="保障类", load_cap="80%")})
    for more in (*kinds, {"lines": lines}):
        given = {"grade": "C"} | more
        plant = Plant(credit_code="91130100MA0ABCDE1X", name=fields["name"], city=order.cities[0].code, industry="水泥",
                      contacts=people, in_drill=True, **given)  # fmt: skip
        officers = (OfficerCard("7", fields["person"], "+8613800000003", ""),)
        for one in plan(order, [plant], table=rulebook_measures.table(), officers=officers):
            yield from (replace(one, person=person) for person in one.ladder)


# What is filed: the words with blanks


def wordings() -> dict[str, str]:
    """Template id → its exact words with blanks. Ids that read alike are one."""
    found: dict[str, str] = {}
    for name, words in _all_wordings():
        if words not in found.values():
            found[name] = words
    return found


def _all_wordings() -> Iterator[tuple[str, str]]:
    """A rehearsed text is the real one in its dress, so the dress is filed once."""
    for template, changes in SPEAKS_OF.items():
        yield from _notice_wordings(template, changes)
    for purpose in render.PURPOSES:
        for change in CHANGES if purpose == "sign" else ("start",):
            more = {"purpose": purpose, "n": "{数}", "url": "", "detail": ""}
            words = _print("page", _blank_order(change), more)
            yield f"page.{purpose}.{change}", words.replace(f"第{REV}版", "第{版次}版")
    for span, end in {"until": BLANKS["end"], "open": ""}.items():
        yield f"bundle.{span}", _print("bundle", _blank_order("start"), {"n": "{数}", "named": "{各单位}", "end": end})
    yield "trouble", _print("trouble", _blank_order("start"), {"url": ""})
    yield "selfcheck", _print("selfcheck", _blank_order("start"), {})
    for due in range(4):
        yield f"incident.{due}", _incident(due)
    bare = _print("trouble", _blank_order("start"), {"url": ""})
    for mode in MODES[1:]:
        yield f"dress.{mode}", _print("trouble", _blank_order("start", mode), {"url": ""}).replace(bare, "{正文}")


def _notice_wordings(template: str, changes: Iterable[str]) -> Iterator[tuple[str, str]]:
    ends = {"until": BLANKS["end"], "open": ""}
    for change, tone, mailed, follows, (span, end) in product(
        changes, TONES, (True, False), (False, True), ends.items()
    ):
        shape = Shape(tone=tone, links=False, next_in_line=follows, mailed=mailed, confirmed=True, numbered=True)
        name = ".".join((template, change, tone, "mail" if mailed else "phone", "next" if follows else "first", span))
        yield name, _print(template, _blank_order(change), {"shape": shape, "end": end})


def _blank_order(change: str, mode: str = "actual") -> Order:
    order = _order(mode, change, Level.RED, issuer="", desk_phone="")
    return replace(order, alert="{预警编号}", replaces="" if change == "start" else "{版次}")


def _print(template: str, order: Order, more: Mapping[str, object]) -> str:
    return forms.printed_line(f"{template}_sms", forms.surround(order, "sms") | BLANKS | dict(more))


def _incident(due: int) -> str:
    card = render.IncidentCard(
        id=0, mode="actual", title="{标题}", city_name="{城市}", grade="{等级}", track="", learned_at=_BEGIN, due=()
    )
    dress = forms.dress("actual", "sms")
    more = {"card": card, "due": [("{事项}", "{时限}")] * due, "url": ""}
    return forms.printed_line("incident_sms", dress | BLANKS | more)


def filed() -> dict[str, Filed]:
    """The registry: the installation's own where it has one, else ours."""
    path = own() if own().exists() else SHIPPED
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["template"]
        for name, row in rows.items():
            if row["sha256"] != _hash(row["wording"]):
                raise Misconfigured(f"{path.name}: {name} 的 sha256 与 wording 不符,登记被改动过;请按运营商的回执更正")
        return {name: Filed(row["wording"], row["recorded_on"], row["carrier_id"]) for name, row in rows.items()}
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise Misconfigured(f"模板登记 {path.name} 读不出:{error}") from error


def own() -> Path:
    """Where an installation keeps what it has filed."""
    return db.home() / "filed.toml"


def drift(now: Mapping[str, str], then: Mapping[str, Filed]) -> list[Finding]:
    """What has changed since it was filed, word by word; what was never filed; what the carrier has not named yet."""
    found = []
    for name, words in now.items():
        if name not in then:
            found.append(Finding(name, "unfiled", "没有登记,须向运营商报备后登记"))
        elif then[name].wording != words:
            found.append(
                Finding(name, "drift", f"与 {then[name].recorded_on} 的登记不同:{changed(then[name].wording, words)}")
            )
    found += [Finding(name, "gone", "登记里有,程序不再使用", warning=True) for name in then if name not in now]
    if unnamed := sum(not then[name].carrier_id for name in now if name in then):
        found.append(Finding("*", "unfiled", f"{unnamed} 个模板还没有运营商的模板编号(carrier_id)", warning=True))
    return found


def changed(then: str, now: str) -> str:
    """The words that differ: 旧→新, several joined by ；."""
    steps = SequenceMatcher(a=then, b=now, autojunk=False).get_opcodes()
    return "；".join(f"“{then[a:b]}”→“{now[c:d]}”" for tag, a, b, c, d in steps if tag != "equal")


def register(path: Path) -> int:
    """Write down today's wordings as filed; what reads as before keeps its day and its carrier's id. Gives back how many."""
    known = filed() if path.exists() or SHIPPED.exists() else {}
    lines = [HEAD, "[template]"]
    for name, words in wordings().items():
        kept = known.get(name)
        same = kept if kept and kept.wording == words else Filed(words, clock.now().astimezone(clock.BEIJING).date())
        lines.append(
            f'"{name}" = {{ wording = {json.dumps(words, ensure_ascii=False)}, sha256 = "{_hash(words)}", '
            f"recorded_on = {same.recorded_on.isoformat()}, carrier_id = {json.dumps(same.carrier_id)} }}"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(wordings())


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:16]
