"""liandong rules and liandong aqi, as the shell sees them."""

import csv
import io
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from coordinator.cli import main
from coordinator.cli.aqi import aqi
from coordinator.cli.rules import rules
from coordinator.errors import CoordinatorError


def run(command, *words):
    """(exit code, standard output): refusals become what the console script makes of them."""
    result = CliRunner().invoke(command, [str(word) for word in words])
    if isinstance(result.exception, CoordinatorError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def said(*words):
    code, out = run(rules, *words)
    assert code == 0, out
    return json.loads(out)


@pytest.fixture
def air(tmp_path):
    """石家庄 and a place nobody has heard of: 150 clean hours, 96 severe ones, 150 clean ones, from 2024-12-01."""
    path = tmp_path / "air.csv"
    rows = ["time,city,PM2.5"]
    for hour in range(396):
        day, clock = divmod(hour, 24)
        value = 300 if 150 <= hour < 246 else 30
        rows += [f"2024-12-{day + 1:02d} {clock:02d}:00,{city},{value}" for city in ("石家庄", "甲城")]
    path.write_text("\n".join(rows))
    return path


def test_editions_are_listed_in_the_promised_shape():
    rows = said("list", "--json")

    keys = {"id", "title", "place", "document", "in_force_from", "in_force_to", "levels", "confidence"}
    assert all(keys <= row.keys() for row in rows)
    assert {"环大气〔2024〕6号", "环大气〔2017〕86号", "冀政办字〔2024〕17号", "津政办规〔2023〕9号"} <= {
        row["document"] for row in rows
    }


def test_what_is_unconfirmed_is_marked_when_shown():
    code, out = run(rules, "show", "tianjin/2023")

    assert code == 0
    assert out.count("未经核实") >= 4


def test_editions_pass_their_own_cases_in_the_shell():
    assert run(rules, "test")[0] == 0
    assert run(rules, "test", "national/2024") == (0, "1 个版本,20 个案例,0 个不符\n")


def test_a_case_that_fails_is_a_fault(monkeypatch):
    from coordinator import rulebook

    monkeypatch.setattr(rulebook, "cases", lambda _: [{"name": "wrong", "days": [10], "expect": "red"}])

    assert run(rules, "test", "national/2024")[0] == 1


@pytest.mark.parametrize(
    ("daily", "level", "verdict"),
    [
        ("200", "none", "level"),
        ("150,150,150", "none", "level"),
        ("201", "yellow", "level"),
        ("210,230", "orange", "level"),
        ("210,,230", "yellow", "level"),
        ("210,nan,230", "yellow", "level"),
        ("100,nan", "unknown", "unknown"),
        (",,", "unknown", "unknown"),
        ("210,210,310", "red", "level"),
    ],
)
def test_daily_values_are_graded(daily, level, verdict):
    found = said("grade", "--ruleset", "national/2024", "--daily", daily)

    assert (found["level"], found["verdict"]) == (level, verdict)
    assert {"city", "ruleset", "clause", "evidence", "margin"} <= found.keys()


@pytest.mark.parametrize(
    ("day", "id"), [("2016-12-20", "national/2016"), ("2019-01-10", "beijing/2018"), ("2025-01-01", "beijing/2023")]
)
def test_auto_takes_the_edition_of_place_and_day(day, id):
    assert said("grade", "--ruleset", "auto", "--city", "北京", "--on", day, "--daily", "210")["ruleset"] == id


def test_hours_are_looked_at_from_t_for_h_hours(air):
    words = ("grade", "--ruleset", "national/2024", "--hourly", air, "--city", "130100", "--at", "2024-12-07T06:00")

    assert said(*words, "--horizon", 24)["level"] == "yellow"
    assert said(*words, "--horizon", 48)["level"] == "orange"
    assert said(*words, "--horizon", 72)["level"] == "red"
    assert said(*words)["level"] == "red"


def test_hours_the_file_lacks_are_missing(air):
    words = ("grade", "--ruleset", "national/2024", "--hourly", air, "--city", "石家庄", "--at", "2024-12-17T00:00")

    assert said(*words, "--horizon", 72)["verdict"] == "unknown"
    assert said(*words)["verdict"] == "level"


def replayed(*words):
    code, out = run(rules, "replay", *words)
    assert code == 0, out
    *lines, last = (json.loads(line) for line in out.splitlines())
    return lines, last["summary"]


def test_a_replay_tells_every_citys_life_line_by_line(air):
    lines, summary = replayed(air)

    keys = {
        "city",
        "city_name",
        "at",
        "decided_at",
        "change",
        "level",
        "previous",
        "ruleset",
        "clause",
        "reason",
        "evidence",
    }
    assert all(keys <= line.keys() for line in lines)
    assert {(line["city"], line["city_name"]) for line in lines} == {("130100", "石家庄"), ("甲城", "甲城")}
    assert {line["ruleset"] for line in lines} == {"hebei/2024", "national/2024"}
    assert summary["changes"]["start"] == summary["changes"]["lift"] == 2


def test_one_city_and_a_period_may_be_asked_for(air):
    lines, summary = replayed(air, "--city", "甲城", "--from", "2024-12-05", "--to", "2024-12-08", "--foresight", "72")

    assert {line["city"] for line in lines} == {"甲城"}
    assert summary["from"].startswith("2024-12-05T00") and summary["to"].startswith("2024-12-08T23")
    assert summary["still_open"] == {"甲城": "red"}


def test_a_region_takes_its_cities_from_the_file(air):
    lines, _ = replayed(air, "--region", "2+36")

    assert {line["city_name"] for line in lines} == {"石家庄"}


def test_a_forecast_file_takes_the_place_of_perfect_foresight(air, tmp_path):
    calm = tmp_path / "forecast.csv"
    calm.write_text(air.read_text().replace(",300", ",30"))

    perfect, _ = replayed(air, "--city", "石家庄", "--foresight", 72)
    blind, _ = replayed(air, "--city", "石家庄", "--foresight", 72, "--forecast", calm)

    def start(lines):
        return next((line["decided_at"] for line in lines if line["change"] == "start"), "never")

    assert start(perfect) < start(blind)


def test_two_editions_are_compared(air):
    found = json.loads(
        run(rules, "compare", air, "--ruleset", "national/2018", "--ruleset", "national/2024", "--json")[1]
    )

    assert [row["ruleset"] for row in found["rulesets"]] == ["national/2018", "national/2024"]
    assert {"hits", "misses", "late", "needless", "lead_hours", "city_hours"} <= found["rulesets"][0].keys()
    assert sum(found["rulesets"][0]["city_hours"].values()) == 2 * 396
    assert "命中 2" in run(rules, "compare", air, "--ruleset", "national/2018", "--ruleset", "national/2024")[1]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("show", "hebei/2030"), "hebei/2024"),
        (("grade", "--daily", "210,x"), "第 2 个值"),
        (("grade", "--daily", "210", "--city", "石家庒"), "石家庄"),
        (("grade", "--daily", "210", "--on", "soon"), "--on soon"),
        (("grade", "--daily", "210", "--on", "2001-01-01"), "2013"),
        (("grade",), "--daily"),
        (("grade", "--hourly", "AIR", "--at", "2024-12-01"), "--city"),
        (("grade", "--hourly", "AIR", "--city", "石家庄"), "--at"),
        (("grade", "--hourly", "AIR", "--city", "石家庄", "--at", "noon"), "--at noon"),
        (("grade", "--hourly", "AIR", "--city", "保定", "--at", "2024-12-01"), "石家庄"),
        (("grade", "--hourly", "none.csv", "--city", "保定", "--at", "2024-12-01"), "none.csv"),
        (("replay", "AIR", "--ruleset", "nowhere/1900"), "nowhere/1900"),
        (("replay", "AIR", "--region", "火星"), "火星"),
        (("replay", "AIR", "--from", "2030-01-01"), "--from/--to"),
        (("compare", "AIR", "--ruleset", "national/2024"), "两个"),
    ],
)
def test_a_wrong_word_is_refused_in_one_sentence(air, words, complaint):
    code, out = run(rules, *(air if word == "AIR" else word for word in words))

    assert code == 2
    assert complaint in out and "\n" not in out.strip()


