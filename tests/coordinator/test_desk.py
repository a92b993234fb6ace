"""The officers' desk: who may enter, what a page shows, what a button does."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from contacts.models import Enterprise, Officer
from coordinator import db, fingerprint, leases
from coordinator.models import Alert, Answer, Audited, Incident, Notice, Receiver, Setting, Signature
from coordinator.web import create_app, passwords
from tests import desk_region

LISTS = (
    "/", "/alerts", "/alerts?which=open&mode=actual", "/enterprises", "/enterprises?words=水泥&grade=A&only=drill",
    "/enterprises/91110000XXXXX0007X", "/officers", "/import", "/incidents", "/incidents/1", "/drills", "/audit?who=D01",
    "/feeds", "/system", *(f"/alerts/{n}" for n in range(1, 9)), "/alerts/3/notices?state=delivered&words=厂", "/notices/1",
    "/alerts/3/receivers?which=cannot", "/alerts/3/call-sheet", "/receivers/1",
)  # fmt: skip
DUTY_ONLY = ("/alerts/new", "/alerts/4/edit", "/incidents/new")


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> tuple[Path, dict[str, int]]:
    """A store with a busy night in it, to be copied."""
    folder = tmp_path_factory.mktemp("busy")
    shutil.copy(empty_sqlite, folder / "liandong.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANDONG_HOME", str(folder))
        patch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        patch.delenv("DATABASE_URL", raising=False)
        numbers = desk_region.fill(plants_wanted=80, hours=26)
        db.engine().dispose()
    return folder, numbers


@pytest.fixture
def numbers(store: Path, busy: tuple[Path, dict[str, int]]) -> dict[str, int]:
    folder, numbers = busy
    for name in ("liandong.db", "secret_key"):
        shutil.copy(folder / name, store / name)
    return numbers


class Desk:
    """One browser without script: reads pages, fills in the forms it finds there."""

    def __init__(self, client: FlaskClient) -> None:
        self.client, self.page = client, ""

    def get(self, path: str) -> TestResponse:
        answer = self.client.get(path)
        self.page = answer.get_data(as_text=True)
        return answer

    def keys(self, action: str) -> dict[str, str]:
        """The hidden fields of the form with this action on the present page."""
        form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', self.page, re.S)
        assert form, f"no form {action} on the page"
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form.group(0)))

    def send(self, action: str, **fields: object) -> TestResponse:
        return self.client.post(action, data=self.keys(action) | fields)

    def sign_in(self, officer: str, password: str = desk_region.PASSWORD) -> "Desk":
        self.get("/sign-in")
        self.answer = self.send("/sign-in", officer=officer, password=password)
        return self


@pytest.fixture
def client(numbers: dict[str, int]) -> Iterator[FlaskClient]:
    yield create_app().test_client()


@pytest.fixture
def desk(client: FlaskClient) -> Desk:
    return Desk(client)


def another(desk: Desk, officer: str) -> Desk:
    """A colleague at another screen."""
    return Desk(desk.client.application.test_client()).sign_in(officer)


def test_nobody_reads_a_page_without_signing_in(desk: Desk) -> None:
    for path in LISTS:
        assert desk.get(path).headers["Location"].startswith("/sign-in")


def test_a_wrong_password_is_refused_and_too_many_must_wait(desk: Desk) -> None:
    for _ in range(5):
        assert desk.sign_in("D01", "wrong password").answer.status_code == 403

    assert desk.sign_in("D01").answer.status_code == 503
    assert desk.sign_in("S01").answer.status_code == 303


def test_an_unknown_officer_hears_the_same_as_a_wrong_password(desk: Desk) -> None:
    unknown, wrong = desk.sign_in("nobody").answer, desk.sign_in("D01", "wrong").answer

    assert "工号或口令不对" in unknown.get_data(as_text=True)
    assert unknown.status_code == wrong.status_code == 403


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_only_to_our_own_pages(desk: Desk, onward: str) -> None:
    desk.get("/sign-in")

    answer = desk.send("/sign-in", officer="D01", password=desk_region.PASSWORD, next=onward)

    assert answer.headers["Location"] == "/"


def test_the_session_cookie_is_not_for_scripts(desk: Desk) -> None:
    cookie = next(
        each for each in desk.sign_in("D01").answer.headers.getlist("Set-Cookie") if each.startswith("liandong=")
    )

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_new_password_ends_old_sessions_and_so_does_leaving(desk: Desk) -> None:
    desk.sign_in("D01")
    colleague = another(desk, "S01")
    with db.transaction() as session:
        session.get_one(Officer, "D01").password_hash = passwords.hashed("quite another one")
        session.get_one(Officer, "S01").active = False

    assert desk.get("/alerts").status_code == 302
    assert colleague.get("/alerts").status_code == 302


def test_a_form_without_its_token_does_nothing(desk: Desk, numbers: dict[str, int]) -> None:
    desk.sign_in("D01")

    answer = desk.client.post(f"/alerts/{numbers['active']}/hold", data={"rev": 1, "reason": "x", "once": "k"})

    assert answer.status_code == 400
    assert state(numbers["active"]) == "active"


@pytest.mark.parametrize(("officer", "lang"), [("D01", "zh"), ("A01", "en")])
def test_every_page_opens_and_looking_changes_nothing(desk: Desk, officer: str, lang: str) -> None:
    desk.sign_in(officer).client.set_cookie("lang", lang)
    before = audited()

    for path in (*LISTS, *(DUTY_ONLY if officer == "D01" else ())):
        assert desk.get(path).status_code == 200, path
        assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", desk.page), path
    assert audited() == before


def test_a_page_speaks_the_language_asked_for(desk: Desk) -> None:
    desk.sign_in("D01").get("/alerts?lang=en")
    assert "Waiting for signatures" in desk.page

    desk.get("/alerts")
    assert "等待签发" in desk.page


def test_the_button_says_how_many_real_orders_go_out(desk: Desk, numbers: dict[str, int]) -> None:
    desk.sign_in("S01").get(f"/alerts/{numbers['waiting']}")
    with db.reading() as session:
        cities = session.get_one(Alert, numbers["waiting"]).cities
        listed = session.scalar(select(func.count()).select_from(Enterprise).where(Enterprise.city.in_(cities)))

    assert f"签发：向 {listed} 家企业发送真实指令" in desk.page
    assert "样张" in desk.page


def test_a_drill_asks_in_other_words_and_another_dress(desk: Desk, numbers: dict[str, int]) -> None:
    desk.sign_in("S01").get(f"/alerts/{numbers['drill']}")

    assert "【演练】签发" in desk.page
    assert 'class="drill"' in desk.page
    assert "真实指令" not in desk.page
    assert "drillband" in desk.get("/").get_data(as_text=True)


def test_signing_asks_for_the_password_again(desk: Desk, numbers: dict[str, int]) -> None:
    page = f"/alerts/{numbers['waiting']}"
    desk.sign_in("S01").get(page)

    refused = desk.send(f"{page}/approve", password="not mine")

    assert refused.status_code == 403
    assert signatures(numbers["waiting"]) == []


def test_two_officers_sign_and_the_notices_are_written(desk: Desk, numbers: dict[str, int]) -> None:
    page = f"/alerts/{numbers['waiting']}"
    for officer in (desk.sign_in("S01"), another(desk, "S02")):
        officer.get(page)
        assert officer.send(f"{page}/approve", password=desk_region.PASSWORD).status_code == 303

    assert signatures(numbers["waiting"]) == ["S01", "S02"]
    assert state(numbers["waiting"]) == "active"
    with db.reading() as session:
        assert session.scalar(select(func.count()).where(Notice.alert_id == numbers["waiting"], Notice.kind == "order"))


def test_the_same_form_twice_acts_once(desk: Desk, numbers: dict[str, int]) -> None:
    page = f"/alerts/{numbers['active']}"
    desk.sign_in("D01").get(page)
    keys = desk.keys(f"{page}/hold") | {"reason": "疑点"}

    answers = [desk.client.post(f"{page}/hold", data=keys) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    with db.reading() as session:
        assert (
            session.scalar(
                select(func.count()).where(Audited.what == "hold", Audited.subject == f"alert:{numbers['active']}")
            )
            == 1
        )


def test_who_looked_at_an_older_revision_is_shown_the_difference(desk: Desk, numbers: dict[str, int]) -> None:
    page = f"/alerts/{numbers['waiting']}"
    signer = another(desk, "S01")
    signer.get(page)
    desk.sign_in("D01").get(f"{page}/edit")
    changed = {"level": "red", "cities": ["110000"], "effective_from": "2030-01-01T08:00",
               "effective_to": "2030-01-04T08:00", "reason": "形势加重"}  # fmt: skip
    assert desk.send(f"{page}/change", **changed).status_code == 303

    answer = signer.send(f"{page}/approve", password=desk_region.PASSWORD)

    assert answer.status_code == 409
    assert "形势加重" in answer.get_data(as_text=True)
    assert "红色" in answer.get_data(as_text=True)
    assert signatures(numbers["waiting"]) == []


def test_one_person_holds_and_two_release(desk: Desk, numbers: dict[str, int]) -> None:
    page = f"/alerts/{numbers['active']}"
    desk.sign_in("D01").get(page)
    assert desk.send(f"{page}/hold", reason="城市范围有疑点").status_code == 303
    assert state(numbers["active"]) == "held"

    desk.get(page)
    assert desk.send(f"{page}/release", reason="已核实").status_code == 303
    for officer in ("S01", "S02"):
        colleague = another(desk, officer)
        colleague.get(page)
        assert "签发：恢复派发" in colleague.page
        colleague.send(f"{page}/approve", password=desk_region.PASSWORD)
    assert state(numbers["active"]) == "active"


def test_buttons_are_only_for_those_who_may(desk: Desk, numbers: dict[str, int]) -> None:
    desk.sign_in("A01").get(f"/alerts/{numbers['waiting']}")
    assert "<button" not in desk.page.split('id="acts"')[1].split("</section>")[0]

    desk.get(f"/alerts/{numbers['waiting']}")
    forged = {"csrf_token": desk.keys("/sign-out")["csrf_token"], "rev": 1, "reason": "x", "once": "k"}
    refused = desk.client.post(f"/alerts/{numbers['waiting']}/hold", data=forged)
    assert refused.status_code == 403


def test_an_alert_is_proposed_by_hand_and_none_means_none(desk: Desk) -> None:
    desk.sign_in("D01").get("/alerts/new")
    said = {"level": "yellow", "effective_from": "2030-01-01T08:00", "reason": "会商意见"}
    refused = desk.send("/alerts/new", **said)
    assert refused.status_code == 400

    made = desk.send("/alerts/new", **said, cities=["110000", "120000"])
    number = int(made.headers["Location"].rsplit("/", 1)[1])
    desk.get(made.headers["Location"])
    desk.send(f"/alerts/{number}/submit")

    assert state(number) == "pending_approval"


def test_a_real_reason_never_speaks_of_drills(desk: Desk) -> None:
    desk.sign_in("D01").get("/alerts/new")

    said = {"level": "yellow", "effective_from": "2030-01-01T08:00", "reason": "演练", "cities": ["110000"]}
    assert desk.send("/alerts/new", **said).status_code == 400


def test_a_lift_needs_evidence(desk: Desk, numbers: dict[str, int]) -> None:
    page = f"/alerts/{numbers['active']}"
    desk.sign_in("D01").get(page)
    assert desk.send(f"{page}/lift", reason="好转").status_code == 400

    desk.send(f"{page}/lift", reason="冷空气到达", observed="近 24 小时 AQI 70", forecast="36 小时低于 100")

    with db.reading() as session:
        wanted = session.get_one(Alert, numbers["active"]).pending["wanted"]
    assert wanted["evidence"]["observed"] == "近 24 小时 AQI 70"
    assert state(numbers["active"]) == "changing"


def test_a_retraction_shows_its_correction_before_it_is_asked_for(desk: Desk, numbers: dict[str, int]) -> None:
    desk.sign_in("D01").get(f"/alerts/{numbers['active']}")

    assert "更正已备好" in desk.page


def test_an_answer_on_the_phone_is_written_down_with_who_called(desk: Desk, numbers: dict[str, int]) -> None:
    with db.reading() as session:
        notice = session.scalars(select(Notice.id).where(Notice.alert_id == numbers["active"])).first()
    desk.sign_in("D01").get(f"/notices/{notice}")

    assert desk.send(f"/notices/{notice}/answer", kind="cannot", caller="").status_code == 400
    desk.send(f"/notices/{notice}/answer", kind="cannot", caller="王厂长", words="焦炉保温")

    with db.reading() as session:
        said = session.scalars(select(Answer).where(Answer.kind == "cannot").order_by(Answer.id.desc())).first()
    assert said and "王厂长" in said.by and "D01" in said.by
    assert "王厂长" in desk.get(f"/notices/{notice}").get_data(as_text=True)


def test_a_plant_without_any_contact_can_be_answered_for(desk: Desk, numbers: dict[str, int]) -> None:
    with db.transaction() as session:
        plant = session.scalars(select(Receiver).where(Receiver.alert_id == numbers["active"])).first()
        assert plant
        plant.people, plant.complaint, number = [], "没有联系方式", plant.id
    desk.sign_in("D01").get(f"/receivers/{number}")

    desk.send(f"/receivers/{number}/answer", kind="done", caller="上门的赵某")

    with db.reading() as session:
        assert session.get_one(Receiver, number).executed_at


def test_an_incident_keeps_unknown_apart_from_none(desk: Desk) -> None:
    desk.sign_in("D01").get("/incidents/new")

    made = desk.send("/incidents/new", title="罐车侧翻", city="110000", deaths="0", evacuated="", ecology="")

    number = int(made.headers["Location"].rsplit("/", 1)[1])
    with db.reading() as session:
        facts = session.get_one(Incident, number).facts
    assert facts["deaths"] == 0
    assert "evacuated" not in facts and "ecology" not in facts
    desk.get(f"/incidents/{number}")
    desk.send(f"/incidents/{number}/update", deaths="12")
    assert "重大（Ⅱ级）" in desk.get(f"/incidents/{number}").get_data(as_text=True)


def test_a_list_is_shown_before_it_is_written(desk: Desk, tmp_path: Path) -> None:
    listed = tmp_path / "名单.csv"
    listed.write_text(
        "工号,姓名,角色,城市,手机,邮箱\nN1,新值班,duty,110000,13900000001,n1@example.cn\n", encoding="utf-8"
    )
    desk.sign_in("C01").get("/import")

    shown = desk.send("/import", register="officers", file=(listed.open("rb"), "名单.csv"))
    desk.page = shown.get_data(as_text=True)
    with db.reading() as session:
        assert session.get(Officer, "N1") is None
    assert desk.send("/import/write").status_code == 303

    with db.reading() as session:
        assert session.get_one(Officer, "N1").name == "新值班"


def test_a_bad_list_is_complained_of_by_row_and_column(desk: Desk, tmp_path: Path) -> None:
    listed = tmp_path / "bad.csv"
    listed.write_text("工号,姓名,角色,城市,手机,邮箱\nN1,新值班,厨师,110000,13900000001,\n", encoding="utf-8")
    desk.sign_in("C01").get("/import")

    shown = desk.send("/import", register="officers", file=(listed.open("rb"), "bad.csv"))

    assert shown.status_code == 422
    assert "厨师" in shown.get_data(as_text=True)
    assert str(tmp_path) not in shown.get_data(as_text=True)


def test_errors_wear_the_same_dress(desk: Desk) -> None:
    desk.sign_in("S01")

    for path, status in (("/alerts/9999", 404), ("/alerts/new", 403), ("/nowhere", 404)):
        answer = desk.get(path)
        assert answer.status_code == status
        assert "desk.css" in desk.page


def test_a_drill_begins_and_stops(desk: Desk) -> None:
    desk.sign_in("X01").get("/drills")
    name = re.findall(r'name="name" value="([^"]+)"', desk.page)[0]

    begun = desk.send("/drills/start", name=name, cities=["370100"])
    assert begun.status_code in (303, 422), begun.get_data(as_text=True)
    if begun.status_code == 303:
        desk.get(begun.headers["Location"])
        assert desk.send(f"{begun.headers['Location']}/stop").status_code == 303


def test_the_todo_list_names_what_waits_for_this_person(desk: Desk) -> None:
    desk.sign_in("S01").get("/")
    assert "请签发" in desk.page

    duty = another(desk, "D01")
    duty.get("/")
    assert "程序提议" in duty.page
    assert "请签发" not in duty.page
    assert "联系不上" in duty.page


def state(alert_id: int) -> str:
    with db.reading() as session:
        return session.get_one(Alert, alert_id).state


def signatures(alert_id: int) -> list[str]:
    with db.reading() as session:
        return list(
            session.scalars(select(Signature.officer).where(Signature.alert_id == alert_id).order_by(Signature.id))
        )


def audited() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Audited)) or 0


def test_every_page_says_when_nothing_is_sent_and_the_system_page_what_waits(desk: Desk) -> None:
    with db.transaction() as session:
        session.add(Setting(name=fingerprint.HELD, value="数据库属于另一套系统"))
    desk.sign_in("D01")

    for path in ("/", "/alerts", "/system"):
        desk.get(path)
        assert "全部停发" in desk.page and "数据库属于另一套系统" in desk.page, path
    waiting = re.search(r'id="underway".*?</section>', desk.page, re.S)
    assert waiting and "数据库待认领，全部停发" in waiting.group() and "请管理员核实后认领" in waiting.group()
    desk.client.set_cookie("lang", "en")
    desk.get("/system")
    assert "Under way and in doubt" in desk.page and "an administrator checks and adopts" in desk.page


def test_the_words_for_the_phone_follow_the_alert(desk: Desk, numbers: dict[str, int]) -> None:
    said = {}
    desk.sign_in("D01").client.set_cookie("lang", "en")
    for name in ("active", "dead", "drill"):
        desk.get(f"/alerts/{numbers[name]}/call-sheet")
        said[name] = re.search(r'class="words" lang="zh-CN">(.*?)</p>', desk.page, re.S)[1]  # type: ignore[index]

    assert "黄色预警" in said["active"] and "起，至" in said["active"]
    assert said["drill"].startswith("【演练】这是演练，生产照常。") and said["drill"].endswith("【演练】")
    assert "演练" not in said["active"] + said["dead"]


def test_the_system_page_says_who_sends(desk: Desk) -> None:
    desk.sign_in("D01").get("/system")
    assert "没有进程在派发" in desk.page
    leases.take("dispatch", "4711:abc")

    desk.get("/system")

    assert "由进程 4711 派发" in desk.page
    assert desk.client.get("/readyz").json["dispatching"] == "4711"
