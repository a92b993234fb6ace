"""What people read at three in the morning: short, complete, lawful, and never a drill taken for real."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator import render
from coordinator.blanks import parts
from coordinator.channels import segments
from coordinator.errors import Refusal
from coordinator.forms import FOLDER
from coordinator.orders import Order, Person
from coordinator.render import CHANNELS, KINDS, PURPOSES, Words
from rules.levels import Level
from rules.measure_tables import PlantLine
from tests.coordinator.samples import (
    CHANGES,
    CODE,
    LEVELS,
    LI,
    MARKER,
    NUMBER,
    TONES,
    URL,
    order,
    page,
    planned,
    plant,
    receiver,
    say,
    told_of_incident,
)

MARKS = {"actual": "", "exercise": "【演练】", "test": "【测试】"}


def orders() -> Iterator[Order]:
    for mode, level, change in product(MARKS, LEVELS, CHANGES):
        yield order(mode=mode, level=level, change=change, replaces="" if change == "start" else "第1版")


def lint(words: Words, mode: str) -> None:
    mark = MARKS[mode]
    for text in (words.subject, words.text, words.html):
        assert not re.search(
            r"\{\{|\}\}|\{%|␠|None|[\ue000-\uf8ff]|。。|，，|，。|：。|；。|[一-鿿][,:;()][一-鿿]", text
        ), text
        assert mark or not re.search("演练|演習|测试", text), text
    if mark:
        assert words.text.startswith(mark) and words.text.endswith(mark)
        assert words.subject == "" or words.subject.startswith(mark)
        assert words.html == "" or (f"<title>{mark}" in words.html and f"#{MARKER}{mark}" in words.html)
    assert "\n" not in words.subject


def test_every_channel_has_words() -> None:
    for given_order, kind, channel in product(orders(), KINDS, CHANNELS):
        words = say(kind, channel, receiver(given_order))

        lint(words, given_order.mode)
        assert bool(words.subject) == bool(words.html) == (channel == "email")
        assert words.text.endswith(f"#{MARKER}{MARKS[given_order.mode]}") == (channel != "voice")


def test_every_tone_keeps_to_the_rules_of_its_channel() -> None:
    for mode, kind, fields, links in product(MARKS, KINDS, TONES.values(), (True, False)):
        one = receiver(order(mode=mode), **fields)
        sms, mail = say(kind, "sms", one, links=links), say(kind, "email", one, links=links)

        lint(sms, mode)
        lint(mail, mode)
        assert parts(sms.text) <= 4
        assert (NUMBER in sms.text, f"签收码{CODE}" in sms.text, URL in sms.text) == (True, True, links)
        assert (URL in mail.text, URL in mail.html, NUMBER in mail.text) == (True, True, True)
        assert not {CODE} & set(re.findall(r"\d{4,}", mail.text + mail.html))


def test_a_text_without_links_holds_no_address_at_all() -> None:
    for change, kind in product(CHANGES, KINDS):
        text = say(kind, "sms", receiver(order(change=change)), links=False).text

        assert not re.search(r"https?:|liandong\.example|www\.", text)


def test_who_has_no_mail_is_sent_to_the_desk_instead() -> None:
    assert "打值班电话，报签收码签收" in say("order", "sms", receiver(contacts=(LI,)), links=False).text


def test_a_drill_says_that_nothing_need_be_stopped() -> None:
    for kind, channel in product(KINDS, CHANNELS):
        assert "生产照常，不用真停" in say(kind, channel, receiver(order(mode="exercise"))).text


def test_the_drill_dress_lies_in_the_base_alone() -> None:
    dressed = {path.name for path in FOLDER.iterdir() if "演练" in path.read_text(encoding="utf-8")}

    assert dressed == {"_base.txt", "_base.html", "bulletin.txt"}


@pytest.mark.parametrize("text", ["演练", "这是演 练", "演\u200b练", "演練", "消防演\n练"])
def test_the_word_for_a_drill_is_refused_in_real_text_however_it_is_hidden(text) -> None:
    with pytest.raises(Refusal, match="reason: 真实预警里不能出现"):
        render.real_words_only(text, where="reason")


def test_real_words_pass_as_they_are() -> None:
    assert render.real_words_only("预计重污染,演变待观察,训练有素", where="reason").startswith("预计")


def test_a_correction_is_never_held_back_for_a_word_in_its_reason() -> None:
    wrong = order(change="retract", reason="误把演练当真实预警发出")

    words = say("correction", "email", receiver(wrong))

    lint(words, "actual")
    assert "误把训练当真实预警发出" in words.text


def test_long_measures_give_way_and_say_so() -> None:
    long = tuple(PlantLine(f"{n}号生产线", orange="停止配料、烧结、冷却和成品转运") for n in range(20))
    mailed, phoned = receiver(lines=long), receiver(lines=long, contacts=(LI,))

    for one, rest in ((mailed, "…详见邮件"), (phoned, "…详情请来电")):
        words = say("order", "sms", one)
        assert words.shortened
        assert parts(words.text) == 4
        assert rest in words.text
        assert (NUMBER in words.text, f"签收码{CODE}" in words.text, URL in words.text) == (True, True, True)
    assert "19号生产线" in say("order", "email", mailed).text


def test_a_long_name_gives_way_before_the_measures() -> None:
    words = say("order", "sms", receiver(name="石家庄" + "某" * 100 + "水泥有限公司"))

    assert parts(words.text) <= 4
    assert "熟料限产20%" in words.text


def test_a_next_contact_hears_why_it_is_his_turn() -> None:
    one = replace(receiver(), person=LI)

    assert "前一位联系人还没有签收，请你来办" in say("reminder", "sms", one).text


def test_the_reason_is_text_and_never_a_template() -> None:
    nasty = "{{ 7*7 }}{% for x in y %}<script>alert(1)</script>\r\nBcc: x@example.com"
    words = say("order", "email", receiver(order(reason=nasty)))

    assert "{{ 7*7 }}{% for x in y %}" in words.text
    assert "&lt;script&gt;" in words.html
    assert "<script" not in words.html


def test_no_field_can_open_a_second_header_or_line() -> None:
    one = receiver(name="甲厂\r\nBcc: all@example.com\n", contacts=(Person("1", "王\n五", "+861", "w@example.com", 1),))
    mail, sms = say("order", "email", one), say("order", "sms", one)

    assert "\r" not in mail.subject + mail.text
    assert "\n" not in mail.subject + sms.text
    assert "甲厂 Bcc: all@example.com" in mail.subject


def test_a_name_can_not_fill_another_blank() -> None:
    words = say("order", "sms", receiver(name="\ue000code\ue001厂{code}"))

    assert words.text.count(CODE) == 1


class Tags(HTMLParser):
    """Whether every tag that opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "link", "iframe", "form")
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_html_is_whole_and_loads_nothing() -> None:
    for given_order, kind in product(orders(), KINDS):
        tags = Tags()
        tags.feed(say(kind, "email", receiver(given_order)).html)
        assert tags.open == []


