"""What anyone may see: the check page, CAP, health; and that it names nobody."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import select

from contacts.models import Contact, Enterprise
from coordinator import cap_check, clock, db, issuing, response
from coordinator.models import Alert, Lease, Mode, Notice
from coordinator.web import create_app
from rules.levels import Level
from tests.coordinator.conftest import issued, officer, proposed

CAP = {"c": "urn:oasis:names:tc:emergency:cap:1.2", "a": "http://www.w3.org/2005/Atom"}


@pytest.fixture
def client(region: SimpleNamespace) -> FlaskClient:
    return create_app().test_client(use_cookies=False)


def number_of(alert_id: int) -> str:
    with db.reading() as session:
        query = select(Notice.number).where(Notice.alert_id == alert_id, Notice.kind == "order").order_by(Notice.id)
        return session.scalars(query).first() or ""


def go_on(alert_id: int, change: str, *signers: str) -> None:
    with db.transaction() as session:
        alert = response.load(session, alert_id)
        if change == "change":
            response.change(session, alert, by="d1", wanted={"level": Level.RED})
        elif change == "lift":
            response.lift(session, alert, by="d1", wanted={"reason": "已改善"})
        else:
            response.retract(session, alert, by="d1", reason="有误")
    for name in signers:
        with db.transaction() as session:
            response.approve(session, response.load(session, alert_id), officer(session, name))
    with db.reading() as session:
        rev = session.get_one(Alert, alert_id).in_force_rev
    issuing.materialise(alert_id, rev)


def test_a_genuine_number_is_told_so_without_naming_anybody(client: FlaskClient) -> None:
    number = number_of(issued())
    page = client.get(f"/check/{number}")
    assert page.status_code == 200 and "真实有效" in page.text
    with db.reading() as session:
        names = [*session.scalars(select(Enterprise.name)), *session.scalars(select(Contact.name))]
        names += [*session.scalars(select(Contact.phone)), *session.scalars(select(Contact.email))]
    assert not [name for name in names if name in page.text]
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter.isdigit() else letter for letter in number)
    assert "真实有效" in client.get(f"/check/ {wide} 号").text
    assert client.get(f"/check?number={number}").headers["Location"] == f"/check/{number}"


@pytest.mark.parametrize(
    ("change", "signers", "words"),
    [("change", ("s1", "l1"), "已被新的通知取代"), ("lift", ("s1", "s2"), "已解除"), ("retract", ("s1",), "已撤回")],
)
def test_the_check_page_knows_what_became_of_it(
    client: FlaskClient, change: str, signers: tuple[str, ...], words: str
) -> None:
    alert_id = issued()
    number = number_of(alert_id)
    go_on(alert_id, change, *signers)
    assert words in client.get(f"/check/{number}").text


def test_what_was_never_issued_is_not_known(client: FlaskClient) -> None:
    alert_id = proposed()
    with db.reading() as session:
        number = session.get_one(Alert, alert_id).number
    for unknown in (number, "20260101-9-1-00001", "x", "%00", "签", "x" * 300, "<script>"):
        page = client.get(f"/check/{unknown}")
        assert page.status_code in (400, 404)
        assert "<script" not in page.text
    assert "查无此号" in client.get("/check/20260101-9-1-00001").text


def test_a_drill_is_called_a_drill(client: FlaskClient) -> None:
    page = client.get(f"/check/{number_of(issued(Level.YELLOW, mode=Mode.EXERCISE))}")
    assert page.text.count("【演练】") >= 3


def test_each_revision_is_one_cap_message_that_never_changes(client: FlaskClient) -> None:
    alert_id = issued()
    first = client.get(f"/cap/liandong-{alert_id}-1.xml")
    assert cap_check.check(first.data).valid
    go_on(alert_id, "change", "s1", "l1")
    go_on(alert_id, "lift", "s1", "s2")
    assert client.get(f"/cap/liandong-{alert_id}-1.xml").data == first.data
    kinds, references = [], []
    for rev in (1, 2, 3):
        answer = client.get(f"/cap/liandong-{alert_id}-{rev}.xml")
        assert answer.content_type.startswith("application/cap+xml")
        assert cap_check.check(answer.data).valid, cap_check.check(answer.data).errors
        root = etree.fromstring(answer.data)
        kinds.append(root.findtext("c:msgType", namespaces=CAP))
        references.append(len((root.findtext("c:references", namespaces=CAP) or "").split()))
    assert kinds == ["Alert", "Update", "Cancel"]
    assert references == [0, 1, 2]
    assert b"Severe" in first.data and b"Extreme" in client.get(f"/cap/liandong-{alert_id}-2.xml").data


def test_the_feed_lists_public_alerts_only(client: FlaskClient) -> None:
    real = issued()
    issued(Level.YELLOW, mode=Mode.EXERCISE)
    proposed()
    feed = client.get("/cap/feed.atom")
    links = etree.fromstring(feed.data).xpath("//a:entry/a:link/@href", namespaces=CAP)
    assert links == [f"http://127.0.0.1:8000/cap/liandong-{real}-1.xml"]
    assert client.get(links[0].removeprefix("http://127.0.0.1:8000")).status_code == 200
    for missing in (f"liandong-{real + 1}-1", f"liandong-{real}-9", "x", "liandong-0-0", "liandong-999999999999-1"):
        assert client.get(f"/cap/{missing}.xml").status_code == 404


def test_an_empty_feed_is_a_feed(client: FlaskClient) -> None:
    assert etree.fromstring(client.get("/cap/feed.atom").data).tag.endswith("feed")


def test_health_says_why_it_is_not_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    without_clock = client.get("/readyz")
    assert without_clock.status_code == 503 and any("clock" in why for why in without_clock.json["reasons"])
    with db.transaction() as session:
        session.add(Lease(name="clock", holder="me", epoch=1, until_s=4e9))
    fit = client.get("/readyz")
    assert fit.status_code == 200, fit.json
    assert {"feeds", "oldest_due_s", "leader_age_s", "last_drill_at"} <= set(fit.json)


def test_a_stale_feed_makes_it_unfit(client: FlaskClient) -> None:
    from coordinator.models import FeedState

    with db.transaction() as session:
        session.add(Lease(name="clock", holder="me", epoch=1, until_s=4e9))
        long_ago = clock.now() - timedelta(days=2)
        session.add(FeedState(name="cnemc", kind="readings", tried_at=long_ago, heard_at=long_ago, newest_at=long_ago))
    assert client.get("/readyz").status_code == 503


def test_figures_name_nobody(client: FlaskClient) -> None:
    issued()
    text = client.get("/metrics").text
    assert 'liandong_notices{channel="sms",kind="order",state="pending"} 12.0' in text
    assert not re.search(r"1[3-9]\d{9}|@example", text)


def test_a_store_without_tables_is_503_not_500(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, store: object
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{store}/empty.db")
    assert client.get("/readyz").status_code == 503
    for path in ("/metrics", "/check/1", "/cap/feed.atom", "/a/x"):
        assert client.get(path).status_code == 503, path
    assert client.get("/healthz").status_code == 200
