"""The words of the desk: every Chinese sentence has its English, and figures add up."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from coordinator import clock, db, rulebook, spoken
from coordinator.cli.imports import REGISTERS
from coordinator.models import Reading
from coordinator.web import door, incident_words, problems, vocabulary, wording
from coordinator.web.looks import air, evidence, stamp, telling
from coordinator.web.pages import alerts
from rules.levels import Level

PAGES = wording.CATALOGUE.parent
WEB = Path(wording.__file__).parent
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
IN_PAGES = re.compile(r"""\b_\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
IN_CODE = re.compile(r'\bsay\(\s*"((?:[^"\\]|\\.)*)"')
HOLES = re.compile(r"%\(\w+\)s")


def desk_pages() -> list[Path]:
    return [path for path in sorted(PAGES.glob("*.html")) if not path.name.startswith(("answer", "check"))]


def said() -> set[str]:
    """Every sentence that the desk may have to say in English."""
    found = {first or second for path in desk_pages() for first, second in IN_PAGES.findall(path.read_text())}
    code = [
        *WEB.glob("looks/*.py"),
        *WEB.glob("pages/*.py"),
        *(WEB / f"{name}.py" for name in ("door", "session", "wording")),
    ]
    found |= {words for path in code for words in IN_CODE.findall(path.read_text())}
    tables = [table for name, table in vars(vocabulary).items() if name.isupper()]
    tables += [
        spoken.STATES,
        incident_words.COUNTS,
        incident_words.SENSITIVE,
        incident_words.REGIMES,
        evidence.WORDS,
        alerts.DONE,
        door.HTTP,
        problems.SAYS,
    ]
    found |= {words for table in tables for words in table.values()}
    found |= {words for title, choice in incident_words.CHOICES.values() for words in (title, *choice.values())}
    return {words for words in found | {level.chinese for level in Level} if CHINESE.search(words)}


def test_every_sentence_has_its_english() -> None:
    captions = {caption for caption, _ in REGISTERS.values()}

    assert (said() | captions) - wording.english().keys() == set()


def test_english_fills_in_the_same_values_and_holds_no_chinese() -> None:
    with wording.CATALOGUE.open("rb") as file:
        entries = [(str(entry.id), str(entry.string)) for entry in read_po(file, locale="en") if entry.id]
    for chinese, english in entries:
        assert set(HOLES.findall(english)) == set(HOLES.findall(chinese)), chinese
        assert not CHINESE.search(
            english.replace("【演练】", "").replace("演练", "").translate(str.maketrans("", "", "ⅠⅡⅢⅣ"))
        ), english


def test_every_city_and_province_on_the_map_has_an_english_name() -> None:
    named = [name for one in rulebook.gazetteer() for name in (one.name_en, one.province_en)]

    assert [name for name in named if not name or CHINESE.search(name)] == []
    assert len({one.name_en for one in rulebook.gazetteer()}) == len(rulebook.gazetteer())


def test_a_history_says_signed_where_a_button_says_sign() -> None:
    assert wording.english()["act\x04签发"] == "signed" and wording.english()["role\x04审计"] == "auditor"
    contexts = {key.partition("\x04")[2] for key in wording.english() if key.startswith("act\x04")}
    assert contexts >= set(vocabulary.ACTS.values()) - {"更新"}


def test_no_page_holds_script_or_style_of_its_own() -> None:
    for path in desk_pages():
        page = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|<script(?![^>]*src=)|\|\s*safe", page), path.name


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "5 秒"), (75, "1 分钟"), (3599, "60 分钟"), (7200, "2 小时"), (86400 * 3, "3 天")]
)
def test_a_length_of_time_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    assert wording.lasting(seconds) == words


@pytest.mark.parametrize(
    ("aqi", "dress"),
    [(None, "a0"), (0, "a1"), (50, "a1"), (51, "a2"), (150, "a3"), (200, "a4"), (201, "a5"), (301, "a6")],
)
def test_an_aqi_wears_its_category(aqi: int | None, dress: str) -> None:
    assert air.dress(aqi) == dress


def test_the_bar_adds_up_to_everybody() -> None:
    counts = {"receivers": 100, "told": 60, "acknowledged": 40, "executed": 10, "cannot": 3, "unreachable": 15}

    parts = telling.bar(counts)

    assert sum(part.width for part in parts) == telling.WIDTH
    assert [part.words for part in parts] == ["已执行 10", "已签收 30", "已送达未签收 20", "在途 25", "联系不上 15"]


def test_the_bar_of_nobody_is_empty() -> None:
    assert (
        telling.bar({"receivers": 0, "told": 0, "acknowledged": 0, "executed": 0, "cannot": 0, "unreachable": 0}) == []
    )


def test_evidence_reads_as_pairs_of_words() -> None:
    spells = [{"above": 200, "hours": 51, "from": "2026-01-01T20:00:00+08:00", "to": "2026-01-03T23:00:00+08:00"}]
    kept = {"evidence": {"spells": spells, "valid_hours": 94}, "verdict": "level", "level": "orange", "novel": "x"}

    pairs = dict(evidence.facts(kept, {"next_level": "red", "needs": "AQI24>300 持续 24 小时"}))

    assert "持续 51 小时" in pairs["AQI24 高于 200"]
    assert pairs["有效小时"] == "94"
    assert pairs["距上一级"].startswith("红色")
    assert pairs["novel"] == "x"


def test_all_who_watch_share_one_question(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(stamp, "now", lambda session: asked.append(session) or "1")
    monkeypatch.setattr(stamp, "_last", (-stamp.EVERY_S, ""))

    assert {stamp.shared() for _ in range(50)} == {"1"}

    assert len(asked) == 1


def test_a_city_reported_by_stations_alone_shows_their_mean(store: Path) -> None:
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    with db.transaction() as session:
        for station, pm25 in (("A1", 100.0), ("A2", 200.0)):
            session.add(
                Reading(payload_id=1, source="s", city="110000", station=station, at=now, pm25=pm25, received_at=now)
            )  # fmt: skip

    with db.reading() as session:
        beijing = air.look(session, ["110000"], clock.now())["110000"]

    assert beijing.aqi == 200
    assert beijing.at == now
