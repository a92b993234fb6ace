"""A busy region behind a server on loopback, and Chromium to look at it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from coordinator import db, schema
from coordinator.web import create_app
from tests import desk_region, services
from tests.coordinator.callers import served

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
SignIn = Callable[..., Page]


def chromium() -> str | None:
    """The browser of this machine: CHROMIUM, or what is on the path."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = chromium()
    if path is None:
        services.missing("Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def region(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[dict[str, int]]:
    """The numbers of the alerts of a busy night."""
    folder: Path = tmp_path_factory.mktemp("region")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANDONG_HOME", str(folder))
        patch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        patch.delenv("DATABASE_URL", raising=False)
        schema.upgrade()
        yield desk_region.fill(plants_wanted=80, hours=50)
        db.engine().dispose()


@pytest.fixture(scope="package")
def address(region: dict[str, int]) -> Iterator[str]:
    with served(create_app()) as found:
        yield found


@pytest.fixture
def sign_in(browser: Browser, address: str) -> Iterator[SignIn]:
    """``sign_in("S01")`` gives a page of that officer's own browser; more settings as Playwright knows them."""
    contexts: list[BrowserContext] = []

    def enter(officer: str, **settings: object) -> Page:
        contexts.append(browser.new_context(base_url=address, **settings))  # type: ignore[arg-type]
        page = contexts[-1].new_page()
        page.goto("/sign-in")
        page.fill("#officer", officer)
        page.fill("#password", desk_region.PASSWORD)
        page.click("main button.main")
        return page

    yield enter
    for context in contexts:
        context.close()
