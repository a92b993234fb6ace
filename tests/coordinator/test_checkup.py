"""What a check of the installation says, and with which exit a command ends."""

import contextlib
import logging
import sys
import time
from pathlib import Path

import psycopg
import pytest

from coordinator import checkup, clock, db, disks, logs, schema
from coordinator.cli import main
from coordinator.errors import Misconfigured
from coordinator.web import create_app
from tests import services


@pytest.fixture
def installed(store: object, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("TWILIO_ACCOUNT_SID", "SMTP_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_redis_address_that_is_none_is_a_line_and_no_traceback(installed: pytest.MonkeyPatch) -> None:
    installed.setenv("REDIS_URL", "localhost")
    faults = [line.fault for line in checkup.run() if line.fault]
    assert len(faults) == 1 and faults[0].startswith("REDIS_URL")


@pytest.mark.parametrize("words", [("drill", "run", "no-such"), ("drill", "report", "99"), ("feed", "pull", "no-such")])
def test_a_name_that_does_not_exist_is_a_mistake_of_usage(installed: object, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_database_that_may_lose_commits_is_refused(
    installed: pytest.MonkeyPatch, postgresql_server: str, setting: str
) -> None:
    installed.setenv("DATABASE_URL", services.new_database(postgresql_server))
    schema.upgrade()
    checkup.refuse()
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
        try:
            time.sleep(0.3)
            with pytest.raises(Misconfigured, match=setting):
                checkup.refuse()
        finally:
            connection.execute(f"ALTER SYSTEM RESET {setting}")
            connection.execute("SELECT pg_reload_conf()")
            db.engine().dispose()


@pytest.mark.parametrize(("ahead_s", "warned", "refused"), [(0, False, False), (5, True, False), (-40, False, True)])
def test_a_clock_that_is_off_warns_and_then_refuses(
    installed: pytest.MonkeyPatch, ahead_s: float, warned: bool, refused: bool
) -> None:
    wall = clock.wall
    installed.setattr(clock, "wall", lambda: wall() + ahead_s)

    line = next((line for line in checkup.run() if line.name == "clock"), checkup.Line("clock"))

    assert (bool(line.warning), bool(line.fault)) == (warned, refused)
    if refused:
        with pytest.raises(Misconfigured, match="时钟"):
            checkup.refuse()
    else:
        checkup.refuse()


def test_a_worker_whose_clock_is_off_does_not_start(installed: pytest.MonkeyPatch) -> None:
    wall = clock.wall
    installed.setattr(clock, "wall", lambda: wall() + 60)
    with pytest.raises(SystemExit) as ended:
        main(["worker"])
    assert ended.value.code == 78


@pytest.mark.parametrize(("share", "words"), [(0.79, ""), (0.8, "80%"), (0.93, "马上清理")])
def test_a_disk_that_fills_up_is_said_in_time(installed: pytest.MonkeyPatch, share: float, words: str) -> None:
    installed.setattr(disks, "fullness", lambda: share)

    line = next(line for line in checkup.run() if line.name == "disk")
    told = create_app().test_client().get("/readyz").json["warnings"]
    told = [one for one in told if "磁盘" in one]

    assert words in line.warning and bool(line.warning) == bool(words) == bool(told)


def test_the_share_in_use_is_the_disks_own(installed: pytest.MonkeyPatch) -> None:
    assert 0 < disks.fullness() <= 1


def test_a_full_log_disk_stops_nothing_and_is_counted(installed: pytest.MonkeyPatch) -> None:
    before = logs.lost()
    with Path("/dev/full").open("w", buffering=1) as full:
        installed.setattr(sys, "stderr", full)
        logs.configure("json")
        logging.getLogger("trial").error("a line")
        logging.getLogger("trial").error("another")
        assert logs.lost() >= before + 2
        installed.undo()
        with contextlib.suppress(OSError):
            full.close()
    logs.configure("console")
