"""The clockwork: every slot once, one leader, drills on time."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from coordinator import clock, db, drills, leases, response, schedule, wordings
from coordinator.errors import Unprocessable
from coordinator.models import Alert, Drill, Lease, Notice, ScheduleRun
from rules.levels import Level
from tests.coordinator.conftest import issued, officer

AT = datetime(2026, 1, 7, 1, 30, tzinfo=UTC)


def line(cron: str, done: list[datetime]) -> schedule.Line:
    return schedule.Line("trial", cron, done.append, newest_only=False)


def test_slots_are_beijing_times(store: object) -> None:
    [slot] = schedule.slots(line("0 10 * * wed", []), AT, AT + timedelta(days=1))

    assert slot == datetime(2026, 1, 7, 2, 0, tzinfo=UTC)


def test_two_clocks_write_each_slot_once(any_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "timetable", lambda: (line("* * * * *", []),))
    epoch = leases.take("clock", "a")
    assert epoch is not None
    moment = AT
    monkeypatch.setattr(clock, "now", lambda: moment)
    schedule.tick(epoch)
    moment = AT + timedelta(minutes=30)

    first, second = schedule.tick(epoch), schedule.tick(epoch)

    assert (first, second) == (30, 0)


def test_only_one_leads_and_the_next_takes_over(any_store: str) -> None:
    first = leases.take("clock", "a")
    assert leases.take("clock", "b") is None
    with db.transaction() as session:
        session.execute(update(Lease).values(until_s=0.0))

    second = leases.take("clock", "b")

    assert first is not None
    assert second == first + 1
    with db.transaction() as session:
        assert not leases.leads(session, "clock", first)


def test_a_run_whose_process_died_is_taken_up_again(any_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[datetime] = []
    monkeypatch.setattr(schedule, "timetable", lambda: (line("* * * * *", done),))
    with db.transaction() as session:
        session.add(ScheduleRun(job="trial", slot_at=AT, state="running", lease_s=1.0))

    schedule.run_due()

    assert done == [AT]


def test_a_failing_job_leaves_its_reason_and_does_not_stop_the_others(
    any_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(slot: datetime) -> None:
        raise ValueError("the source is away")

    monkeypatch.setattr(
        schedule, "timetable", lambda: (schedule.Line("bad", "* * * * *", break_down, newest_only=False),)
    )
    with db.transaction() as session:
        session.add_all(ScheduleRun(job="bad", slot_at=AT + timedelta(minutes=n), state="due") for n in range(2))

    assert schedule.run_due() == 2
    with db.reading() as session:
        assert session.scalars(select(ScheduleRun.trouble)).all() == ["ValueError: the source is away"] * 2


def test_one_run_stands_for_all_the_missed_ones(any_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[datetime] = []
    monkeypatch.setattr(
        schedule, "timetable", lambda: (schedule.Line("trial", "* * * * *", done.append, newest_only=True),)
    )
    with db.transaction() as session:
        session.add_all(ScheduleRun(job="trial", slot_at=AT + timedelta(minutes=n), state="due") for n in range(9))

    schedule.run_due()

    assert done == [AT + timedelta(minutes=8)]
    with db.reading() as session:
        assert set(session.scalars(select(ScheduleRun.state))) == {"done"}


def test_the_timetable_names_real_jobs_with_sound_cron_lines(store: object) -> None:
    for each in schedule.timetable():
        assert callable(each.act)
        soon, in_a_year = timedelta(days=1), timedelta(days=366)
        assert schedule.slots(each, AT, AT + soon) or schedule.slots(each, AT, AT + in_a_year)


def test_a_drill_waits_for_people_and_reaches_only_who_takes_part(region: SimpleNamespace) -> None:
    with db.transaction() as session:
        drill = drills.start(session, "notice-chain", by="director")
        alert = drills.alert_of(session, drill)
        assert (alert.mode, alert.state) == ("exercise", "pending_approval")
        response.approve(session, alert, officer(session, "s1"))
        rev, alert_id = alert.rev, alert.id
    from coordinator import issuing

    issuing.materialise(alert_id, rev)

    with db.reading() as session:
        notices = session.scalars(select(Notice).where(Notice.kind == "order")).all()
        assert {notice.mode for notice in notices} == {"exercise"}
        plants = {notice.receiver for notice in notices if not notice.receiver.startswith("officer:")}
        assert len(plants) == 3  # every fifth of twelve is marked 参演
        assert all(wordings.said(session, notice).text.startswith("【演练】") for notice in notices)


def test_a_drill_does_not_start_beside_a_real_alert(region: SimpleNamespace) -> None:
    issued(Level.YELLOW)

    with db.transaction() as session, pytest.raises(Unprocessable, match="真实预警"):
        drills.start(session, "notice-chain", by="director")


def test_a_drill_held_off_by_the_timetable_says_why(region: SimpleNamespace) -> None:
    issued(Level.YELLOW)

    drills.by_timetable(drills.script("notice-chain"))(AT)

    with db.reading() as session:
        [held] = session.scalars(select(Drill)).all()
    assert held.state == "held_off"
    assert "真实预警" in held.log[0]["say"]


def test_a_director_stops_a_drill_but_not_a_real_alert(region: SimpleNamespace) -> None:
    with db.transaction() as session:
        drill = drills.start(session, "notice-chain", by="director")
        drills.stop(session, drill.id, by="x1")
        assert drills.alert_of(session, drill).state == "dismissed"
    alert_id = issued(Level.YELLOW)
    from coordinator.errors import Forbidden

    with db.transaction() as session, pytest.raises(Forbidden):
        response.call_off(session, session.get_one(Alert, alert_id), by="x1")
