"""liandong import, token, password: as a clerk and a script meet them."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from contacts import weighing
from contacts.credit_codes import check_character
from contacts.models import Contact, Enterprise, Line, Officer, RegisterImport, Shift, Station, Token
from coordinator import audit, db
from coordinator.cli import main

PLANTS = ("统一社会信用代码", "企业名称", "城市", "行业", "绩效等级")
PEOPLE = ("统一社会信用代码", "姓名", "手机", "邮箱", "次序")
STAFF = ("工号", "姓名", "角色", "城市", "手机", "邮箱")
Say = Callable[..., tuple[int, str, str]]


def code(number: int) -> str:
    body = f"91130100{number:09d}"
    return body + check_character(body + "0")


def plant(number: int, **other: object) -> tuple[object, ...]:
    row = {"name": f"第{number}厂", "city": "石家庄", "industry": "水泥", "grade": "B"} | other
    return (code(number), *row.values())


def officer(key: str, cities: str = "130100", role: str = "duty") -> tuple[str, ...]:
    return key, f"示例{key}", role, cities, "13800138000", f"{key}@example.cn"


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command line; gives exit code, stdout, stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        exit_code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as end:
            exit_code = int(end.code or 0)
        out, err = capsys.readouterr()
        return exit_code, out, err

    return run


@pytest.fixture
def bring(say: Say, tmp_path: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Imports rows as a csv; gives exit code and report."""

    def run(
        register: str, headings: Iterable[str], *rows: Iterable[object], dry: bool = False
    ) -> tuple[int, dict[str, Any]]:
        path = tmp_path / f"{register}.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([headings, *rows])
        exit_code, out, _ = say("import", register, path, "--json", *(["--dry-run"] if dry else []))
        return exit_code, json.loads(out)

    return run


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    return tuple(report[key] for key in ("added", "changed", "removed", "unchanged"))


def names(model: Any, column: str = "name") -> list[str]:
    with db.reading() as session:
        return sorted(session.scalars(select(getattr(model, column))))


def test_a_second_import_of_the_same_file_changes_nothing(any_store: str, bring: Any) -> None:
    rows = [plant(1), plant(2, city="北京")]

    assert bring("enterprises", PLANTS, *rows) == (
        0,
        bring("enterprises", PLANTS, *rows)[1] | {"added": 2, "unchanged": 0},
    )
    assert counts(bring("enterprises", PLANTS, *reversed(rows))[1]) == (0, 0, 0, 2)


def test_the_file_is_the_whole_register_of_its_cities_and_of_no_other(any_store: str, bring: Any) -> None:
    bring("enterprises", PLANTS, plant(1), plant(2), plant(3), plant(4, city="北京"))

    exit_code, report = bring("enterprises", PLANTS, plant(1), plant(2, grade="A"), plant(5))

    assert exit_code == 0 and counts(report) == (1, 1, 1, 1)
    assert names(Enterprise) == ["第1厂", "第2厂", "第4厂", "第5厂"]
    with db.reading() as session:
        changed = session.get_one(Enterprise, code(2))
        assert (changed.grade, changed.revision) == ("A", 2)


def test_one_bad_row_and_nothing_is_written(any_store: str, bring: Any) -> None:
    bring("enterprises", PLANTS, plant(1))

    exit_code, report = bring("enterprises", PLANTS, plant(2), plant(3, industry="航天"), plant(1, grade="Z"))

    assert exit_code == 1 and counts(report) == (0, 0, 0, 0) and not report["written"]
    assert [(each["row"], each["column"], each["value"]) for each in report["rejected"]] == [
        (3, "行业", "航天"), (4, "绩效等级", "Z"),
    ]  # fmt: skip
    assert all(each["reason"] for each in report["rejected"])
    assert names(Enterprise) == ["第1厂"]


def test_a_dry_run_tells_and_writes_nothing(any_store: str, bring: Any) -> None:
    exit_code, report = bring("enterprises", PLANTS, plant(1), dry=True)

    assert exit_code == 0 and report["added"] == 1 and names(Enterprise) == []


def test_a_plant_of_a_city_outside_the_file_is_not_taken_away_from_it(any_store: str, bring: Any) -> None:
    bring("enterprises", PLANTS, plant(1, city="北京"), plant(2))

    exit_code, report = bring("enterprises", PLANTS, plant(1), plant(2))
    together, moved = bring("enterprises", PLANTS, plant(1), plant(2), plant(3, city="北京"))

    assert exit_code == 1 and "110000" in report["rejected"][0]["reason"]
    assert together == 0 and counts(moved) == (1, 1, 0, 1)


def test_a_column_the_file_lacks_keeps_what_is_known(any_store: str, bring: Any) -> None:
    bring("enterprises", (*PLANTS, "区县", "参演", "生产线"), (*plant(1), "长安区", "是", "1#窑"))

    _, report = bring("enterprises", PLANTS, plant(1))
    _, cleared = bring("enterprises", (*PLANTS, "区县"), (*plant(1), ""))

    assert counts(report) == (0, 0, 0, 1) and counts(cleared) == (0, 1, 0, 0)
    with db.reading() as session:
        known = session.get_one(Enterprise, code(1))
        assert (known.county, known.in_drill, [line.name for line in known.lines]) == (None, True, ["1#窑"])


