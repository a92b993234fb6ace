"""Would a carrier take our SMS, and do they still read as they were filed?"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from coordinator import filings, forms, render
from coordinator.channels import terms
from coordinator.cli.templates import templates
from coordinator.errors import Misconfigured
from coordinator.filings import Filed, Printed
from rules.levels import Level


def test_the_shipped_texts_stand_as_they_are_written_down(store: Path) -> None:
    _, findings = filings.lint()

    assert [one for one in findings if not one.warning] == []


def test_every_sms_template_is_written_down() -> None:
    kept = {name.split(".")[0] for name in filings.wordings()}

    assert kept - {"dress"} == {path.name.removesuffix("_sms.txt") for path in forms.FOLDER.glob("*_sms.txt")}


def test_every_template_level_and_change_is_printed_short_and_long() -> None:
    seen = {(one.template, one.change, one.level, one.mode, one.sample) for one in filings.printed()}
    levels = {level.word for level in Level if level is not Level.NONE}

    assert {one[0] for one in seen} == {*render.KINDS, *(f"page-{purpose}" for purpose in render.PURPOSES)}
    assert len(seen) == (len(render.KINDS) + len(render.PURPOSES)) * 6 * len(levels) * 3 * 2


def test_a_rehearsed_text_is_the_real_one_in_its_dress(monkeypatch: pytest.MonkeyPatch) -> None:
    real, dress = dict(filings._notice_wordings("order", ["start", "upgrade"])), filings.wordings()["dress.exercise"]
    blank = filings._blank_order
    monkeypatch.setattr(filings, "_blank_order", lambda change: blank(change, "exercise"))

    rehearsed = dict(filings._notice_wordings("order", ["start", "upgrade"]))

    assert rehearsed == {name: dress.replace("{正文}", words) for name, words in real.items()}


SAMPLE = Printed("order", "start", "red", "actual", "short", 4, "请执行：停产。")


@pytest.mark.parametrize(
    ("sample", "trouble"),
    [
        (SAMPLE, None),
        (replace(SAMPLE, segments=5), "long"),
        (replace(SAMPLE, text="见 https://liandong.example/a"), "link"),
        (replace(SAMPLE, text="见 yj.example.gov.cn"), "link"),
        (replace(SAMPLE, text="⑪停产"), "characters"),
        (replace(SAMPLE, text="停产😀"), "characters"),
        (replace(SAMPLE, text="★停产"), "characters"),
        (replace(SAMPLE, text="⑩停产，1号窑（50%）"), None),
    ],
)
def test_what_a_carrier_objects_to_is_named(sample: Printed, trouble: str | None, store: Path) -> None:
    found = list(filings._objections(sample, terms.load()))

    assert [one.trouble for one in found] == ([trouble] if trouble else [])


def test_a_changed_word_is_drift_and_says_which() -> None:
    then = {
        "a": Filed("请执行：{措施}。", filings.clock.now().date(), "T1"),
        "b": Filed("旧", filings.clock.now().date(), "T2"),
    }

    found = filings.drift({"a": "须执行：{措施}。", "c": "新"}, then)

    assert [(one.template, one.trouble, one.warning) for one in found] == [
        ("a", "drift", False), ("c", "unfiled", False), ("b", "gone", True),
    ]  # fmt: skip
    assert "“请”→“须”" in found[0].detail


def test_an_installation_keeps_its_own_and_what_the_carrier_called_them(store: Path) -> None:
    run = CliRunner()
    assert run.invoke(templates, ["file"]).exit_code == 0
    own = store / "filed.toml"
    text = own.read_text(encoding="utf-8")
    own.write_text(text.replace('carrier_id = ""', 'carrier_id = "SMS_1"', 1), encoding="utf-8")

    run.invoke(templates, ["file"])

    assert sum(one.carrier_id == "SMS_1" for one in filings.filed().values()) == 1


def test_a_registry_that_was_tampered_with_is_refused(store: Path) -> None:
    text = filings.SHIPPED.read_text(encoding="utf-8")
    (store / "filed.toml").write_text(text.replace("请执行", "须执行"), encoding="utf-8")

    with pytest.raises(Misconfigured, match="sha256"):
        filings.filed()


def test_the_command_fails_on_drift_and_tells_programs_everything(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = CliRunner().invoke(templates, ["lint", "--json"])
    words = filings.wordings()
    monkeypatch.setattr(filings, "wordings", lambda: words | {"trouble": "另一句话"})
    bad = CliRunner().invoke(templates, ["lint"])

    assert (good.exit_code, json.loads(good.stdout)["ok"]) == (0, True)
    assert {"template", "change", "level", "mode", "sample", "segments"} == set(json.loads(good.stdout)["templates"][0])
    assert bad.exit_code == 1
    assert "✗ trouble: 与" in bad.stdout
