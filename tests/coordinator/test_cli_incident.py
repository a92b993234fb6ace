"""What a duty officer sees of incidents and CAP files at the command line."""

import json
import subprocess
import sys

import pytest

LEARNED = "2026-03-01T08:00+08:00"


def liandong(*arguments, text=None):
    command = [sys.executable, "-c", "from coordinator.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, input=text, encoding="utf-8", check=False)


@pytest.fixture
def spill(tmp_path):
    def written(content, name="file.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return written


def test_an_incident_is_graded_for_machines_and_for_people(spill):
    file = spill({"learned_at": LEARNED, "deaths": 10})
    machine, person = liandong("incident", "grade", file, "--json"), liandong("incident", "grade", file, "--text")

    assert machine.returncode == person.returncode == 0
    assert json.loads(machine.stdout)["grades"][0]["grade"] == "II"
    assert "重大(Ⅱ级)" in person.stdout
    assert "生态环境部" in person.stdout


def test_findings_that_no_terminal_reads_are_json(spill):
    file = spill({"learned_at": LEARNED, "deaths": 10})

    assert liandong("incident", "grade", file).stdout == liandong("incident", "grade", file, "--json").stdout


def test_an_unknown_grade_is_an_answer(spill):
    result = liandong("incident", "grade", spill({"learned_at": LEARNED}), "--json")

    assert result.returncode == 0
    assert json.loads(result.stdout)["grades"][0]["verdict"] == "unknown"


def test_all_regimes_read_well_side_by_side(spill):
    facts = {
        "learned_at": LEARNED,
        "regimes": ["environmental", "ship", "radiation"],
        "ship": {"spill_tonnes": 600},
        "radiation": {"source_category": 1},
        "river": {"name": "泃河", "flows_to_city": "廊坊", "km_to_boundary": 3},
        "updates": [{"at": "2026-03-01T09:30+08:00", "facts": {"deaths": 10}}],
    }
    result = liandong("incident", "grade", spill(facts), "--text")

    assert result.returncode == 0
    assert "廊坊、天津" in result.stdout
    assert "海事管理机构" in result.stdout
    assert "None" not in result.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"learned_at": LEARNED, "evacuees": 3}, "evacuated"),
        ({"deaths": 3}, "learned_at"),
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        ('{"learned_at": "2026-03-01T08:00+08:00", "deaths": NaN}', "NaN"),
        ('{"deaths": 1, "deaths": 2}', "deaths"),
        ("[]", "JSON"),
    ],
)
def test_bad_input_is_a_usage_error_in_one_line(spill, content, words):
    result = liandong("incident", "grade", spill(content))

    assert result.returncode == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


def test_a_file_that_is_not_there_or_not_text_is_a_usage_error(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")

    assert liandong("incident", "grade", tmp_path / "none").returncode == 2
    assert liandong("incident", "travel", tmp_path / "binary").returncode == 2
    assert liandong("incident", "travel", tmp_path).returncode == 2


def test_travel_is_told_for_machines_and_for_people(spill):
    reach = {"length_km": 20, "velocity_m_s": 0.5, "area_m2": 60, "dispersion_m2_s": 30}
    facts = {"mass_kg": 1000, "released_at": LEARNED, "limit_mg_l": 0.05, "reaches": [reach]}
    file = spill({**facts, "sections": [{"name": "老断面", "km": 20}]})
    machine, person = liandong("incident", "travel", file, "--json"), liandong("incident", "travel", file, "--text")

    assert json.loads(machine.stdout)["sections"][0]["peak_mg_l"] == pytest.approx(4.295, abs=0.0005)
    assert "老断面" in person.stdout
    assert "峰值 4.29" in person.stdout


def test_an_incident_may_come_through_a_pipe():
    result = liandong("incident", "grade", "-", "--json", text=json.dumps({"learned_at": LEARNED, "deaths": 1}))

    assert json.loads(result.stdout)["grades"][0]["grade"] == "IV"


def test_cap_says_valid_or_not_for_whatever_lies_there(spill, tmp_path):
    assert liandong("cap", "validate", spill("not xml", "note.txt")).returncode == 1
    assert liandong("cap", "validate", tmp_path).returncode == 1
    assert liandong("cap", "validate", "/dev/null").returncode == 1
    assert liandong("cap", "validate", tmp_path / "none").returncode == 2


def test_a_good_alert_with_a_weakness_is_valid_with_a_warning(shared_data):
    result = liandong("cap", "validate", shared_data / "05_cap/files/g_canada_errors.cap", "--json")

    assert result.returncode == 0
    assert json.loads(result.stdout)["warnings"]


def test_incident_and_cap_start_without_web_carrier_or_database_code():
    program = (
        "import sys, coordinator.cli.incident, coordinator.cli.cap;"
        "print(sorted({'flask','sqlalchemy','twilio','redis','rq','aiosmtplib'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)

    assert loaded.stdout.strip() == "[]"