def test_lines_follow_their_plant(any_store: str, bring: Any) -> None:
    headings = (*PLANTS, "生产线", "橙色停限产比例")
    bring("enterprises", headings, (*plant(1), "1#窑", "50%"), (*plant(1), "2#窑", ""), (*plant(2), "1#窑", ""))

    _, report = bring("enterprises", headings, (*plant(1), "1#窑", "100%"), (*plant(3), "", ""))

    assert counts(report) == (1, 1, 1, 0) and names(Line) == ["1#窑"]
    with db.reading() as session:
        assert session.get_one(Line, (code(1), "1#窑")).orange_cut == 1


def test_contacts_keep_their_number_when_their_phone_changes(any_store: str, bring: Any) -> None:
    bring("enterprises", PLANTS, plant(1), plant(2), plant(3, city="北京"))
    before = [
        (code(1), "张三", "13800138001", "", 1),
        (code(2), "李四", "13800138002", "", 1),
        (code(3), "王五", "13800138003", "", 1),
    ]
    bring("contacts", PEOPLE, *before)
    with db.reading() as session:
        key = session.scalar(select(Contact.id).where(Contact.name == "张三"))

    exit_code, report = bring(
        "contacts", PEOPLE, (code(1), "张三", "13800138009", "", 1), (code(1), "赵六", "", "z@example.cn", 2)
    )

    assert exit_code == 0 and counts(report) == (1, 1, 1, 0)
    assert names(Contact) == ["张三", "王五", "赵六"] and "1 家企业没有联系人" in report["warnings"][0]
    with db.reading() as session:
        assert session.get_one(Contact, key).phone == "+8613800138009"


def test_a_contact_of_nobody_is_refused(any_store: str, bring: Any) -> None:
    exit_code, report = bring("contacts", PEOPLE, (code(1), "张三", "13800138001", "", 1))

    assert exit_code == 1 and "没有这家企业" in report["rejected"][0]["reason"]


def test_many_changed_phones_ask_for_a_second_look(store: Path, bring: Any) -> None:
    bring("enterprises", PLANTS, *(plant(n) for n in range(30)))
    bring("contacts", PEOPLE, *((code(n), f"甲{n}号"[:2], f"138001380{n:02d}", "", 1) for n in range(30)))

    _, report = bring("contacts", PEOPLE, *((code(n), f"甲{n}号"[:2], f"138001390{n:02d}", "", 1) for n in range(30)))

    assert any("另一人核对" in warning for warning in report["warnings"])


def test_an_officer_leaves_only_with_all_of_their_cities(any_store: str, bring: Any) -> None:
    bring("officers", STAFF, officer("a"), officer("b", "130100;110000"), officer("c", "130000"), officer("d"))

    exit_code, report = bring("officers", STAFF, officer("d", role="signer"))

    assert exit_code == 0 and counts(report) == (0, 1, 1, 0)
    with db.reading() as session:
        active = session.scalars(select(Officer.id).where(Officer.active).order_by(Officer.id)).all()
    assert active == ["b", "c", "d"]
    assert counts(bring("officers", STAFF, officer("a"), officer("d", role="signer"))[1]) == (0, 1, 0, 1)


def test_a_new_roster_replaces_the_old_and_leaves_its_history(any_store: str, bring: Any) -> None:
    bring("officers", STAFF, officer("a"), officer("b"), officer("t", "130200"))
    headings, first = ("工号", "开始", "结束"), ("a", "2026-11-22 08:00", "2026-11-23 08:00")
    bring("shifts", headings, first, ("b", "2026-11-23 08:00", "2026-11-24 08:00"), ("t", "2026-11-22", "2026-11-23"))

    exit_code, report = bring("shifts", headings, ("a", "2026-11-22 08:00", "2026-11-23 20:00"))

    assert exit_code == 0 and counts(report) == (0, 1, 1, 0)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Shift)) == 3
        assert session.scalars(select(Shift.officer_id).where(Shift.withdrawn_at.is_not(None))).all() == ["b"]
    assert counts(bring("shifts", headings, first, ("b", "2026-11-23 08:00", "2026-11-24"))[1])[0] == 1


def test_a_shift_of_nobody_is_refused(store: Path, bring: Any) -> None:
    assert bring("shifts", ("id", "from", "to"), ("zz", "2026-11-22", "2026-11-23"))[0] == 1


def test_stations_are_kept_by_city(any_store: str, bring: Any) -> None:
    headings = ("code", "name", "city", "lon", "lat", "备注")
    bring("stations", headings, ("1A", "甲", "110000", 116.4, 39.9, ""), ("2A", "乙", "石家庄", 114.5, 38.0, ""))

    _, report = bring("stations", headings, ("3A", "丙", "北京", 116.4, 39.9, ""))

    assert counts(report) == (1, 0, 1, 0) and names(Station) == ["丙", "乙"]


