"""What carriers let through: at each limit's edge, before signing, when notices are written, and when they are chased."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from contacts.models import Contact, Officer
from coordinator import budgets, chasing, clock, db, paging, progress, response, verify, wordings
from coordinator.channels import terms
from coordinator.errors import Misconfigured
from coordinator.limits import Budget, Fate, Text, forecast, judge
from coordinator.models import Alert, Mode, Notice, NoticeKind, State
from coordinator.orders import LANES
from coordinator.web import create_app, passwords
from rules.levels import Level
from tests.coordinator.callers import Desk
from tests.coordinator.conftest import issued, proposed, sign
from tests.coordinator.test_chasing import later
from tests.coordinator.test_desk import Desk as Page
from tests.coordinator.test_path import drained, ledger
from tests.desk_region import PASSWORD

NOW = datetime(2026, 11, 25, 8, tzinfo=clock.BEIJING)
SHIPPED = terms.OURS.read_text(encoding="utf-8")
STRICT = re.sub(
    r'\n# Everywhere else\..*?confirmed = false\n',
    "",
    SHIPPED.replace('"red", "orange", "yellow", "lift", "correction", "drill"]', '"red", "correction"]'),
    count=1, flags=re.DOTALL,
)  # fmt: skip
TERMS = terms.parse(terms.tomllib.loads(STRICT))
MAINLAND, ABROAD = "+8613800000001", "+85261234567"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def strict(store: Path) -> None:
    """An installation whose carriers are strict: only urgent texts pass a limit, only one country is open."""
    (store / "carriers.toml").write_text(STRICT, encoding="utf-8")


def test_as_shipped_only_reminders_give_way_and_no_country_is_shut() -> None:
    ours = terms.parse(terms.tomllib.loads(SHIPPED))
    for lane in LANES:
        verdict = judge(ours, MAINLAND, had("a", "b", "c", "d"), Text("e", NOW), urgency=lane)
        assert verdict.fate is (Fate.SUPPRESSED if lane == "reminder" else Fate.RISKED), lane
    assert judge(ours, ABROAD, [], Text("a", NOW), urgency="yellow").fate is Fate.SENT


def had(*words: str, ago: timedelta = HOUR * 2) -> list[Text]:
    return [Text(each, NOW - ago) for each in words]


def fate(sent: list[Text], words: str = "new", *, urgency: str = "", address: str = MAINLAND) -> Fate:
    return judge(TERMS, address, sent, Text(words, NOW), urgency=urgency).fate


def test_the_second_identical_text_goes_and_the_third_does_not() -> None:
    assert fate(had("a"), "a") is Fate.SENT
    assert fate(had("a", "a"), "a") is Fate.SUPPRESSED
    assert fate(had("a", "b"), "a") is Fate.SENT


@pytest.mark.parametrize("urgency", ["", "duty", "red", "correction"])
def test_what_a_carrier_rejects_is_sent_for_nobody(urgency: str) -> None:
    assert fate(had("a", "a"), "a", urgency=urgency) is Fate.SUPPRESSED


def test_the_fourth_different_text_goes_and_the_fifth_does_not() -> None:
    assert fate(had("a", "b", "c")) is Fate.SENT
    assert fate(had("a", "b", "c", "d")) is Fate.SUPPRESSED
    assert fate(had("a", "a", "b", "c")) is Fate.SENT
    assert fate(had("a", "b", "c", "d"), "d") is Fate.SENT


def test_a_text_leaves_the_day_when_it_is_a_day_old() -> None:
    a_day, moment = timedelta(hours=24), timedelta(seconds=1)

    assert fate(had("a", "b", "c", "d", ago=a_day)) is Fate.SENT
    assert fate(had("a", "b", "c", "d", ago=a_day - moment)) is Fate.SUPPRESSED
    assert fate([*had("a", ago=a_day), *had("b", "c", "d")]) is Fate.SENT


@pytest.mark.parametrize("urgency", ["duty", "red", "correction"])
def test_what_is_urgent_is_sent_past_the_review_and_says_that_it_is_risked(urgency: str) -> None:
    verdict = judge(TERMS, MAINLAND, had("a", "b", "c", "d"), Text("e", NOW), urgency=urgency)

    assert (verdict.fate, verdict.limit) == (Fate.RISKED, "different")
    assert "事急照发" in verdict.reason


def test_the_hourly_cap_stops_a_yellow_order_and_not_a_red_one() -> None:
    own = terms.parse(TWO_COUNTRIES)
    six = had(*"abcdef", ago=timedelta(minutes=59))

    def over(sent: list[Text], urgency: str) -> Fate:
        return judge(own, ABROAD, sent, Text("g", NOW), urgency=urgency).fate

    assert over(six[1:], "") is Fate.SENT
    assert over(six, "") is Fate.SUPPRESSED
    assert over(six, "red") is over(six, "duty") is over(six, "correction") is Fate.RISKED
    assert over(had(*"abcdef", ago=HOUR), "") is Fate.SENT


@pytest.mark.parametrize("urgency", ["", "duty", "red", "correction"])
def test_a_country_that_is_not_listed_gets_no_text(urgency: str) -> None:
    verdict = judge(TERMS, ABROAD, [], Text("a", NOW), urgency=urgency)

    assert (verdict.fate, verdict.limit) == (Fate.SUPPRESSED, "country")
    assert "+852" in verdict.reason
    assert ABROAD not in verdict.reason


def test_a_text_that_was_stopped_does_not_count() -> None:
    budget = Budget.of(TERMS, {MAINLAND: had("a", "b", "c")})

    fates = [budget.spend(MAINLAND, Text(each, NOW), urgency="").fate for each in "defg"]

    assert fates == [Fate.SENT, *[Fate.SUPPRESSED] * 3]
    assert len(budget.sent[MAINLAND]) == 4


def test_the_forecast_counts_numbers_and_proposes_the_other_ways() -> None:
    sent = {MAINLAND: had(*"abcd"), "+8613800000002": had(*"abc")}
    planned = {MAINLAND: 1, "+8613800000002": 1, "+8613800000003": 5, ABROAD: 1}

    calm = forecast(Budget.of(TERMS, sent), planned, urgency="", at=NOW)
    urgent = forecast(Budget.of(TERMS, sent), planned, urgency="red", at=NOW)

    assert (calm.numbers, calm.suppressed, calm.risked, calm.texts) == (4, 2, 0, 3)
    assert (urgent.suppressed, urgent.risked, urgent.texts, urgent.proposal) == (0, 2, 1, "")
    assert calm.barred == urgent.barred == (ABROAD,)
    assert calm.by_limit == {"different": 2}
    assert calm.proposal == "2个号码会超过短信限额:并入邮件和打电话清单"


TWO_COUNTRIES = terms.tomllib.loads(STRICT)
TWO_COUNTRIES["country"].append(TWO_COUNTRIES["country"][0] | {"prefix": "+852", "name": "香港", "price": "0.4"})


def test_an_installation_may_write_down_its_own_terms(store: Path) -> None:
    shipped = STRICT
    assert terms.load().country(ABROAD) is None

    (store / "carriers.toml").write_text(shipped.replace('"+86"\nname', '"+852"\nname'), encoding="utf-8")
    own = terms.load()

    assert own.country(ABROAD) is not None
    assert own.country(MAINLAND) is None


@pytest.mark.parametrize(
    ("there", "instead", "named"),
    [
        ('counts = "all"', 'counts = "some"', "counts 应为"),
        ("most = 6", "most = 0", "hourly"),
        ('prefix = "+86"\nname', 'prefix = "86"\nname', "以 \\+ 开头"),
        ('price = "0.05"', "", "price"),
        ("[spending]", "[spending", "不是合法的 TOML"),
    ],
)
def test_terms_that_cannot_be_read_are_named(store: Path, there: str, instead: str, named: str) -> None:
    shipped = terms.OURS.read_text(encoding="utf-8")
    assert there in shipped
    (store / "carriers.toml").write_text(shipped.replace(there, instead, 1), encoding="utf-8")

    with pytest.raises(Misconfigured, match=named):
        terms.load()


# What follows happens: rows are written.


def texts(alert_id: int, kind: str = "order") -> list[Notice]:
    query = select(Notice).where(Notice.alert_id == alert_id, Notice.channel == "sms", Notice.kind == kind)
    with db.reading() as session:
        return list(session.scalars(query.order_by(Notice.id)))


def states(alert_id: int, kind: str = "order") -> set[str]:
    return {notice.state for notice in texts(alert_id, kind)}


def reached(alert_id: int, *, ago: timedelta) -> None:
    """The carrier took this alert's texts so long ago."""
    at = clock.now() - ago
    mine = update(Notice).where(Notice.alert_id == alert_id, Notice.channel == "sms")
    with db.transaction() as session:
        session.execute(mine.where(Notice.state == State.PENDING).values(state=State.SENDING))
        session.execute(mine.where(Notice.state == State.SENDING).values(state=State.ACCEPTED, reference="SM1"))
        session.execute(mine.values(accepted_at=at, created_at=at))


