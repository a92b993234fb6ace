"""报备模板: every real SMS that this program writes has a registered template that gives it back word for word."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

from coordinator import render
from coordinator.channels import registered
from coordinator.render import KINDS, PURPOSES
from rules.levels import Level
from tests.coordinator.samples import (
    CHANGES,
    LI,
    MARKER,
    TONES,
    WANG,
    ZHANG,
    order,
    planned,
    receiver,
    say,
    told_of_incident,
)

SAMPLES = Path(__file__).parents[2] / "templates" / "registered" / "aliyun.toml"


def texts() -> Iterator[str]:
    """Every kind of text to a mainland number, where no address may stand in it."""
    for kind, change, level, tone, contacts, ends in product(
        KINDS,
        CHANGES,
        (Level.PRE, Level.ORANGE),
        TONES.values(),
        ((LI, WANG), (LI,), (WANG, LI)),
        ({}, {"effective_to": None}),
    ):
        given = order(change=change, level=level, replaces="" if change == "start" else "第1版", **ends)
        one = receiver(given, contacts=contacts, **tone)
        yield say(kind, "sms", one, links=False).text
        if kind == "reminder":
            yield say(kind, "sms", replace(one, person=one.ladder[-1]), links=False).text
    for kind, change, ends in product(KINDS, CHANGES, ({}, {"effective_to": None})):
        replaces = "" if change == "start" else "第1版"
        for one in planned(order(change=change, kind="incident", replaces=replaces, **ends), officers=(ZHANG,)):
            yield say(kind, "sms", one, links=False).text
            if kind == "reminder":
                yield say(kind, "sms", replace(one, person=LI), links=False).text
    for purpose, change, n in product(PURPOSES, CHANGES, (0, 12)):
        given = order(change=change)
        yield render.page(purpose, "sms", given, officer="张三", marker=MARKER, n=n, links=False).text
    yield render.trouble(
        "sms", mode="actual", officer="张三", marker=MARKER, detail="数据源 cnemc 已有 3 小时没有新数据"
    ).text
    yield told_of_incident("actual", "sms", links=False).text


def test_every_real_sms_has_a_registered_template() -> None:
    templates = registered.read(str(SAMPLES), "SAMPLES")
    by_code = {template.code: template.text for template in templates}
    used = set()
    for text in texts():
        plain = registered.plain(text)
        said = registered.find(templates, plain)
        assert said is not None, plain
        used.add(said.code)
        back = registered.BLANK.sub(lambda found, said=said: said.blanks[found[1]], by_code[said.code])
        assert (back == plain) == (not said.cut), (back, plain)
        assert all(name.startswith(registered.CUT) for name in said.cut)
        assert all(1 <= len(words) <= registered.LONGEST_BLANK for words in said.blanks.values())
        assert "①" not in back and "#" not in back
    assert used == set(by_code), "a template that no text needs costs a registration"
