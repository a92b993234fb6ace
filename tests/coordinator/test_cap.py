"""What passes for a CAP 1.2 alert, and what we ourselves send out."""

import csv
import gzip
import os
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree

from coordinator import cap12
from coordinator.cap import Alert, Area, Feed, FeedEntry, Kind, Reference, build, feed
from coordinator.cap_check import LARGEST, check
from coordinator.errors import Refusal
from rules.levels import Level

SENT = datetime(2026, 1, 10, 4, 0, tzinfo=UTC)
FIRST = Alert(
    identifier="BTH-2026-0001-1",
    sender="duty@liandong.example",
    sent_at=SENT,
    mode="actual",
    kind=Kind.ALERT,
    level=Level.ORANGE,
    event="重污染天气橙色预警",
    headline="北京市发布重污染天气橙色预警",
    description="预计1月11日至13日出现重度污染。",
    areas=(Area(name="北京市", codes=("110000",)), Area(name="廊坊市", codes=("131000",))),
    sender_name="京津冀区域应急联动值班台",
    effective_at=SENT + timedelta(hours=12),
    expires_at=SENT + timedelta(hours=84),
    instruction="请按应急减排清单执行。",
)
NS = {"c": cap12.NAMESPACE}


def said(raw: bytes, path: str) -> list[str]:
    return [element.text for element in etree.fromstring(raw).iterfind(f".//c:{path}", NS)]


def changed(old: bytes, new: bytes) -> bytes:
    assert old in build(FIRST)
    return build(FIRST).replace(old, new)


def test_our_own_alert_passes_without_a_warning():
    verdict = check(build(FIRST))

    assert verdict.valid
    assert not verdict.warnings


def test_times_are_beijing_times_with_their_offset():
    assert said(build(FIRST), "sent") == ["2026-01-10T12:00:00+08:00"]
    assert said(build(FIRST), "onset") == ["2026-01-11T00:00:00+08:00"]


@pytest.mark.parametrize(
    ("level", "severity"),
    [(Level.RED, "Extreme"), (Level.ORANGE, "Severe"), (Level.YELLOW, "Moderate"), (Level.BLUE, "Minor")],
)
def test_the_graver_the_level_the_graver_the_severity(level, severity):
    assert said(build(replace(FIRST, level=level)), "severity") == [severity]


def test_places_carry_their_administrative_codes():
    raw = build(FIRST)

    assert said(raw, "area/c:geocode/c:value") == ["110000", "131000"]
    assert set(said(raw, "area/c:geocode/c:valueName")) == {"GB/T 2260"}


def test_an_exercise_says_so_and_is_not_public():
    raw = build(replace(FIRST, mode="exercise", note="2026年春季联合演练"))

    assert said(raw, "status") == ["Exercise"]
    assert said(raw, "scope") == ["Restricted"]
    assert not check(raw).warnings


@pytest.mark.parametrize("kind", [Kind.UPDATE, Kind.CANCEL])
def test_a_change_names_the_alert_it_changes_as_it_was_sent(kind):
    earlier = Reference(sender=FIRST.sender, identifier=FIRST.identifier, sent_at=SENT)
    raw = build(replace(FIRST, identifier="BTH-2026-0001-2", kind=kind, references=(earlier,)))

    assert said(raw, "references") == ["duty@liandong.example,BTH-2026-0001-1,2026-01-10T12:00:00+08:00"]
    assert not check(raw).warnings


@pytest.mark.parametrize(
    "unsayable",
    [
        {"identifier": "有 空格"},
        {"sender": "a,b"},
        {"mode": "drill"},
        {"kind": Kind.CANCEL},
        {"areas": ()},
        {"sent_at": datetime(2026, 1, 10)},
    ],
)
def test_what_can_not_be_said_in_cap_is_refused(unsayable):
    with pytest.raises(Refusal):
        build(replace(FIRST, **unsayable))


def test_words_that_look_like_markup_stay_words():
    assert said(build(replace(FIRST, headline="<b>&\x00 ]]>")), "headline") == ["<b>& ]]>"]


