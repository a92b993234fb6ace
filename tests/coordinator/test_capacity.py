"""Where the embedded database ends: who says so, and which command is named."""

import json
from types import SimpleNamespace

import pytest

from contacts.models import Contact
from coordinator import capacity, checkup, db, status
from coordinator.cli import main
from coordinator.models import Notice
from coordinator.web import create_app
from coordinator.web.looks import foreseen
from rules.levels import Level
from tests import desk_region
from tests.coordinator.conftest import issued
from tests.coordinator.test_desk import Desk


@pytest.fixture
def outgrown(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the limit were so low that a test can pass it."""
    monkeypatch.setattr(capacity, "EMBEDDED_NOTICES", 23)


def advice() -> list[str]:
    return [line.warning for line in checkup.run() if line.name == "capacity"]


def test_what_is_planned_is_what_an_order_to_all_would_write(any_region: SimpleNamespace) -> None:
    with db.transaction() as session:
        contacts = session.query(Contact).filter_by(order=1).order_by(Contact.id).all()
        contacts[0].email = None
        contacts[1].phone = contacts[1].email = None  # the second contact is told instead
        session.add(Contact(enterprise_code="91110000MA99999999", name="某人", phone="+8613800000000", order=1))
        foreseen = capacity.planned(session)

    issued(Level.YELLOW)

    with db.reading() as session:
        assert session.query(Notice).filter_by(kind="order").count() == foreseen == 2 * any_region.plants - 1


def test_check_and_status_name_the_command_when_sqlite_is_outgrown(
    region: SimpleNamespace, outgrown: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(advice()) == 1
    assert "24 份" in advice()[0] and "liandong migrate-to-postgres" in advice()[0]
    main_ends("status", "--json")
    assert json.loads(capsys.readouterr().out)["advice"] == advice()
    main_ends("status")
    assert advice()[0] in capsys.readouterr().out


def main_ends(*words: str) -> None:
    try:
        main(list(words))
    except SystemExit as ended:
        assert ended.code in (0, None)


def test_a_site_that_fits_hears_nothing(region: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "EMBEDDED_NOTICES", 24)

    assert advice() == status.now()["advice"] == []


def test_postgresql_has_no_such_limit(any_region: SimpleNamespace, outgrown: None) -> None:
    assert bool(status.now()["advice"]) == db.is_sqlite()


def test_who_signs_reads_it_in_both_languages(store: object, outgrown: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreseen, "_kept", {})
    numbers = desk_region.fill(plants_wanted=200, hours=1)
    desk = Desk(create_app().test_client()).sign_in("S01")

    page = desk.get(f"/alerts/{numbers['waiting']}").get_data(as_text=True)
    assert "超过 SQLite 建议的 23 份" in page and capacity.COMMAND in page
    english = desk.get(f"/alerts/{numbers['waiting']}?lang=en").get_data(as_text=True)
    assert "recommended on SQLite" in english
