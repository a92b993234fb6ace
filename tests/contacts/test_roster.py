from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from contacts import roster
from contacts.models import Officer, Shift

EIGHT = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)  # 08:00 in Beijing
DAY = timedelta(days=1)


@pytest.fixture
def staffed(session: Session) -> Session:
    """Two duty officers of 石家庄, one of 河北, one of 唐山, one who left."""
    for key, cities in (("a", ["130100"]), ("b", ["130100", "110000"]), ("p", ["130000"]), ("t", ["130200"])):
        session.add(Officer(id=key, name=key, role="duty", cities=cities))
    session.add(Officer(id="x", name="x", role="duty", cities=["130100"], active=False))
    session.flush()
    return session


def on_duty(session: Session, city: str, at: datetime) -> tuple[list[str], bool]:
    found = roster.on_duty(session, city, at, ["duty"])
    return [officer.id for officer in found.officers], found.by_roster


def test_a_shift_says_who_answers(staffed: Session) -> None:
    staffed.add(Shift(officer_id="b", from_at=EIGHT, to_at=EIGHT + DAY))

    assert on_duty(staffed, "130100", EIGHT) == (["b"], True)
    assert on_duty(staffed, "110000", EIGHT + DAY - timedelta(seconds=1)) == (["b"], True)


def test_a_shift_ends_before_its_last_moment(staffed: Session) -> None:
    staffed.add(Shift(officer_id="b", from_at=EIGHT, to_at=EIGHT + DAY))
    staffed.add(Shift(officer_id="a", from_at=EIGHT + DAY, to_at=EIGHT + 2 * DAY))

    assert on_duty(staffed, "130100", EIGHT + DAY) == (["a"], True)


def test_without_a_shift_everybody_of_the_place_answers(staffed: Session) -> None:
    assert on_duty(staffed, "130100", EIGHT) == (["a", "b", "p"], False)


def test_an_officer_of_the_province_answers_for_its_cities(staffed: Session) -> None:
    staffed.add(Shift(officer_id="p", from_at=EIGHT, to_at=EIGHT + DAY))

    assert on_duty(staffed, "130200", EIGHT) == (["p"], True)
    assert on_duty(staffed, "110000", EIGHT) == (["b"], False)


def test_who_left_is_never_called(staffed: Session) -> None:
    staffed.add(Shift(officer_id="x", from_at=EIGHT, to_at=EIGHT + DAY))

    assert on_duty(staffed, "130100", EIGHT) == (["a", "b", "p"], False)


def test_a_withdrawn_shift_still_says_who_was_on_duty_before(staffed: Session) -> None:
    noon = EIGHT + timedelta(hours=4)
    staffed.add(Shift(officer_id="a", from_at=EIGHT, to_at=EIGHT + DAY, withdrawn_at=noon))

    assert on_duty(staffed, "130100", EIGHT) == (["a"], True)
    assert on_duty(staffed, "130100", noon) == (["a", "b", "p"], False)


def test_gaps_are_what_no_shift_covers(staffed: Session) -> None:
    staffed.add(Shift(officer_id="a", from_at=EIGHT, to_at=EIGHT + DAY))
    staffed.add(Shift(officer_id="b", from_at=EIGHT + DAY / 2, to_at=EIGHT + 2 * DAY))

    found = roster.gaps(staffed, "130100", ["duty"], start=EIGHT - DAY, end=EIGHT + 3 * DAY)

    assert found == [(EIGHT - DAY, EIGHT), (EIGHT + 2 * DAY, EIGHT + 3 * DAY)]


def test_a_full_roster_has_no_gap(staffed: Session) -> None:
    staffed.add(Shift(officer_id="a", from_at=EIGHT - DAY, to_at=EIGHT + 2 * DAY))

    assert roster.gaps(staffed, "130100", ["duty"], start=EIGHT, end=EIGHT + DAY) == []