@pytest.mark.parametrize(
    ("content", "says"), [("统一社会信用代码,企业名称,城市,行业\n", "绩效等级"), ("", "空文件"), ("随便什么", "缺少列")]
)
def test_a_file_that_cannot_be_read_is_one_sentence_and_exit_2(store: Path, say: Say, content: str, says: str) -> None:
    path = store / "清单.csv"
    path.write_text(content)

    exit_code, out, err = say("import", "enterprises", path)

    assert (exit_code, out, err.count("\n")) == (2, "", 1) and says in err and "清单.csv" in err


def test_a_file_that_is_not_there_is_exit_2(store: Path, say: Say) -> None:
    assert say("import", "contacts", store / "无.xlsx")[0] == 2


def test_an_import_before_init_says_so(store: Path, say: Say, bring: Any) -> None:
    (store / "liandong.db").unlink()
    path = store / "清单.csv"
    path.write_text(",".join(PLANTS) + "\n" + ",".join(map(str, plant(1))))

    exit_code, _, err = say("import", "enterprises", path)

    assert exit_code == 78 and "liandong init" in err


def test_a_write_that_breaks_off_leaves_the_old_register(
    any_store: str, bring: Any, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring("enterprises", PLANTS, plant(1), plant(2))
    monkeypatch.setattr(weighing, "CHUNK", 1)  # the first chunk is written before the database refuses the second
    with db.transaction() as session:
        session.connection().exec_driver_sql("CREATE UNIQUE INDEX one_name ON enterprise (name)")
    path = tmp_path / "same.csv"
    path.write_text(
        "\n".join(",".join(map(str, row)) for row in (PLANTS, plant(3, name="同名"), plant(4, name="同名")))
    )

    exit_code, _, err = say("import", "enterprises", path)

    assert exit_code == 1 and "原名单未变" in err
    assert names(Enterprise) == ["第1厂", "第2厂"]


def test_an_import_leaves_its_trace(store: Path, bring: Any) -> None:
    bring("enterprises", PLANTS, plant(1), plant(2))
    bring("enterprises", PLANTS, plant(1, grade="A"))

    with db.reading() as session:
        trace = session.scalars(select(RegisterImport).order_by(RegisterImport.id)).all()[-1]
        assert (trace.register, trace.changed, trace.removed, trace.file_name) == (
            "enterprises",
            1,
            1,
            "enterprises.csv",
        )
        assert {"key": "第1厂", "was": {"grade": "B"}} in trace.before
        assert audit.breaks(session) == []


def test_a_person_reads_the_report_in_sentences(store: Path, say: Say) -> None:
    path = store / "清单.csv"
    path.write_text(",".join(PLANTS) + "\n" + ",".join(map(str, plant(1, industry="航天"))))

    exit_code, out, err = say("import", "enterprises", path)

    assert exit_code == 1 and "第 2 行 行业" in out and "航天" in out and "未写入" in err


def test_a_token_stands_alone_on_the_last_line_and_is_kept_hashed(any_store: str, say: Say, bring: Any) -> None:
    bring("officers", STAFF, officer("a"))

    exit_code, out, _ = say("token", "create", "--officer", "a")

    secret = out.splitlines()[-1]
    assert exit_code == 0 and len(secret) >= 32 and secret == secret.strip()
    with db.reading() as session:
        kept = session.scalars(select(Token)).one()
        assert kept.hash == hashlib.sha256(secret.encode()).hexdigest() and kept.officer_id == "a"


def test_a_token_is_taken_back(store: Path, say: Say, bring: Any) -> None:
    bring("officers", STAFF, officer("a"))
    for _ in range(2):
        say("token", "create", "--officer", "a")

    assert say("token", "revoke", "--officer", "a", "--id", 1)[0] == 0
    states = [row["revoked_at"] is None for row in json.loads(say("token", "list", "--officer", "a", "--json")[1])]
    assert states == [False, True]
    assert say("token", "revoke", "--officer", "a", "--id", 1)[0] == 2


def test_nobody_gets_a_token_for_a_stranger_or_for_one_who_left(store: Path, say: Say, bring: Any) -> None:
    bring("officers", STAFF, officer("a"), officer("b"))
    bring("officers", STAFF, officer("b"))

    assert say("token", "create", "--officer", "zz")[0] == 2
    assert say("token", "create", "--officer", "a")[0] == 2


def test_a_password_is_fresh_each_time_and_kept_by_argon2(store: Path, say: Say, bring: Any) -> None:
    bring("officers", STAFF, officer("a"))

    first, second = (say("password", "create", "--officer", "a")[1].splitlines()[-1] for _ in range(2))

    assert first != second and len(second) >= 12
    with db.reading() as session:
        assert str(session.get_one(Officer, "a").password_hash).startswith("$argon2id$")