def test_a_mail_is_small_enough_for_a_phone() -> None:
    assert len(say("order", "email", receiver()).html.encode()) < 10_000


def test_the_band_says_the_level_in_words() -> None:
    for level in (Level.YELLOW, Level.ORANGE, Level.RED):
        html = say("order", "email", receiver(order(level=level))).html
        assert re.search(f'background:#[^"]+">石家庄重污染天气{level.chinese}预警', html)


@pytest.mark.parametrize("marker", ["", "abcdefgh", "ABCDEFG1", "ABCDEFG22", "ABCDEF 2"])
def test_a_marker_that_can_not_be_looked_up_is_refused(marker) -> None:
    with pytest.raises(Refusal, match="查询标记"):
        render.words("order", "sms", receiver(), number=NUMBER, code=CODE, token="t", marker=marker, links=True)


@pytest.mark.parametrize(("kind", "channel"), [("poem", "sms"), ("order", "pigeon")])
def test_unknown_kinds_and_channels_are_refused(kind, channel) -> None:
    with pytest.raises(Refusal, match="应为"):
        say(kind, channel, receiver())


def test_signers_are_called_in_every_way_for_every_purpose() -> None:
    for mode, purpose, channel, change in product(MARKS, PURPOSES, CHANNELS, CHANGES):
        words = page(purpose, channel, order(mode=mode, change=change))

        lint(words, mode)
        assert ("https://liandong.example/alerts/7" in words.text) == (channel != "voice")
        assert parts(words.text) <= 4 or channel == "email"


def test_a_page_to_a_mainland_number_leaves_the_address_out() -> None:
    words = render.page("sign", "sms", order(), officer="张三", marker=MARKER, url="https://x.example", links=False)

    assert "https" not in words.text


def test_a_desk_is_called_for_an_incident_in_every_way() -> None:
    for mode, channel in product(MARKS, CHANNELS):
        words = told_of_incident(mode, channel)

        lint(words, mode)
        assert "初判重大" in words.text
        assert (f"签收码{CODE}" in words.text) == (channel != "email")
    assert "<b>&lt;b&gt;" not in told_of_incident("actual", "email").html
    assert "苯泄漏&lt;b&gt;" in told_of_incident("actual", "email").html


def test_duty_officers_are_called_when_a_source_falls_silent() -> None:
    for mode, channel in product(MARKS, CHANNELS):
        lint(render.trouble(channel, mode=mode, officer="张三", marker=MARKER, detail="cnemc 3小时无数据"), mode)


def test_the_public_is_told_what_to_do() -> None:
    for given_order in orders():
        words = render.bulletin(given_order, receiver(replace(given_order, change="start")).society)

        lint(words, given_order.mode)
        assert words.subject


def test_segments_are_counted_as_the_carrier_counts_them() -> None:
    for one in planned(order(), plant(), plant(credit_code="b", grade="A")):
        text = say("order", "sms", one).text
        assert parts(text) == segments.count(text).segments


@settings(max_examples=300 if os.environ.get("LIANDONG_LONG") else 40, deadline=None)
@given(
    name=st.text(max_size=200),
    reason=st.text(max_size=200),
    line=st.text(min_size=1, max_size=400),
    mode=st.sampled_from(list(MARKS)),
)
def test_whatever_is_typed_a_notice_keeps_its_number_code_and_dress(name, reason, line, mode) -> None:
    one = receiver(order(mode=mode, reason=reason), name=name, lines=(PlantLine("1号窑", orange=line),))
    sms, mail = say("order", "sms", one), say("order", "email", one)

    assert segments.count(sms.text).segments == parts(sms.text) <= 4
    assert (NUMBER in sms.text, f"签收码{CODE}" in sms.text, URL in sms.text) == (True, True, True)
    assert (sms.text + mail.text).count(f"#{MARKER}{MARKS[mode]}") >= 2
    assert mail.subject.startswith(MARKS[mode])
    assert mode != "actual" or "演练" not in sms.text + mail.subject + mail.text + mail.html
