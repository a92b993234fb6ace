"""Who goes first: the gravest lane, then turn by turn among cities and alerts; never a lift ahead of its order."""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select, update

from contacts.models import Contact, Enterprise
from coordinator import chasing, clock, db, dispatch, paging, response, sweeps
from coordinator.channels import Handed, Outcome
from coordinator.models import Mode, Notice, State
from coordinator.orders import LANES
from coordinator.response import Proposal
from rules.levels import Level
from tests.coordinator.conftest import issued, officer, proposed, sign
from tests.coordinator.test_chasing import later
from tests.coordinator.test_dispatch import way


def only_in(city: str, level: Level = Level.YELLOW) -> int:
    """An alert for one city, signed and written down."""
    with db.transaction() as session:
        alert = response.propose(
            session,
            Proposal(mode=Mode.ACTUAL, kind="air", level=level, cities=(city,), reason="预计AQI日均值大于200将持续48小时",
                     effective_from=clock.now() + timedelta(hours=24), effective_to=None),
            proposer="d1",
        )  # fmt: skip
        response.submit(session, alert, officer(session, "d1"))
        alert_id = alert.id
    sign(alert_id, *(("s1", "l1") if level >= Level.ORANGE else ("s1",)))
    return alert_id


def lifted(alert_id: int) -> None:
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        response.lift(session, alert, by="d1", wanted={"reason": "冷空气到达", "evidence": {"observed": "AQI 60"}})
    sign(alert_id, "s1", "s2")


def claimed(most: int | None = None) -> list[Notice]:
    """The next batch of SMS, in the order of the claim."""
    sms = way("sms")
    ids = [one.id for one in dispatch.claim(sms, sms.accounts[0], most)]
    with db.reading() as session:
        return [session.get_one(Notice, each) for each in ids]


def no_pages() -> None:
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.lane == 0).values(state=State.CANCELLED))


def handed_over(notices: list[Notice]) -> None:
    ended = [
        dispatch.Ended(one.id, one.lease_token, "twilio", Handed(Outcome.ACCEPTED, reference=f"SM{one.id}"))
        for one in notices
    ]
    dispatch.settle("sms", ended)


def test_the_gravest_lane_is_claimed_first(any_region: SimpleNamespace, carriers: Any) -> None:
    only_in("110000")
    later(21)
    chasing.chase_due()
    standing = only_in("130100")
    handed_over([one for one in claimed() if one.alert_id == standing and one.kind == "order"])
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.state == State.SENDING).values(state=State.PENDING))
    lifted(standing)
    issued(Level.ORANGE)
    sign(proposed(Level.RED), "s1", "s2", "l1")
    with db.transaction() as session:
        paging.page(session, response.load(session, standing), [officer(session, "s1")], purpose="fault", step=2)

    order = [LANES[notice.lane] for notice in claimed()]

    assert order == sorted(order, key=LANES.index)
    assert set(order) == set(LANES) - {"drill"}


def test_rehearsals_wait_behind_everything_real(region: SimpleNamespace, carriers: Any) -> None:
    issued(Level.RED, mode=Mode.EXERCISE)
    with db.reading() as session:
        lanes = set(session.scalars(select(Notice.lane).where(Notice.mode == Mode.EXERCISE, Notice.kind == "order")))
    assert lanes == {len(LANES) - 1}


def test_a_small_city_does_not_wait_for_a_large_one(region: SimpleNamespace, carriers: Any) -> None:
    with db.transaction() as session:
        for n in range(100, 160):
            session.add(Enterprise(credit_code=f"91110000MA{n:08d}", name=f"京{n}", city="110000", industry="水泥",
                                   grade="C", in_drill=False))  # fmt: skip
            session.add(Contact(enterprise_code=f"91110000MA{n:08d}", name="厂长", order=1, phone=f"+861370000{n:04d}",
                                email=""))  # fmt: skip
    issued(Level.ORANGE)
    no_pages()

    first = Counter(notice.city for notice in claimed(12))

    assert first == {"110000": 6, "130100": 6}


def test_of_two_alerts_in_one_lane_the_later_does_not_wait_for_the_whole_earlier(
    region: SimpleNamespace, carriers: Any
) -> None:
    first, second = only_in("110000"), only_in("130100")
    no_pages()

    shares = Counter(notice.alert_id for notice in claimed(6))

    assert shares == {first: 3, second: 3}


def test_reminders_take_turns_as_their_orders_did(region: SimpleNamespace, carriers: Any) -> None:
    issued(Level.ORANGE)
    later(16)
    chasing.chase_due()
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.kind != "reminder").values(state=State.CANCELLED))
    no_pages()

    assert Counter(notice.city for notice in claimed(4)) == {"110000": 2, "130100": 2}


def test_an_order_still_waiting_when_its_lift_is_issued_is_never_sent(
    any_region: SimpleNamespace, carriers: Any
) -> None:
    """It comes back from a doubt after the lift: until the books are swept it is pending, and must not be claimed."""
    alert_id = issued(Level.ORANGE)
    orders = claimed()
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.state == State.SENDING).values(lease_s=1))
    sweeps.expire_leases()
    lifted_rev = _lift_reaches_everybody(alert_id, [one.id for one in orders])
    with db.transaction() as session:
        session.execute(
            update(Notice).where(Notice.state == State.UNCERTAIN).values(state=State.PENDING, try_s=0.0, asked=0)
        )
    no_pages()

    assert {notice.rev for notice in claimed()} == {lifted_rev}


def _lift_reaches_everybody(alert_id: int, order_ids: list[int]) -> int:
    lifted(alert_id)
    with db.reading() as session:
        rev: int = response.load(session, alert_id).in_force_rev
        told = session.scalars(select(Notice.receiver).where(Notice.alert_id == alert_id, Notice.rev == rev)).all()
        assert len(set(told)) == len(order_ids)
    return rev


def test_a_lift_waits_while_its_order_is_being_handed_over(any_region: SimpleNamespace, carriers: Any) -> None:
    alert_id = issued(Level.ORANGE)
    no_pages()
    [slow, *quick] = claimed()
    handed_over(quick)
    lifted(alert_id)
    no_pages()

    told = {notice.receiver for notice in claimed()}

    assert told == {one.receiver for one in quick}
    handed_over([slow])
    assert [notice.receiver for notice in claimed()] == [slow.receiver]


def test_a_change_waits_for_the_start_of_the_same_receiver(region: SimpleNamespace, carriers: Any) -> None:
    alert_id = issued(Level.ORANGE)
    no_pages()
    under_way = claimed()
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        response.change(session, alert, by="d1", wanted={"level": Level.RED, "reason": "预计AQI日均值大于300"})
    sign(alert_id, "s1", "s2", "l1")
    no_pages()

    assert claimed() == []
    handed_over(under_way)
    assert {notice.receiver for notice in claimed()} == {one.receiver for one in under_way}


def test_different_orders_to_one_phone_are_never_merged(region: SimpleNamespace, carriers: Any) -> None:
    """Two alerts, one plant: two texts, each with its own number."""
    only_in("110000"), only_in("110000", Level.ORANGE)
    no_pages()

    to = Counter(notice.address for notice in claimed())

    assert set(to.values()) == {2}
