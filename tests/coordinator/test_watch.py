"""The round proposes what the stored air calls for, once; what is missing neither raises nor lifts."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator import clock, db, intake, response, watch
from coordinator.models import Alert, Episode, Graded, Mode, Notice
from coordinator.response import Proposal
from rules.levels import Level
from tests.coordinator.conftest import issued, officer, sign

BEIJING_CITY, SHIJIAZHUANG = "110000", "130100"
CLEAN, FOUL, DEADLY = 30.0, 190.0, 320.0


class Air:
    """Feeds hours into the store as if they had just come in."""

    def __init__(self, now: datetime) -> None:
        self.hour = now.replace(minute=0, second=0, microsecond=0)

    def observed(
        self, value: float | None, *, hours: range = range(1, 73), city: str = BEIJING_CITY, **more: Any
    ) -> None:
        rows = [self._row(city, -n, value) for n in hours]
        intake.accept_readings({"source": "站网", "rows": rows, "replay": True, **more})

    def foretold(
        self, value: float | None, *, hours: range = range(240), city: str = BEIJING_CITY, source: str = "数值预报"
    ) -> None:
        intake.accept_forecasts({"source": source, "rows": [self._row(city, n, value) for n in hours]})

    def days(self, *aqi: str, city: str = BEIJING_CITY, primary: str = "") -> None:
        today = self.hour.astimezone(clock.BEIJING).date()
        rows = [
            {"time": (today + timedelta(days=n)).isoformat(), "city": city, "AQI": said, "primary": primary}
            for n, said in enumerate(aqi)
        ]
        intake.accept_forecasts({"source": "会商", "rows": rows})

    def _row(self, city: str, back: int, value: float | None) -> dict[str, Any]:
        at = self.hour + timedelta(hours=back)
        return {
            "time": at.isoformat(),
            "city": city,
            "PM2.5": value,
            "PM10": None if value is None else value * 1.3,
            "NO2": 40,
        }


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that tests set."""
    kept = SimpleNamespace(now=clock.now().replace(minute=12, second=0, microsecond=0))
    monkeypatch.setattr(clock, "now", lambda: kept.now)
    return kept


@pytest.fixture
def air(region: SimpleNamespace, moving: SimpleNamespace) -> Air:
    return Air(moving.now)


def alerts() -> list[Alert]:
    with db.reading() as session:
        return list(session.scalars(select(Alert).order_by(Alert.id)))


def last_graded(city: str = BEIJING_CITY) -> Graded:
    with db.reading() as session:
        found = session.scalar(select(Graded).where(Graded.city == city).order_by(Graded.id.desc()).limit(1))
        assert found is not None
        return found


def later(moving: SimpleNamespace, hours: float = 1) -> Air:
    moving.now += timedelta(hours=hours)
    return Air(moving.now)


def test_a_foul_forecast_is_put_before_the_duty_officer(air: Air) -> None:
    air.observed(CLEAN)
    air.foretold(CLEAN, hours=range(30))
    air.foretold(FOUL, hours=range(30, 120))
    made = watch.round()
    [alert] = alerts()
    assert made.proposed == [alert.id]
    assert (alert.state, alert.mode, alert.origin, alert.proposer) == ("proposed", "actual", "engine", "program")
    assert (alert.cities, alert.level, alert.open_key) == ([BEIJING_CITY], Level.ORANGE, "actual:air:110000")
    assert alert.effective_from >= air.hour + timedelta(hours=24)
    assert alert.effective_from.minute == 0
    assert alert.clause and alert.reason.startswith("北京") and "演练" not in alert.reason
    assert alert.evidence["verdict"] == "level" and alert.evidence["observed_by"] == ["站网"]
    assert last_graded().change == "start"
    with db.reading() as session:
        pages = session.scalars(select(Notice).where(Notice.alert_id == alert.id)).all()
    assert {page.receiver for page in pages} == {"officer:d1", "officer:d2"}