def four_today(level: Level = Level.YELLOW) -> list[int]:
    """Four orders to the same plants, taken by the carrier in the last hours."""
    alerts = []
    for ago in (23.9, 5, 3, 2):
        alerts.append(issued(level))
        reached(alerts[-1], ago=timedelta(hours=ago))
    return alerts


def test_the_fifth_text_of_a_day_is_written_down_and_not_sent_while_the_mail_goes(any_region: SimpleNamespace) -> None:
    before = four_today()
    assert all(states(alert) == {State.ACCEPTED} for alert in before)

    alert_id = issued(Level.YELLOW)

    assert states(alert_id) == {State.SUPPRESSED}
    assert all("第 5 条" in notice.error and notice.finished_at for notice in texts(alert_id))
    with db.reading() as session:
        mails = select(Notice.state).where(Notice.alert_id == alert_id, Notice.channel == "email")
        assert set(session.scalars(mails)) == {State.PENDING}
        counted = progress.of(session, alert_id)
        sheet = progress.unreachable(session, alert_id)
    assert counted["by_state"] == {"suppressed": any_region.plants, "pending": any_region.plants}
    assert counted["listed"] == 2 * any_region.plants
    assert len(sheet) == counted["unreachable"] == any_region.plants
    by_name = {check["name"]: check["ok"] for check in verify.run()["checks"]}
    assert by_name["closed_book"]
    assert by_name["every_receiver_is_told_or_named"]


