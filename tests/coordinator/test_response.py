"""Who may do what to an alert, in which order, and what it leaves behind."""

import threading
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, func, select

from coordinator import clock, db, issuing, reports, response, verify
from coordinator.errors import CoordinatorError, Fault, Forbidden, Refusal, Stale
from coordinator.models import Issue, Mode, Notice, Signature, State
from rules.levels import Level
from tests.coordinator.conftest import issued, officer, proposed, sign, state_of


@pytest.mark.parametrize(
    ("level", "signers", "state"),
    [
        (Level.YELLOW, ("s1",), "active"),
        (Level.ORANGE, ("s1",), "pending_approval"),
        (Level.ORANGE, ("s1", "s2"), "active"),
        (Level.RED, ("s1", "s2"), "pending_approval"),
        (Level.RED, ("s1", "s2", "l1"), "active"),
        (Level.RED, ("l1", "s1"), "active"),
    ],
)
def test_each_level_needs_its_signatures(
    region: SimpleNamespace, level: Level, signers: tuple[str, ...], state: str
) -> None:
    alert_id = proposed(level)

    sign(alert_id, *signers)

    assert state_of(alert_id) == state


def test_nobody_signs_twice(region: SimpleNamespace) -> None:
    alert_id = proposed()
    sign(alert_id, "s1")

    with pytest.raises(Forbidden, match="签过字"):
        sign(alert_id, "s1")


@pytest.mark.parametrize("name", ["d1", "d2", "c1", "x1", "a1"])
def test_only_signers_and_leaders_sign(region: SimpleNamespace, name: str) -> None:
    alert_id = proposed()

    with pytest.raises(Forbidden):
        sign(alert_id, name)


def test_an_old_page_is_told_what_is_current(region: SimpleNamespace) -> None:
    alert_id = proposed()

    with pytest.raises(Stale) as caught, db.transaction() as session:
        response.load(session, alert_id, rev=7)

    assert caught.value.current["rev"] == 1


def test_an_edit_voids_the_signatures(region: SimpleNamespace) -> None:
    alert_id = proposed()
    sign(alert_id, "s1")
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        response.change(session, alert, by="d1", wanted={"level": Level.YELLOW})
        response.submit(session, alert, officer(session, "d1"))
        assert alert.rev == 2

    sign(alert_id, "s2")

    assert state_of(alert_id) == "active"


def test_fifty_at_once_issue_once(any_region: SimpleNamespace) -> None:
    alert_id = proposed(Level.YELLOW)
    outcomes: list[str] = []

    def press(name: str) -> None:
        try:
            with db.transaction() as session:
                alert = response.load(session, alert_id, rev=1)
                outcomes.append(str(response.approve(session, alert, officer(session, name))))
        except CoordinatorError as refused:
            outcomes.append(type(refused).__name__)

    threads = [threading.Thread(target=press, args=(("s1", "s2", "s3", "l1")[n % 4],)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Issue)) == 1
        assert session.scalar(select(func.count()).select_from(Signature)) == 1
    assert sorted(outcomes) == ["Forbidden"] * outcomes.count("Forbidden") + ["Stale"] * outcomes.count("Stale") + [
        "True"
    ]


def test_one_person_holds_and_two_release(region: SimpleNamespace) -> None:
    alert_id = issued()
    with db.transaction() as session:
        response.hold(session, response.load(session, alert_id), officer(session, "d2"), reason="核实")
    with db.transaction() as session:
        response.release(session, response.load(session, alert_id), officer(session, "d1"), reason="已核实")
    sign(alert_id, "s1")
    assert state_of(alert_id) == "held"

    sign(alert_id, "s2")

    assert state_of(alert_id) == "active"
    assert verify.run()["ok"]


def test_a_lift_tells_whom_the_order_reached(region: SimpleNamespace) -> None:
    alert_id = issued()
    with db.transaction() as session:
        for notice in session.scalars(select(Notice).where(Notice.receiver.like("91110000%"))):
            notice.state, notice.reference = State.SENDING, "SM1"
    with db.transaction() as session:
        response.lift(session, response.load(session, alert_id), by="d1", wanted={"reason": "空气质量已改善"})
    assert state_of(alert_id) == "changing"

    sign(alert_id, "s1", "s2")

    with db.reading() as session:
        lifted = set(session.scalars(select(Notice.receiver).where(Notice.rev == 2)))
        left = set(session.scalars(select(Notice.state).where(Notice.rev == 1, Notice.receiver.like("91130100%"))))
    assert state_of(alert_id) == "lifted"
    assert lifted
    assert all(receiver.startswith("91110000") for receiver in lifted)
    assert left == {"superseded"}