def test_nothing_is_issued_by_itself(air: Air, moving: SimpleNamespace) -> None:
    air.observed(FOUL)
    air.foretold(DEADLY)
    for _ in range(2):
        watch.round()
        moving.now += timedelta(hours=1)
    assert [alert.state for alert in alerts()] == ["proposed"]


def test_the_same_hour_twice_is_one_proposal(air: Air) -> None:
    air.observed(FOUL)
    air.foretold(FOUL)
    first, second = watch.round(), watch.round()
    air.observed(FOUL + 1, hours=range(1, 3))
    third = watch.round()
    assert (len(first.proposed), second.graded, second.proposed, third.proposed) == (1, 0, [], [])
    assert len(alerts()) == 1


def test_a_proposal_nobody_took_up_follows_the_air_upward_and_never_down(air: Air, moving: SimpleNamespace) -> None:
    air.observed(CLEAN)
    air.foretold(FOUL, hours=range(24, 96))
    watch.round()
    air = later(moving)
    air.foretold(DEADLY, hours=range(24, 120))
    made = watch.round()
    [alert] = alerts()
    assert made.proposed == [alert.id]
    assert (alert.level, alert.rev, alert.state) == (Level.RED, 2, "proposed")
    air = later(moving)
    air.foretold(FOUL, hours=range(24, 120))
    assert watch.round().proposed == []
    assert alerts()[0].level == Level.RED


def test_what_an_officer_took_up_is_left_alone(air: Air, moving: SimpleNamespace) -> None:
    air.observed(CLEAN)
    air.foretold(FOUL, hours=range(24, 96))
    watch.round()
    with db.transaction() as session:
        alert = response.load(session, alerts()[0].id)
        response.submit(session, alert, officer(session, "d1"))
    air = later(moving)
    air.foretold(DEADLY, hours=range(24, 120))
    watch.round()
    assert [(alert.level, alert.rev, alert.state) for alert in alerts()] == [(Level.ORANGE, 1, "pending_approval")]
    assert "待签发" in last_graded().reason


def test_what_people_turned_down_is_not_proposed_again_the_next_hour(air: Air, moving: SimpleNamespace) -> None:
    air.observed(CLEAN)
    air.foretold(FOUL, hours=range(24, 96))
    watch.round()
    with db.transaction() as session:
        response.retract(session, response.load(session, alerts()[0].id), by="d1", reason="会商认为不会发生")
    air = later(moving)
    air.foretold(FOUL + 1, hours=range(24, 96))
    assert watch.round().proposed == []
    air = later(moving)
    air.foretold(DEADLY, hours=range(24, 120))
    assert len(watch.round().proposed) == 1


def test_a_daily_table_counts_by_its_upper_bound(air: Air) -> None:
    air.observed(CLEAN)
    air.days("60-90", "180-220", "190-230", "200-240", "60-80", "50-70", "50-60")
    watch.round()
    [alert] = alerts()
    assert alert.level >= Level.YELLOW
    assert alert.evidence["foretold_by"] == [
        f"会商 日 {air.hour.astimezone(clock.BEIJING):%m-%d} " + alert.evidence["foretold_by"][0][-5:]
    ]


def test_a_daily_table_whose_upper_bounds_stay_below_starts_nothing(air: Air) -> None:
    air.observed(CLEAN)
    air.days(*["120-150"] * 7)
    assert watch.round().proposed == []
    assert last_graded().verdict == "level"


def test_hours_said_outright_go_before_the_daily_table(air: Air) -> None:
    air.observed(CLEAN)
    air.days(*["280-320"] * 7)
    air.foretold(CLEAN)
    assert watch.round().proposed == []


def test_ozone_days_start_nothing(air: Air) -> None:
    air.observed(CLEAN)
    air.days(*["210-260"] * 7, primary="O3")
    watch.round()
    assert alerts() == []


