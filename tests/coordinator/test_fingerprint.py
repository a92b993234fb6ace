"""Whose database is it? A copy and a restored backup send nothing until a person has adopted them."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from coordinator import db, fingerprint, sweeps, verify
from coordinator.cli import main
from coordinator.fingerprint import ADDRESS, GENERATION, INSTANCE, Mark, why
from coordinator.models import Audited
from coordinator.web import create_app
from tests.coordinator.conftest import issued
from tests.coordinator.test_dispatch import drained_doubts, states
from tests.coordinator.test_path import drained, ledger

KEPT = {INSTANCE: "a", GENERATION: "7", ADDRESS: "https://one.example", f"{fingerprint.ACCOUNT}twilio": "11"}
MINE = {ADDRESS: "https://one.example", f"{fingerprint.ACCOUNT}twilio": "11"}


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "ASKED_EVERY_S", 0.0)
    monkeypatch.setattr(fingerprint, "COUNTED_EVERY_S", 0.0)


@pytest.mark.parametrize(
    ("mine", "outside", "words"),
    [
        (MINE, Mark("a", 7), ""),
        (MINE, Mark("a", 3), ""),
        (MINE, None, ""),
        (MINE | {f"{fingerprint.ACCOUNT}sms_b": "22"}, Mark("a", 7), ""),
        ({ADDRESS: MINE[ADDRESS]}, Mark("a", 7), ""),
        (MINE | {ADDRESS: "https://two.example"}, None, "two.example"),
        (MINE | {f"{fingerprint.ACCOUNT}twilio": "99"}, None, "twilio"),
        (MINE, Mark("a", 8), "旧备份"),
        (MINE, Mark("b", 7), "不是同一套"),
    ],
)
def test_a_database_is_ours_or_says_why_not(mine: dict[str, str], outside: Mark | None, words: str) -> None:
    reason = why(KEPT, mine, outside, notices=True)

    assert reason == "" if not words else words in reason


def test_a_backup_from_before_all_this_is_noticed_and_an_empty_store_is_not() -> None:
    assert "旧备份" in why({}, MINE, Mark("a", 3), notices=True)
    assert why({}, MINE, Mark("a", 3), notices=False) == ""
    assert why({}, MINE, None, notices=True) == ""


def test_a_copy_under_another_address_sends_nothing_until_it_is_adopted(
    any_region: SimpleNamespace, carriers: Any, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://desk.example")
    fingerprint.keep()
    issued()
    monkeypatch.setenv("PUBLIC_BASE_URL", "http://127.0.0.1:9999")
    fingerprint.keep()

    drained(2)

    assert ledger(store) == [] and set(states()) == {"pending"}
    assert not next(one for one in verify.run()["checks"] if one["name"] == "stores_agree")["ok"]
    ready = create_app().test_client().get("/readyz").json
    assert any("desk.example" in why for why in ready["reasons"])

    main_ends("adopt", "--yes")
    fingerprint.keep()
    assert fingerprint.hold_reason() == ""
    assert next(one for one in verify.run()["checks"] if one["name"] == "stores_agree")["ok"]
    with db.reading() as session:
        assert session.scalars(select(Audited.what).where(Audited.subject == "installation")).all() == ["adopt"]


def main_ends(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code in (0, None)


def test_a_restored_backup_asks_the_carrier_before_it_sends_again(
    region: SimpleNamespace, carriers: Any, store: Path
) -> None:
    fingerprint.keep()
    issued()
    db.engine().dispose()
    shutil.copy(store / "liandong.db", store / "backup.db")
    drained()
    sent = len([row for row in ledger(store) if row["channel"] == "sms"])
    fingerprint.keep()
    db.engine().dispose()
    for leftover in store.glob("liandong.db-*"):
        leftover.unlink()
    shutil.copy(store / "backup.db", store / "liandong.db")

    assert "旧备份" in fingerprint.hold_reason()
    drained(1)
    main_ends("adopt", "--yes")
    sweeps.expire_leases()
    drained_doubts()
    drained()

    texts = [row["to"] for row in ledger(store) if row["channel"] == "sms"]
    assert len(texts) == sent == len(set(texts))
    assert states(channel="sms", kind="order") == {"accepted": region.plants}


def test_another_port_of_this_machine_is_the_same_installation(
    region: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for port in (8000, 8001):
        monkeypatch.setenv("PUBLIC_BASE_URL", f"http://127.0.0.1:{port}")
        fingerprint.keep()
        assert fingerprint.hold_reason() == ""


def test_a_new_database_is_not_held_to_the_past_of_an_earlier_one(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint.keep()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{store / 'other.db'}")
    assert "旧备份" in why({}, {}, fingerprint._outside(), notices=True)

    main_ends("init")

    assert fingerprint._outside() is None
    fingerprint.keep()
    assert fingerprint.hold_reason() == ""


def test_without_yes_nothing_changes(
    region: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://desk.example")
    fingerprint.keep()
    monkeypatch.setenv("PUBLIC_BASE_URL", "http://127.0.0.1:9999")

    main_ends("adopt", "--json")

    said = json.loads(capsys.readouterr().out)
    assert said["adopted"] is False and "desk.example" in said["reason"]
    assert fingerprint.hold_reason() != ""


def test_the_generation_outside_is_never_ahead_and_holds_no_secret(
    region: SimpleNamespace, carriers: Any, store: Path
) -> None:
    for _ in range(3):
        fingerprint.keep()

    outside = json.loads((store / fingerprint.FILE).read_text())
    with db.reading() as session:
        kept = fingerprint._kept(session)
    assert outside == {"instance": kept[INSTANCE], "generation": int(kept[GENERATION])}
    assert int(kept[GENERATION]) == 4
    assert not any("sample" in value for value in kept.values())