def test_a_retraction_needs_one_signature_and_corrects(region: SimpleNamespace) -> None:
    alert_id = issued()
    with db.transaction() as session:
        for notice in session.scalars(select(Notice)):
            notice.state = State.SENDING
    with db.transaction() as session:
        response.retract(session, response.load(session, alert_id), by="d1", reason="误发")

    sign(alert_id, "s3")

    with db.reading() as session:
        kinds = set(session.scalars(select(Notice.kind).where(Notice.rev == 2)))
    assert state_of(alert_id) == "retracted"
    assert kinds == {"correction"}


def test_an_upgrade_supersedes_what_is_not_sent(region: SimpleNamespace) -> None:
    alert_id = issued(Level.YELLOW)
    with db.transaction() as session:
        response.change(session, response.load(session, alert_id), by="d1", wanted={"level": Level.ORANGE})

    sign(alert_id, "s1", "s2")

    with db.reading() as session:
        first = set(session.scalars(select(Notice.state).where(Notice.rev == 1)))
        second = session.scalar(select(func.count()).select_from(Notice).where(Notice.rev == 2))
    assert first == {"superseded"}
    assert second == 2 * region.plants


def test_a_rejected_change_leaves_the_alert_as_it_was(region: SimpleNamespace) -> None:
    alert_id = issued(Level.YELLOW)
    with db.transaction() as session:
        response.change(session, response.load(session, alert_id), by="d1", wanted={"level": Level.RED})
    with db.transaction() as session:
        response.reject(session, response.load(session, alert_id), officer(session, "s1"), reason="依据不足")

    with db.reading() as session:
        alert = response.load(session, alert_id)
        assert (alert.state, alert.level, alert.pending) == ("active", Level.YELLOW, {})


def test_no_city_never_means_every_city(region: SimpleNamespace) -> None:
    with pytest.raises(Refusal, match="空名单"), db.transaction() as session:
        response.propose(
            session,
            response.Proposal(
                mode=Mode.ACTUAL,
                kind="air",
                level=Level.RED,
                cities=(),
                effective_from=clock.now(),
                effective_to=None,
                reason="x",
            ),
            proposer="d1",
        )


def test_a_died_issue_is_resumed_without_doubles(region: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    alert_id = proposed(Level.YELLOW)
    with db.transaction() as session:
        response.approve(session, response.load(session, alert_id), officer(session, "s1"))
    with monkeypatch.context() as dying:
        dying.setattr(issuing, "CHUNK", 5)
        dying.setattr(issuing, "_finish", lambda *_: None)
        issuing.materialise(alert_id, 1)
    assert state_of(alert_id) == "issuing"

    issuing.materialise(alert_id, 1)

    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Notice)) == 2 * region.plants
    assert state_of(alert_id) == "active"


def test_a_signer_of_another_place_may_not_sign(region: SimpleNamespace) -> None:
    alert_id = proposed()
    with db.transaction() as session:
        officer(session, "s1").cities = ["370000"]

    with pytest.raises(Forbidden, match="辖区"):
        sign(alert_id, "s1")


def test_the_report_is_the_same_whenever_it_is_read(region: SimpleNamespace) -> None:
    alert_id = issued()

    with db.reading() as session:
        first, again = reports.of(session, alert_id), reports.of(session, alert_id)

    assert first == again
    assert sum(row["receivers"] for row in first["by_city"]) == region.plants
    assert len(first["without_answer"]) == region.plants
    assert [row["what"][:2] for row in first["timeline"]] == ["拟定", "会签", "会签", "发布"]


def test_no_report_is_made_of_a_book_that_does_not_close(region: SimpleNamespace) -> None:
    alert_id = issued()
    with db.transaction() as session:
        session.execute(delete(Notice).where(Notice.channel == "sms", Notice.receiver.like("91110000%")))

    with db.reading() as session, pytest.raises(Fault, match="账不平"):
        reports.of(session, alert_id)