def test_dust_ends_in_a_health_notice(air: Air) -> None:
    rows = [
        {"time": (air.hour + timedelta(hours=n)).isoformat(), "city": BEIJING_CITY, "PM2.5": 260, "PM10": 2600}
        for n in range(96)
    ]
    air.observed(CLEAN)
    intake.accept_forecasts({"source": "数值预报", "rows": rows})
    watch.round()
    assert alerts() == []
    assert last_graded().change == watch.HEALTH_NOTICE


def test_without_any_forecast_it_is_unknown_and_says_so_once(air: Air, moving: SimpleNamespace) -> None:
    calls: list[list[str]] = []
    air.observed(CLEAN)
    for _ in range(3):
        watch.round(when_blind=lambda session, cities, reason: calls.append(cities))
        later(moving).observed(CLEAN, hours=range(1, 2))
    assert calls == [[BEIJING_CITY]]
    assert (last_graded().change, last_graded().verdict) == ("unknown", "unknown")
    assert "不按清洁处理" in last_graded().reason


def test_a_city_nobody_ever_heard_of_is_unknown_but_no_outage(air: Air) -> None:
    made = watch.round()
    assert made.blind == []
    assert last_graded().change == "unknown"


def stand(level: Level = Level.ORANGE) -> int:
    """An alert in force over Beijing alone, signed by people."""
    with db.transaction() as session:
        alert = response.propose(
            session,
            Proposal(mode=Mode.ACTUAL, kind="air", level=level, cities=(BEIJING_CITY,), effective_from=clock.now(),
                     effective_to=clock.now() + timedelta(hours=72), reason="预计重污染"),
            proposer="d1",
        )  # fmt: skip
        response.submit(session, alert, officer(session, "d1"))
        alert_id = alert.id
    sign(alert_id, *(("s1", "l1") if level >= Level.ORANGE else ("s1",)))
    return alert_id


def test_clean_air_observed_and_foretold_asks_for_a_lift_that_people_sign(air: Air) -> None:
    alert_id = stand()
    air.observed(CLEAN)
    air.foretold(CLEAN)
    made = watch.round()
    [alert] = alerts()
    assert made.asked == [alert_id]
    assert (alert.state, response.waiting_for(alert), alert.level) == ("changing", "lift", Level.ORANGE)
    assert alert.pending["by"] == "program"
    assert alert.pending["wanted"]["evidence"]["evidence"]["present_hours"] >= 20
    sign(alert_id, "s1", "s2")
    assert alerts()[0].state == "lifted"


def test_a_lift_that_was_rejected_is_not_asked_again_within_six_hours(air: Air, moving: SimpleNamespace) -> None:
    alert_id = stand()
    air.observed(CLEAN)
    air.foretold(CLEAN)
    watch.round()
    with db.transaction() as session:
        response.reject(session, response.load(session, alert_id), officer(session, "s1"), reason="再观察")
    later(moving).observed(CLEAN, hours=range(1, 3))
    assert watch.round().asked == []
    later(moving, 6).observed(CLEAN, hours=range(1, 9))
    assert watch.round().asked == [alert_id]


@pytest.mark.parametrize("gap", ["no forecast", "no observations", "dead for six hours", "forecast too short"])
def test_missing_data_never_lifts(air: Air, gap: str) -> None:
    stand()
    if gap != "no observations":
        air.observed(CLEAN, hours=range(7 if gap == "dead for six hours" else 1, 73))
    if gap != "no forecast":
        air.foretold(CLEAN, hours=range(20 if gap == "forecast too short" else 240))
    assert watch.round().asked == []
    [alert] = alerts()
    assert (alert.state, alert.rev) == ("active", 1)
    assert last_graded().change == "unknown"


