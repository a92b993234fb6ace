"""The desk in Chromium: signing, holding, narrow screens, scripting off, pages that follow by themselves."""

import pytest
from playwright.sync_api import expect

from contacts.models import Officer
from coordinator import db, response
from tests import desk_region
from tests.browser.conftest import SignIn
from tests.coordinator.test_desk import DUTY_ONLY, LISTS

pytestmark = pytest.mark.services
NARROW = {"viewport": {"width": 390, "height": 844}}


def test_two_officers_sign_an_alert_without_script(sign_in: SignIn, region: dict[str, int]) -> None:
    for officer, state in (("S01", "待签发"), ("S02", "生效中")):
        page = sign_in(officer, java_script_enabled=False)
        page.goto(f"/alerts/{region['waiting']}")
        page.fill("#sign-password", desk_region.PASSWORD)
        page.get_by_role("button", name="家企业发送真实指令").click()
        expect(page.locator("h1")).to_contain_text(state)


def test_one_click_holds(sign_in: SignIn, region: dict[str, int]) -> None:
    page = sign_in("L01", java_script_enabled=False)
    page.goto(f"/alerts/{region['active']}")

    page.get_by_role("button", name="暂停派发").click()

    expect(page.locator("h1")).to_contain_text("已暂停")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_page_is_wider_than_a_phone(sign_in: SignIn, region: dict[str, int], lang: str) -> None:
    page = sign_in("D01", **NARROW)
    page.context.add_cookies([{"name": "lang", "value": lang, "url": page.url}])

    for path in (*LISTS, *DUTY_ONLY, "/nowhere"):
        page.goto(path, wait_until="domcontentloaded")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_an_open_board_follows_by_itself(sign_in: SignIn, region: dict[str, int]) -> None:
    page = sign_in("S02")
    page.goto("/")
    expect(page.locator("#todo")).not_to_contain_text("辛集")

    with db.transaction() as session:
        alert = response.load(session, region["engine"])
        response.submit(session, alert, session.get_one(Officer, "D01"))

    expect(page.locator("#todo")).to_contain_text("辛集", timeout=10_000)


def test_nothing_on_the_desk_trips_the_browser(sign_in: SignIn, region: dict[str, int]) -> None:
    page, complaints = sign_in("D01"), []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    for path in ("/", f"/alerts/{region['red']}", "/incidents/1", "/drills", "/import"):
        page.goto(path)

    assert complaints == []