def test_the_feed_lists_the_newest_first_and_leads_to_each_file():
    entries = [
        FeedEntry(
            identifier=f"n{n}", headline=f"第{n}则", summary="", sent_at=SENT + timedelta(hours=n), url=f"https://x/{n}"
        )
        for n in range(3)
    ]
    raw = feed(Feed(url="https://x/feed", title="预警", author="值班台", updated_at=SENT, entries=entries))
    links = etree.fromstring(raw).iterfind(".//{*}entry/{*}link")

    assert [link.get("href") for link in links] == ["https://x/2", "https://x/1", "https://x/0"]
    assert not check(raw).valid


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"cap:1.2", b"cap:1.1", "1.1"),
        (b"<status>Actual</status>", b"<status>actual</status>", "status"),
        (b"<status>Actual</status>", b"<status> Actual </status>", "status"),
        (b"<status>Actual</status>", b"", "msgType"),
        (b"+08:00</sent>", b"Z</sent>", "sent"),
        (b"12:00:00+08:00</sent>", b"12:00:00.5+08:00</sent>", "sent"),
        (b"2026-01-10T12", b"2026-02-30T12", "sent"),
        (b"<severity>Severe</severity>", b"<severity>High</severity>", "severity"),
        (b"<urgency>", b"<urgency x='1'>", "x"),
        (b"<sender>", b"words<sender>", "alert"),
        (b"<scope>Public</scope>", b"<scope>Public</scope><scope>Public</scope>", "scope"),
        (b"<language>", b"<extra/><language>", "extra"),
        (b"<language>zh-CN", b"<language>zh_CN", "language"),
    ],
)
def test_what_the_schema_forbids_is_named_with_its_line(old, new, words):
    verdict = check(changed(old, new))

    assert not verdict.valid
    assert words in str(verdict.errors[0])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"BTH-2026-0001-1", b"BTH 2026", "identifier"),
        (b"<msgType>Alert", b"<msgType>Update", "references"),
        (b"<scope>Public", b"<scope>Private", "addresses"),
        (b"<expires>2026-01-14", b"<expires>2026-01-09", "expires"),
        (b"<geocode>", b"<polygon>39.9,116.4 40.0,116.5</polygon><geocode>", "polygon"),
        (b"<geocode>", b"<polygon>116,39 116,40 117,40 116,39</polygon><geocode>", "polygon"),
        (b"<geocode>", b"<circle>39.9,116.4</circle><geocode>", "circle"),
        (b"<instruction>", b"<instruction/><!--", None),
    ],
)
def test_what_only_the_prose_forbids_is_a_warning(old, new, words):
    raw = changed(old, new).replace(b"</instruction>", b"-->" if words is None else b"</instruction>")
    verdict = check(raw)

    assert verdict.valid
    assert (words or "instruction") in str(verdict.warnings[0])


ENTITY = b'<!DOCTYPE alert [<!ENTITY a "lol"><!ENTITY x SYSTEM "file:///etc/hostname">]><alert'
BOMB = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 1000,
        b"<a>" * 100_000,
        b"plain words",
        changed(b"<alert", ENTITY),
        changed(b"<alert", ENTITY).replace(b"<headline>", b"<headline>&x;"),
        changed(b"<alert", ENTITY.replace(b"]>", BOMB.replace(b"&a0;", b"&a;") + b"]>")).replace(b"<note>", b"&a11;"),
        build(FIRST) + b"junk",
        build(FIRST).decode().encode("gb18030"),
        gzip.compress(b"\0" * (2 * LARGEST)),
        gzip.compress(build(FIRST))[:50],
        b'<value xmlns="urn:oasis:names:tc:emergency:cap:1.2">x</value>',
    ],
    ids=["empty", "nul", "deep", "text", "dtd", "xxe", "bomb", "junk", "gbk", "gzip bomb", "cut gzip", "other root"],
)
def test_any_bytes_at_all_get_a_verdict(raw):
    assert not check(raw).valid


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_an_alert_in_another_declared_encoding_is_the_same_alert(encoding):
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    text = build(FIRST).decode().replace("encoding='UTF-8'", f"encoding='{declared}'")

    assert check(text.encode(encoding)).valid
    assert check(gzip.compress(text.encode(encoding))).valid


def test_the_words_doctype_in_a_text_are_no_doctype():
    assert check(changed(b"<headline>", b"<headline><![CDATA[<!DOCTYPE x>]]>")).valid


def test_the_offset_may_be_any_and_a_signature_may_follow():
    signed = b'<s:Signature xmlns:s="http://www.w3.org/2000/09/xmldsig#"><s:SignedInfo/></s:Signature></alert>'
    verdict = check(changed(b"</alert>", signed).replace(b"+08:00", b"-00:00"))

    assert verdict.valid
    assert "签名" in str(verdict.warnings[0])