def test_the_feed_dying_in_the_middle_of_an_alert_lifts_nothing_and_pages_once(
    air: Air, moving: SimpleNamespace
) -> None:
    stand()
    air.observed(FOUL)
    air.foretold(CLEAN, hours=range(240))
    calls: list[str] = []
    for _ in range(4):
        watch.round(when_blind=lambda session, cities, reason: calls.append(reason))
        moving.now += timedelta(hours=2)
    assert (alerts()[0].state, len(calls)) == ("active", 1)
    assert "不得据此解除" in calls[0]


def test_worse_air_asks_for_an_upgrade(air: Air) -> None:
    alert_id = stand(Level.YELLOW)
    air.observed(FOUL)
    air.foretold(DEADLY, hours=range(120))
    assert watch.round().asked == [alert_id]
    [alert] = alerts()
    assert (response.waiting_for(alert), response.asked_level(alert)) == ("upgrade", Level.RED)


def test_an_officers_alert_over_two_cities_is_lifted_only_when_both_are_clean(
    air: Air, moving: SimpleNamespace
) -> None:
    alert_id = issued()
    air.observed(CLEAN)
    air.foretold(CLEAN)
    air.observed(FOUL, city=SHIJIAZHUANG)
    air.foretold(FOUL, city=SHIJIAZHUANG, hours=range(60), source="石家庄预报")
    watch.round()
    assert [alert.state for alert in alerts()] == ["active"]
    moving.now += timedelta(hours=48)
    air = Air(moving.now)
    for city in (BEIJING_CITY, SHIJIAZHUANG):
        air.observed(CLEAN, city=city)
        air.foretold(CLEAN, city=city, source=f"{city} 预报")
    assert watch.round().asked == [alert_id]


def test_one_city_of_a_shared_alert_that_turns_red_gets_a_proposal_of_its_own(air: Air) -> None:
    issued()
    for city in (BEIJING_CITY, SHIJIAZHUANG):
        air.observed(FOUL, city=city)
    air.foretold(FOUL, hours=range(120))
    air.foretold(DEADLY, city=SHIJIAZHUANG, hours=range(120), source="石家庄预报")
    made = watch.round()
    own = alerts()[-1]
    assert made.proposed == [own.id]
    assert (own.cities, own.level, alerts()[0].state) == ([SHIJIAZHUANG], Level.RED, "active")


def test_a_drill_is_no_standing_alert(air: Air) -> None:
    with db.transaction() as session:
        response.propose(
            session,
            Proposal(mode=Mode.EXERCISE, kind="air", level=Level.RED, cities=(BEIJING_CITY,), effective_from=clock.now(),
                     effective_to=None, reason="演练", origin="drill"),
            proposer="x1",
        )  # fmt: skip
    air.observed(CLEAN)
    air.foretold(FOUL, hours=range(24, 96))
    assert len(watch.round().proposed) == 1


def test_many_foul_neighbours_are_one_regional_process(air: Air) -> None:
    cities = ["110000", "131000", "130600", "130100", "130900", "131100", "130500", "130400"]
    for city in cities:
        air.observed(CLEAN, city=city)
        air.foretold(FOUL, hours=range(24, 96), city=city, source=f"{city} 预报")
    made = watch.round()
    with db.reading() as session:
        [episode] = session.scalars(select(Episode)).all()
    assert len(made.proposed) == len(cities)
    assert {alert.episode_id for alert in alerts()} == {episode.id}
    assert set(episode.cities) == set(cities) and episode.closed_at is None


def test_a_round_never_goes_back_in_time(air: Air, moving: SimpleNamespace) -> None:
    air.observed(FOUL)
    air.foretold(FOUL)
    watch.round()
    assert watch.round(moving.now - timedelta(hours=2)).graded == 0


def test_both_databases_keep_the_same_round(any_region: SimpleNamespace, moving: SimpleNamespace) -> None:
    air = Air(moving.now)
    air.observed(CLEAN)
    air.foretold(FOUL, hours=range(24, 96))
    made = watch.round()
    assert len(made.proposed) == 1
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Graded)) == made.graded
