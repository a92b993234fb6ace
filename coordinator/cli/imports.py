"""liandong import …: read a register, show what it changes, write it whole or not at all."""

import json
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import click
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from contacts import emission_list, lists, people, places, register
from contacts.complaints import Report, Unreadable
from contacts.emission_list import Vocabulary
from contacts.weighing import Weighed, leave_trace
from coordinator import audit, clock, db, plainly, rulebook, rulebook_measures
from coordinator.errors import CoordinatorError, Fault, Misconfigured, Refusal

Weigh = Callable[[Session], Weighed]
Write = Callable[[Session, Weighed], None]
BY = "shell"  # who acts here, in the audit chain
EVERY = 5000  # rows between two looks at the clock
PATIENCE = 1.0  # seconds before progress is shown where nobody may be looking


def known_city(written: str) -> str | None:
    """The code of a city the rulebook knows, or None."""
    found = rulebook.find_city(written)
    return found.code if found else None


def city_of(written: str) -> str:
    """The code of the city a cell means; ValueError names what is near."""
    try:
        return places.city(written, known_city)
    except ValueError as unknown:
        near = get_close_matches(written, [city.name for city in rulebook.cities()], n=3, cutoff=0.4)
        raise ValueError(f"{unknown};最接近的是:{'、'.join(near)}" if near else str(unknown)) from unknown


def vocabulary() -> Vocabulary:
    """Cities of the rulebook, industries and grades of the measure tables."""
    table = rulebook_measures.table()
    return Vocabulary(
        city=city_of,
        industry=lambda written: table.industries.named(written).name,
        grade=lambda written: table.grades.named(written).name,
    )


class Progress:
    """Rows read so far on stderr: at once on a terminal, elsewhere only when it takes long."""

    def __init__(self) -> None:
        self.started, self.shown = clock.monotonic(), False

    def __call__(self, rows: int) -> None:
        if rows % EVERY == 0 and (sys.stderr.isatty() or clock.monotonic() - self.started > PATIENCE):
            click.echo(f"\r已读 {rows} 行", nl=False, err=True)
            self.shown = True

    def end(self) -> None:
        if self.shown:
            click.echo(err=True)


def _enterprises(path: Path, tick: Progress) -> tuple[Weigh, Write]:
    listed = emission_list.read(path, vocabulary(), tick)
    return lambda session: register.weigh_enterprises(session, listed), register.write_enterprises


def _contacts(path: Path, tick: Progress) -> tuple[Weigh, Write]:
    rows = lists.contacts(path, tick)
    return lambda session: people.weigh_contacts(session, rows), people.write_contacts


def _officers(path: Path, tick: Progress) -> tuple[Weigh, Write]:
    rows = lists.officers(path, known_city, tick)
    return lambda session: people.weigh_officers(session, rows), people.write_officers


def _shifts(path: Path, tick: Progress) -> tuple[Weigh, Write]:
    rows = lists.shifts(path, tick)
    return (
        lambda session: people.weigh_shifts(session, rows),
        lambda session, weighed: people.write_shifts(session, weighed, clock.now()),
    )


def _stations(path: Path, tick: Progress) -> tuple[Weigh, Write]:
    rows = lists.stations(path, known_city, tick)
    return lambda session: register.weigh_stations(session, rows), register.write_stations


STOPPED = "已中断:这个文件没有写入任何内容,原名单未变;可以重新导入"
REGISTERS = {
    "enterprises": ("企业应急减排清单", _enterprises),
    "contacts": ("企业联系人", _contacts),
    "officers": ("值班员、签发人、领导", _officers),
    "shifts": ("值班表", _shifts),
    "stations": ("监测站点", _stations),
}


@click.group()
def import_() -> None:
    """导入名单(xlsx 或 csv)。文件是其中出现的各城市的完整名单,其他城市不动;有一行不合格就一行也不写。"""


def settle(name: str, path: Path, *, dry: bool) -> Report:
    """Read, compare and, unless ``dry`` or a row is rejected, write one register."""
    tick = Progress()
    try:
        weigh, write = REGISTERS[name][1](path, tick)
    except Unreadable as error:
        raise Refusal(str(error)) from error
    except KeyboardInterrupt as stop:
        raise Fault(STOPPED) from stop
    finally:
        tick.end()
    try:
        with db.transaction() as session:
            weighed = weigh(session)
            if weighed.stands and not dry:
                write(session, weighed)
                leave_trace(session, weighed, path, clock.now())
                _seal(session, weighed, path)
    except DatabaseError as error:
        raise _trouble(error) from error
    except KeyboardInterrupt as stop:
        raise Fault(STOPPED) from stop
    return weighed.report()


def _seal(session: Session, weighed: Weighed, path: Path) -> None:
    found = weighed.report()
    counts = {"added": found.added, "changed": found.changed, "removed": found.removed, "unchanged": found.unchanged}
    audit.record(session, BY, f"import {found.register}", f"file:{path.name}", cities=list(found.cities), **counts)


def _trouble(error: DatabaseError) -> CoordinatorError:
    reason = str(error.orig).strip().splitlines()[0]
    if "no such table" in reason or "does not exist" in reason:
        return Misconfigured("数据库尚未建立,请先运行 liandong init")
    return Fault(f"数据库没有接受这次导入,原名单未变:{plainly.of_database(reason)}")


def _command(name: str, caption: str) -> click.Command:
    @click.command(name, help=f"{caption}:FILE 为 xlsx 或 csv,表头中文或英文,列序不限。")
    @click.argument("file", type=click.Path(path_type=Path))
    @click.option("--dry-run", is_flag=True, help="只看差异,不写入。")
    @click.option("--json", "as_json", is_flag=True, help="以 JSON 输出报告。")
    def command(file: Path, dry_run: bool, as_json: bool) -> None:
        report = settle(name, file, dry=dry_run)
        written = not dry_run and not report.rejected
        if as_json:
            shown = report.as_json() | {"dry_run": dry_run, "written": written}
            click.echo(json.dumps(shown, ensure_ascii=False))
        else:
            _speak(report, written=written)
        if report.rejected:
            raise Fault(f"{file} 有 {len(report.rejected)} 处不合格,未写入任何内容")

    return command


def _speak(report: Report, *, written: bool) -> None:
    counts = f"新增 {report.added},变更 {report.changed},移除 {report.removed},不变 {report.unchanged}"
    click.echo(f"{'已写入' if written else '未写入'}:{counts},不合格 {len(report.rejected)}")
    for complaint in report.rejected[:200]:
        click.echo(f"  {complaint.spoken()}" + (f"(“{complaint.value}”)" if complaint.value else ""))
    if len(report.rejected) > 200:
        click.echo(f"  …… 另有 {len(report.rejected) - 200} 处,用 --json 查看全部")
    for warning in report.warnings:
        click.echo(f"  提醒:{warning}")
    if not written:
        for change in report.changes:
            click.echo(f"  {change}")


for _name, (_caption, _) in REGISTERS.items():
    import_.add_command(_command(_name, _caption))
