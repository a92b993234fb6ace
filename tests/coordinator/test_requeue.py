"""What died of our own fault is sent after all, once, by a duty officer with a reason, and counts apart."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from coordinator import audit, clock, db, progress, requeue, response, verify
from coordinator.errors import Forbidden, Refusal, Unprocessable
from coordinator.models import Audited, Notice, State
from coordinator.web import create_app
from rules.levels import Level
from tests import desk_region
from tests.coordinator.callers import Desk as Callers
from tests.coordinator.conftest import issued, officer, sign
from tests.coordinator.test_desk import Desk
from tests.coordinator.test_path import drained, ledger

WHY = "短信模板缺一个字段,已补上"


def died(alert_id: int) -> int:
    """One order of the alert that could not be handed over."""
    with db.transaction() as session:
        query = select(Notice).where(Notice.alert_id == alert_id, Notice.channel == "sms").order_by(Notice.id)
        notice = session.scalars(query).first()
        assert notice
        notice.state, notice.finished_at, notice.error = State.DEAD, clock.now(), "three strikes"
        return notice.id


def again(notice_id: int, *, by: str = "d1", reason: str = WHY) -> int:
    with db.transaction() as session:
        return requeue.requeue(session, notice_id, officer(session, by), reason=reason).id


def test_it_is_a_new_row_with_the_same_words_sent_exactly_once(
    any_region: SimpleNamespace, carriers: Any, store: Path
) -> None:
    alert_id = issued(Level.YELLOW)
    dead = died(alert_id)
    drained()
    assert len(ledger(store)) == 2 * any_region.plants - 1

    made = again(dead)
    drained()

    with db.reading() as session:
        old, new = session.get_one(Notice, dead), session.get_one(Notice, made)
        assert (old.state, old.kind, new.state, new.kind) == ("dead", "order", "accepted", "manual")
        assert (new.address, new.wording_id, new.filling) == (old.address, old.wording_id, old.filling)
        stands = progress.of(session, alert_id)
        assert stands["by_state"]["dead"] == stands["apart"]["manual"] == 1
    sent = Counter((row["to"], row["channel"]) for row in ledger(store))
    assert len(sent) == 2 * any_region.plants and set(sent.values()) == {1}
    assert verify.run()["ok"], verify.run()


def test_who_why_and_which_stand_in_the_audit(region: SimpleNamespace) -> None:
    dead = died(issued(Level.YELLOW))

    made = again(dead)

    with db.reading() as session:
        act = session.scalars(select(Audited).where(Audited.what == "requeue")).one()
        assert (act.who, act.subject, act.detail["reason"], act.detail["by"]) == ("d1", f"notice:{dead}", WHY, made)
        assert not audit.breaks(session)


def test_once_and_what_takes_its_place_may_die_and_be_requeued_too(region: SimpleNamespace) -> None:
    dead = died(issued(Level.YELLOW))
    made = again(dead)
    with pytest.raises(Unprocessable, match=str(made)):
        again(dead)
    with db.transaction() as session:
        session.get_one(Notice, made).state = State.DEAD

    assert again(made) > made


def test_it_is_refused_without_a_reason_by_others_and_elsewhere(region: SimpleNamespace) -> None:
    dead = died(issued(Level.YELLOW))
    with pytest.raises(Refusal):
        again(dead, reason="  ")
    with db.transaction() as session:
        officer(session, "d2").cities = ["370100"]
    with pytest.raises(Forbidden):
        again(dead, by="d2")


@pytest.mark.parametrize("state", [State.PENDING, State.CANCELLED])
def test_only_what_is_dead(region: SimpleNamespace, state: State) -> None:
    alert_id = issued(Level.YELLOW)
    with db.transaction() as session:
        notice = session.scalars(select(Notice).where(Notice.alert_id == alert_id)).first()
        assert notice
        notice.state, notice_id = state, notice.id

    with pytest.raises(Unprocessable, match="故障待处理"):
        again(notice_id)


def lifted(alert_id: int) -> None:
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        response.lift(session, alert, by="d1", wanted={"reason": "冷空气到达", "evidence": {"observed": "AQI 60"}})
    sign(alert_id, "s1", "s2")


def test_an_order_that_no_longer_holds_is_not_sent(region: SimpleNamespace) -> None:
    alert_id = issued(Level.YELLOW)
    dead = died(alert_id)
    lifted(alert_id)

    with pytest.raises(Unprocessable, match="更新的指令"):
        again(dead)


def test_an_order_requeued_before_the_lift_is_superseded_with_the_others(region: SimpleNamespace) -> None:
    alert_id = issued(Level.YELLOW)
    made = again(died(alert_id))

    lifted(alert_id)

    with db.reading() as session:
        assert session.get_one(Notice, made).state == "superseded"


def test_an_order_that_has_run_out_is_not_sent(region: SimpleNamespace) -> None:
    dead = died(issued(Level.YELLOW))
    with db.transaction() as session:
        past = clock.now() - timedelta(minutes=1)
        session.execute(update(Notice).where(Notice.id == dead).values(valid_until=past))

    with pytest.raises(Unprocessable, match="已经结束"):
        again(dead)


def test_over_the_interface_it_is_the_duty_officer_s_and_made_once_a_key(region: SimpleNamespace) -> None:
    dead = died(issued(Level.YELLOW))
    call = Callers(create_app().test_client())
    path, body = f"/notices/{dead}/requeue", {"reason": WHY}

    assert call("s1", "post", path, body).status_code == call("c1", "post", path, body).status_code == 403
    assert call("d1", "post", path, {"reason": " "}).status_code in (400, 422)
    assert call("d1", "post", "/notices/999999/requeue", body).status_code == 404
    first = call("d1", "post", path, body, Idempotency_Key="once")
    second = call("d1", "post", path, body, Idempotency_Key="once")
    assert (first.status_code, first.json["notice"]["kind"]) == (201, "manual")
    assert second.json == first.json
    assert call("d1", "post", path, body).status_code == 422


def test_the_notice_page_offers_it_to_duty_in_both_languages(store: object) -> None:
    numbers = desk_region.fill(plants_wanted=80, hours=1)
    dead = died(numbers["held"])
    desk = Desk(create_app().test_client()).sign_in("S01")
    assert "requeue" not in desk.get(f"/notices/{dead}").get_data(as_text=True)
    desk = Desk(create_app().test_client()).sign_in("D01")
    assert "Queue again" in desk.get(f"/notices/{dead}?lang=en").get_data(as_text=True)
    assert "重新派发" in desk.get(f"/notices/{dead}").get_data(as_text=True)

    told = desk.send(f"/notices/{dead}/requeue", reason=WHY)

    assert told.status_code == 303
    shown = desk.get(told.headers["Location"]).get_data(as_text=True)
    assert "人工补发" in shown and "已重新派发" in shown
    page = desk.get(f"/notices/{dead}").get_data(as_text=True)
    assert told.headers["Location"].rsplit("/", 1)[1] in page and f"/notices/{dead}/requeue" not in page
