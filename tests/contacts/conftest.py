"""Files as clerks hand them in, and an empty register to import them into."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from contacts import emission_list, places
from contacts.credit_codes import check_character
from contacts.emission_list import Listed, Vocabulary
from contacts.models import Base

CITIES = {"北京": "110000", "天津": "120000", "石家庄": "130100", "唐山": "130200"}
INDUSTRIES = ("水泥", "焦化", "铸造", "家具")
GRADES = ("A", "B", "B-", "C", "D", "引领性")
HEADINGS = ("统一社会信用代码", "企业名称", "城市", "行业", "绩效等级")


def code(number: int) -> str:
    """A credit code with a true check character."""
    body = f"91130100{number:09d}"
    return body + check_character(body + "0")


def plant(number: int, **other: object) -> list[object]:
    row = {"code": code(number), "name": f"第{number}厂", "city": "石家庄", "industry": "水泥", "grade": "B"} | other
    return list(row.values())


def known_city(written: str) -> str | None:
    return CITIES.get(written) or (written if written in CITIES.values() else None)


def one_of(what: str, names: Sequence[str]) -> Callable[[str], str]:
    def named(written: str) -> str:
        if written not in names:
            raise ValueError(f"不认识的{what}“{written}”")
        return written

    return named


VOCABULARY = Vocabulary(
    lambda written: places.city(written, known_city), one_of("行业", INDUSTRIES), one_of("等级", GRADES)
)


def silence(rows: int) -> None:
    """No progress."""


def listed(path: Path) -> Listed:
    return emission_list.read(path, VOCABULARY, silence)


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Writes a workbook: each keyword is a sheet, each sheet a list of rows."""

    def write(**sheets: list[Sequence[object]]) -> Path:
        path = tmp_path / "清单.xlsx"
        with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as workbook:
            for name, rows in sheets.items():
                sheet = workbook.add_worksheet(name)
                for number, row in enumerate(rows):
                    sheet.write_row(number, 0, row)
        return path

    return write


@pytest.fixture
def text(tmp_path: Path) -> Callable[..., Path]:
    """Writes a delimited text in any encoding."""

    def write(rows: list[Sequence[object]], encoding: str = "utf-8", mark: str = ",") -> Path:
        path = tmp_path / "名单.csv"
        path.write_bytes("".join(mark.join(map(str, row)) + "\r\n" for row in rows).encode(encoding))
        return path

    return write


@pytest.fixture
def session() -> Iterator[Session]:
    """An empty register in memory."""
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    Base.metadata.create_all(engine)
    with Session(engine) as opened:
        yield opened