def indexed(path, *words):
    code, out = run(aqi, path, *words)
    assert code == 0, out
    return list(csv.DictReader(io.StringIO(out)))


def test_every_row_gets_its_index(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("city,PM2.5,PM10,note\n甲,150.4,120,a\n乙,60,120,b\n丙,,,c\n")

    old, new = (indexed(path, "--standard", standard) for standard in ("hj633-2012", "hj633-2026"))

    assert [row["AQI"] for row in old] == ["201", "85", ""]
    assert [row["AQI"] for row in new] == ["200", "100", ""]
    assert new[1]["primary"] == "PM2.5;PM10" and new[1]["category"] == "良"
    assert [row["note"] for row in old] == ["a", "b", "c"]
    assert {"IAQI_PM2.5", "IAQI_PM10"} <= old[0].keys()


def test_json_is_one_object_a_row(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("time,city,PM2.5,O3_8h\n2026-05-01,甲,36,801\n")

    [row] = [json.loads(line) for line in run(aqi, path, "--standard", "hj633-2026", "--json")[1].splitlines()]

    assert (row["PM2.5"], row["AQI"], row["IAQI_O3_8h"], row["primary"]) == (36, 300, 300, "O3_8h")


def test_published_station_indices_are_met_exactly(shared_data):
    rows = indexed(
        shared_data / "02_region_air" / "cnemc_station_feed_2018-02-20T07.geojson.gz",
        "--standard",
        "hj633-2012",
        "--hourly",
    )

    compared = [(row["AQI"], row["aqi"]) for row in rows if row["aqi"].isdigit() and row["AQI"]]
    assert len(compared) > 1400
    assert [pair for pair in compared if pair[0] != pair[1]] == []


def test_the_published_city_indices_are_met_within_their_rounding(shared_data):
    rows = indexed(
        shared_data / "02_region_air" / "raw_china_cities_20190112.csv.gz", "--standard", "hj633-2012", "--hourly"
    )

    assert all(0 <= int(row["AQI"]) - float(row["AQI_given"]) <= 1 for row in rows if row["AQI"] and row["AQI_given"])


@pytest.mark.parametrize(
    ("rows", "standard", "complaint"),
    [
        ("a,b\n1,2\n", "hj633-2012", "污染物|时间列"),
        ("PM2.5\n1\n", "epa-2024", "hj633-2012"),
        ("", "hj633-2012", "空文件"),
    ],
)
def test_a_file_or_standard_that_will_not_do_is_refused(tmp_path, rows, standard, complaint):
    path = tmp_path / "x.csv"
    path.write_text(rows)

    code, out = run(aqi, path, "--standard", standard)

    assert code == 2
    assert any(word in out for word in complaint.split("|"))


def test_the_console_script_ends_a_refusal_with_two(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["rules", "show", "nowhere/1900"])

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("liandong: ")


@pytest.mark.parametrize("words", [["rules", "list"], ["aqi", "--help"]])
def test_listing_rules_loads_no_web_carrier_store_or_numbers(words):
    listing = "print(sorted(sys.modules), file=sys.stderr)"
    code = f"import sys; from coordinator.cli import main\ntry: main({words!r})\nexcept SystemExit: pass\n{listing}"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr

    for name in ("flask", "sqlalchemy", "twilio", "redis", "rq", "numpy", "pyarrow"):
        assert f"'{name}'" not in loaded