def public_files(folder):
    rows = csv.DictReader((folder / "labels.csv").open(encoding="utf-8"))
    for row in rows:
        raw = (folder / "files" / row["file"]).read_bytes()
        yield row, raw


def test_public_alerts_get_the_verdict_of_the_standards_own_schema(shared_data):
    for row, raw in public_files(shared_data / "05_cap"):
        assert check(raw).valid is (row["cap"] == "1.2" and row["xsd"] == "pass"), row["file"]


def test_alerts_the_test_suites_call_wrong_are_at_least_warned_of(shared_data):
    for row, raw in public_files(shared_data / "05_cap"):
        verdict = check(raw)
        if row["fixture_says"].startswith("invalid"):
            assert verdict.errors or verdict.warnings, row["file"]


def mutated(raw: bytes):
    """The alert with each element in turn left out, doubled, emptied or renamed."""
    count = sum(1 for _ in etree.fromstring(raw).iter("{*}*")) - 1
    for n in range(1, count):
        for spoil in (lambda e: e.getparent().remove(e), double, empty, rename):
            root = etree.fromstring(raw)
            spoil(list(root.iter("{*}*"))[n])
            yield etree.tostring(root)


def double(element):
    element.addnext(etree.fromstring(etree.tostring(element)))


def empty(element):
    element.text, element[:] = None, []


def rename(element):
    element.tag = f"{{{cap12.NAMESPACE}}}other"


def test_our_schema_agrees_with_the_standards_on_a_thousand_spoilt_alerts(shared_data):
    standard = etree.XMLSchema(etree.parse(shared_data / "05_cap/schema/google_cap12.xsd"))
    for name in ("w_sc_no_signature.xml", "k_taiwan.cap", "o_v1dot2_appendix_adot1.xml", "g_canada_errors.cap"):
        for spoilt in mutated((shared_data / "05_cap/files" / name).read_bytes()):
            assert check(spoilt).valid is standard.validate(etree.fromstring(spoilt)), spoilt


ODD = [
    "",
    " ",
    "\n Actual \n",
    "Env",
    "2024-05-19T24:00:00+04:00",
    "2024-05-19T17:18:60+04:00",
    "0000-05-19T17:18:00+04:00",
]
ODD += [
    " 2024-05-19T17:18:00+04:00 ",
    "2024-05-19T17:18:00,04:00",
    "2024-05-19T17:18:00+14:30",
    "+1",
    "1.0",
    " 12 ",
    "1e3",
]
ODD += [".5", "en_US", "zh-Hans-CN", "http://[bad", "http://a b", "%zz", "٣", "２０２４-05-19T17:18:00+04:00"]
ROUNDS = 8000 if os.environ.get("LIANDONG_LONG") else 400


def spoilt_at_random(raw: bytes, dice: random.Random) -> bytes:
    root = etree.fromstring(raw)
    element, name = (
        dice.choice(list(root.iter("{*}*"))),
        dice.choice([*cap12.VOCABULARY, "area", "sent", "size", "web"]),
    )
    stray = etree.Element(f"{{{cap12.NAMESPACE}}}{name}")
    stray.text = dice.choice(ODD)
    if len(element) == 0 and dice.random() < 0.6:
        element.text = dice.choice(ODD)
    elif dice.random() < 0.5:
        element.append(stray)
    else:
        element.set(f"{{http://www.w3.org/2001/XMLSchema-instance}}{dice.choice(['nil', 'schemaLocation'])}", "true")
    return etree.tostring(root)


def test_our_schema_agrees_with_the_standards_on_odd_values_and_strays(shared_data):
    standard = etree.XMLSchema(etree.parse(shared_data / "05_cap/schema/google_cap12.xsd"))
    whole = [raw for row, raw in public_files(shared_data / "05_cap") if row["xsd"] == "pass"]
    whole = [raw for raw in whole if check(raw).valid and len(raw) < 10_000 and not raw.startswith(b"\x1f\x8b")]
    dice = random.Random(20260110)
    for _ in range(ROUNDS):
        spoilt = spoilt_at_random(dice.choice(whole), dice)
        assert check(spoilt).valid is standard.validate(etree.fromstring(spoilt)), spoilt


def test_a_foreign_hour_is_turned_into_beijing_time():
    abroad = replace(FIRST, sent_at=datetime(2026, 1, 9, 20, 0, tzinfo=timezone(timedelta(hours=-8))))

    assert said(build(abroad), "sent") == ["2026-01-10T12:00:00+08:00"]
