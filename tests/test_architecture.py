"""The shape of the house, held by tests: who imports whom is held by import-linter, the rest is here."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator import drills, schedule
from coordinator.cli import COMMANDS
from coordinator.cli import liandong as cli

ROOT = Path(__file__).resolve().parent.parent
CODE = [
    path
    for folder in ("rules", "contacts", "coordinator")
    for path in (ROOT / folder).rglob("*.py")
    if "versions" not in path.parts
]
# Where the dress, the accounts and the words of a rehearsal are chosen; nowhere else may ask whether it is one.
MAY_ASK = {
    "models.py", "response.py", "drills.py", "render.py", "forms.py", "orders.py", "plan.py", "preview.py", "dispatch.py", "verify.py",
    "cap.py", "cap12.py", "cap_rules.py", "config.py", "sample.py",
}  # fmt: skip
MAY_ASK_FOLDERS = {"channels", "simulator", "demo", "cli", "web"}


def words_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_only_the_clock_reads_the_clock() -> None:
    reads = re.compile(r"datetime\.now\(|utcnow\(|time\.time\(|date\.today\(")
    guilty = [path.name for path in CODE if path.name != "clock.py" and reads.search(words_of(path))]

    assert guilty == []


def test_only_few_rooms_ask_whether_it_is_a_drill() -> None:
    asks = re.compile(r"EXERCISE|\"exercise\"|演练")
    guilty = {
        path.name
        for path in CODE
        if path.parts[-2] == "coordinator"
        and path.name not in MAY_ASK
        and asks.search(re.sub(r'""".*?"""|#.*', "", words_of(path), flags=re.S))
    }

    assert guilty <= {"chasing.py", "reports.py", "checkup.py", "mandates.py", "status.py", "archive.py", "schedule.py"}


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT / "README.zh.md"], ids=lambda path: path.name)
def test_every_path_and_command_in_the_readme_is_there(path: Path) -> None:
    text = words_of(path)
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    commands = set(re.findall(r"^\s*liandong ([\w-]+)|`liandong ([\w-]+)", text, re.M))
    made = set(re.findall(r"`make (\w+)`", text))

    assert [name for name in linked if not (ROOT / name).exists()] == []
    assert {one or other for one, other in commands} <= set(COMMANDS)
    assert made <= set(re.findall(r"^([a-z-]+):", words_of(ROOT / "Makefile"), re.M))


def test_every_command_has_help() -> None:
    for name in COMMANDS:
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.help, name


def test_the_timetable_has_a_line_for_every_script(store_free: None) -> None:
    jobs = [line.job for line in schedule.timetable()]

    assert len(jobs) == len(set(jobs))
    assert {f"drill:{script.name}" for script in drills.scripts() if script.cron} <= set(jobs)


@pytest.fixture
def store_free() -> None:
    """The timetable is read without any store."""


def test_nothing_of_others_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    foreign = [name for name in listed if re.search(r"\.(parquet|xsd|geojson|woff2?|min\.js|jar|whl)$|uv\.lock$", name)]

    assert foreign == []


def test_the_locks_name_no_registry() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert "://" not in words_of(ROOT / name)
        assert "--hash=" in words_of(ROOT / name)


@pytest.mark.parametrize(
    "line",
    sorted(
        {
            line.strip()
            for page in ("README.md", "README.zh.md")
            for line in re.findall(r"`?(liandong (?:rules|drill) [^`\n#、]+)`?", words_of(ROOT / page))
        }
    ),
)
def test_every_look_into_the_rules_that_the_readme_shows_works(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIANDONG_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    command = [sys.executable, "-m", "coordinator.cli", *shlex.split(line)[1:]]
    subprocess.run([sys.executable, "-m", "coordinator.cli", "init"], check=True, capture_output=True)

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