def test_a_text_of_yesterday_makes_room(region: SimpleNamespace) -> None:
    oldest, *_ = four_today()
    reached(oldest, ago=timedelta(hours=24, seconds=1))

    assert states(issued(Level.YELLOW)) == {State.PENDING}


def test_what_never_reached_a_carrier_makes_room(region: SimpleNamespace) -> None:
    four_today()
    spoilt = issued(Level.RED)
    with db.transaction() as session:
        session.execute(update(Notice).where(Notice.alert_id == spoilt).values(state=State.CANCELLED))

    assert states(issued(Level.RED)) == {State.PENDING}
    with db.reading() as session:
        numbers = {notice.address for notice in texts(spoilt)}
        sent = budgets.sent_to(session, numbers, since=clock.now() - timedelta(hours=24))
    assert {len(each) for each in sent.values()} == {5}


def test_what_waits_to_be_sent_counts_already(region: SimpleNamespace) -> None:
    for _ in range(4):
        assert states(issued(Level.YELLOW)) == {State.PENDING}

    assert states(issued(Level.YELLOW)) == {State.SUPPRESSED}


def test_a_red_order_is_sent_all_the_same(region: SimpleNamespace) -> None:
    four_today()

    assert states(issued(Level.RED)) == {State.PENDING}


def test_a_number_of_many_plants_gets_four_texts_of_one_order(region: SimpleNamespace) -> None:
    with db.transaction() as session:
        session.execute(update(Contact).where(Contact.order == 1).values(phone=MAINLAND))

    alert_id = issued(Level.YELLOW)

    assert [notice.state for notice in texts(alert_id)] == [State.PENDING] * 4 + [State.SUPPRESSED] * 8


def test_an_unlisted_country_is_refused_by_name_whatever_the_level(region: SimpleNamespace) -> None:
    with db.transaction() as session:
        first = session.scalars(select(Contact).where(Contact.order == 1).order_by(Contact.id)).first()
        first.phone = ABROAD

    refused = [notice for notice in texts(issued(Level.RED)) if notice.state == State.SUPPRESSED]

    assert [notice.address for notice in refused] == [ABROAD]
    assert "未向该国家或地区开通短信(+852…)" in refused[0].error


def test_reminders_keep_to_the_budget(region: SimpleNamespace) -> None:
    four_today()
    alert_id = issued(Level.RED)
    later(60)
    chasing.chase_due()

    first = [notice for notice in texts(alert_id, "reminder") if notice.lane != 0]

    assert first
    assert {notice.state for notice in first} == {State.SUPPRESSED}


