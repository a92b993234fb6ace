"""What a newcomer and a duty officer at night run into: each trouble ends in one clear sentence and no damage."""

import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from coordinator import db, plainly, wordings
from coordinator.models import Notice
from coordinator.web import create_app
from rules.levels import Level
from tests.coordinator.callers import Desk
from tests.coordinator.conftest import issued

ROOT = Path(__file__).parents[2]
LISTS = {
    "officers": "工号,姓名,角色,城市,手机,邮箱\n1001,陈值班,值班员,130000,+8615400001001,d@example.cn\n",
    "enterprises": "统一社会信用代码,企业名称,城市,行业,绩效等级\n91130100MA0000000C,示例厂,石家庄,水泥,B\n",
    "contacts": "统一社会信用代码,姓名,手机,邮箱,次序\n91130100MA0000000C,王厂长,15400000001,w@example.cn,1\n",
}


def ran(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command as a newcomer types it, in a folder of its own."""
    environ = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    environ |= {"LIANDONG_HOME": str(folder / "home")} | more
    command = [sys.executable, "-m", "coordinator.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd=folder)


def one_sentence(done: subprocess.CompletedProcess[str], *signs: str) -> bool:
    lines = done.stderr.strip().splitlines()
    return len(lines) == 1 and lines[0].startswith("liandong: ") and all(sign in lines[0] for sign in signs)


def setting_up(page: str) -> list[list[str]]:
    [block] = re.findall(r"```sh\n(liandong init .*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines() if " & " not in line]


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_lines_that_set_up_a_site_work_as_written(page: str, tmp_path: Path) -> None:
    lines = setting_up(page)

    for words in lines:
        if words[0] == "import":
            (tmp_path / words[2]).write_text(LISTS[words[1]], encoding="utf-8")
            if "--dry-run" in words:
                assert ran(tmp_path, *[word for word in words if word != "--dry-run"]).returncode == 0
        assert ran(tmp_path, *words).returncode == 0, words

    assert [words[0] for words in lines] == ["init", "import", "import", "import", "password", "token", "check"]


@pytest.mark.parametrize("words", ["adopt", "templates lint", "status", "verify", "audit verify"])
def test_what_the_readme_names_in_passing_runs_too(words: str, tmp_path: Path) -> None:
    (tmp_path / "officers.csv").write_text(LISTS["officers"], encoding="utf-8")
    assert ran(tmp_path, "init").returncode == 0
    assert ran(tmp_path, "import", "officers", "officers.csv").returncode == 0

    done = ran(tmp_path, *words.split())

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("content", "signs"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(40), ("图片",)),
        (b"%PDF-1.7 ...", ("PDF",)),
        ("企业名称,城市\n甲厂,石家庄\n".encode(), ("缺少列", "credit_code", "企业名称、城市")),
        (b"", ("空文件",)),
    ],
)
def test_a_wrong_file_is_named_with_its_mend(content: bytes, signs: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    ran(tmp_path, "init")

    done = ran(tmp_path, "import", "enterprises", "list.csv")

    assert done.returncode == 2 and one_sentence(done, "list.csv", *signs)


@pytest.mark.parametrize(("words", "code"), [("status", 78), ("init", 78), ("worker", 78), ("check", 78)])
def test_a_database_that_is_away_is_said_in_plain_words(words: str, code: int, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://u:p@127.0.0.1:{taken.getsockname()[1]}/x"
        done = ran(tmp_path, words, DATABASE_URL=url)

    assert done.returncode == code
    assert "连接被拒绝" in done.stdout + done.stderr and "Traceback" not in done.stderr


def test_a_taken_port_is_said_and_how_to_choose_another(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran(tmp_path, "init")
        done = ran(tmp_path, "web", "--port", str(taken.getsockname()[1]))

    assert done.returncode == 78 and one_sentence(done, "已被占用", "--port")


def test_half_an_account_is_one_complaint(tmp_path: Path) -> None:
    done = ran(tmp_path, "check", TWILIO_ACCOUNT_SID="AC1")

    assert done.returncode == 78 and done.stdout.count("✗") - done.stdout.count("✗ database") == 1


def test_no_room_for_the_key_leaves_no_empty_key_behind(tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    environ = os.environ | {"LIANDONG_HOME": str(tmp_path / "home")}
    environ.pop("SECRET_KEY", None)
    command = [sys.executable, "-B", "-m", "coordinator.cli", "init"]
    done = subprocess.run(command, env=environ, preexec_fn=no_room, capture_output=True, text=True, check=False)

    assert done.returncode == 78 and one_sentence(done, "secret_key", "写不下")
    assert [path.name for path in (tmp_path / "home").iterdir() if "secret" in path.name] == []
    assert ran(tmp_path, "init").returncode == 0


def test_an_empty_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "secret_key").touch()

    done = ran(tmp_path, "init")

    assert done.returncode == 78 and one_sentence(done, "secret_key", "是空的")


def test_ctrl_c_in_an_import_says_that_nothing_was_written(tmp_path: Path) -> None:
    ran(tmp_path, "init")
    os.mkfifo(tmp_path / "slow.csv")  # its reading never ends
    command = [sys.executable, "-m", "coordinator.cli", "import", "contacts", "slow.csv"]
    environ = os.environ | {"LIANDONG_HOME": str(tmp_path / "home")}
    with (
        subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True) as importing,
        (tmp_path / "slow.csv").open("w"),  # opens when the command has begun to read
    ):
        time.sleep(0.2)
        importing.send_signal(signal.SIGINT)
        said = importing.communicate(timeout=20)[1]

    assert importing.returncode == 1 and "没有写入任何内容" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device", "/var/x"), "磁盘满了"),
        (SimpleNamespace(orig="database or disk is full"), ""),
        (ValueError("x"), ""),
    ],
)
def test_only_troubles_of_the_surroundings_are_excused(error: BaseException, words: str) -> None:
    assert (words in plainly.of_any(error)) and bool(words) == bool(plainly.of_any(error))


def test_an_end_can_be_taken_back(region: SimpleNamespace) -> None:
    alert_id, desk = issued(Level.YELLOW), Desk(create_app().test_client())

    asked = desk("d1", "post", f"/alerts/{alert_id}/change", {"rev": 1, "effective_to": None, "reason": "另行通知"})
    assert asked.json["pending"]["wanted"] == {"effective_to": None, "reason": "另行通知"}
    desk("s1", "post", f"/alerts/{alert_id}/approve", {"rev": 2})

    assert desk("a1", "get", f"/alerts/{alert_id}").json["effective_to"] is None


def test_who_is_to_sign_reads_what_is_asked_for(region: SimpleNamespace) -> None:
    alert_id, desk = issued(Level.YELLOW), Desk(create_app().test_client())

    desk("d1", "post", f"/alerts/{alert_id}/change", {"rev": 1, "level": "orange", "reason": "预报上调"})

    assert any("橙色预警" in words and "升级" in words for words in pages(alert_id, 2))


def test_who_is_to_sign_a_lift_is_not_told_a_beginning(region: SimpleNamespace) -> None:
    alert_id = issued(Level.YELLOW)
    desk = Desk(create_app().test_client())
    evidence = {"observed": "AQI 78", "forecast": "低于 100"}

    desk("d1", "post", f"/alerts/{alert_id}/lift", {"rev": 1, "reason": "冷空气到达", "evidence": evidence})

    told = pages(alert_id, 2)
    assert told and all("解除" in words and "起" not in words for words in told)


def pages(alert_id: int, rev: int) -> list[str]:
    with db.reading() as session:
        query = select(Notice).where(Notice.alert_id == alert_id, Notice.rev == rev, Notice.channel == "sms")
        return [wordings.said(session, notice).text for notice in session.scalars(query)]