def test_a_call_to_the_desk_is_never_stopped(region: SimpleNamespace) -> None:
    alert_id = issued(Level.YELLOW)
    for step in range(7):
        with db.transaction() as session:
            alert, called = session.get_one(Alert, alert_id), session.get_one(Officer, "d1")
            paging.page(session, alert, [called], purpose="unreached", step=step + 1, n=1)

    pages = [notice for notice in texts(alert_id, "reminder") if notice.lane == 0]

    assert [notice.state for notice in pages] == [State.PENDING] * 7


def test_reminders_and_drills_never_repeat_a_text(region: SimpleNamespace) -> None:
    for mode in (Mode.ACTUAL, Mode.EXERCISE, Mode.EXERCISE, Mode.TEST):
        issued(Level.RED, mode=mode)
    for _ in range(3):
        later(30)
        chasing.chase_due()

    with db.reading() as session:
        rows = session.scalars(select(Notice).where(Notice.channel == "sms")).all()
        said = [(row.address, wordings.said(session, row).text) for row in rows]

    assert {(row.kind, row.mode) for row in rows} >= {
        (kind, mode) for kind in (NoticeKind.ORDER, NoticeKind.REMINDER) for mode in (Mode.ACTUAL, Mode.EXERCISE)
    }
    assert len(said) == len(set(said))


def test_the_signers_are_told_before_they_sign(region: SimpleNamespace) -> None:
    four_today()
    yellow, red = proposed(Level.YELLOW), proposed(Level.RED)
    desk = Desk(create_app().test_client())

    ahead = desk("s1", "get", f"/alerts/{yellow}/preview").json["preview"]
    urgent = desk("s1", "get", f"/alerts/{red}/preview").json["preview"]

    assert ahead["forecast"]["proposal"] == f"{region.plants}个号码会超过短信限额:并入邮件和打电话清单"
    assert (ahead["forecast"]["suppressed"], ahead["forecast"]["texts"]) == (region.plants, region.plants)
    assert (urgent["forecast"]["suppressed"], urgent["forecast"]["risked"]) == (0, region.plants)
    assert ahead["cost_by_channel"] == {"email": "0", "sms": ahead["cost"]}
    assert Decimal(ahead["cost"]) == sum(int(n) * count for n, count in ahead["segments"].items()) * Decimal("0.05")
    assert ahead["doubts"] == ["中国大陆单价"]
    assert not any(notice.address in str(ahead) for notice in texts(1))

    sign(yellow, "s1")
    assert {notice.state for notice in texts(yellow)} == {State.SUPPRESSED}
    assert desk("s1", "get", f"/alerts/{yellow}/preview").json["preview"] is None


def test_a_lift_is_foretold_by_the_numbers_it_would_go_to(region: SimpleNamespace) -> None:
    *_, last = four_today()
    with db.transaction() as session:
        alert = response.load(session, last)
        response.lift(session, alert, by="d1", wanted={"reason": "空气质量已改善", "evidence": {}})
    desk = Desk(create_app().test_client())

    ahead = desk("s1", "get", f"/alerts/{last}/preview").json["preview"]

    assert (ahead["receivers"], ahead["forecast"]["suppressed"]) == (region.plants, region.plants)


def test_a_suppressed_text_never_reaches_the_carrier(region: SimpleNamespace, carriers: object, store: Path) -> None:
    four_today()
    alert_id = issued(Level.YELLOW)
    drained()

    assert {row["channel"] for row in ledger(store)} == {"email"}
    assert len(ledger(store)) == 5 * region.plants
    assert states(alert_id) == {State.SUPPRESSED}


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", ("12 个号码会超过短信限额：并入邮件和打电话清单", "一天里不同短信过多", "单价未经核实")),
        ("en", ("12 numbers would pass the SMS limit: merge into e-mail and call sheet", "too many different texts")),
    ],
)
def test_the_page_where_one_signs_says_it(region: SimpleNamespace, lang: str, words: tuple[str, ...]) -> None:
    four_today()
    alert_id = proposed(Level.YELLOW)
    with db.transaction() as session:
        session.get_one(Officer, "s1").password_hash = passwords.hashed(PASSWORD)
    page = Page(create_app().test_client()).sign_in("s1", PASSWORD)

    page.get(f"/alerts/{alert_id}?lang={lang}")

    assert [each for each in words if each not in page.page] == []
