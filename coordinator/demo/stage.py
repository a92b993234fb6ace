"""The stage of the demonstration: an own folder, sample people and plants, carriers on loopback, a fast clock."""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click

from contacts.models import Officer, Token
from coordinator import clock, db, rulebook, sample, tokens
from coordinator.cli import imports
from coordinator.errors import Misconfigured
from coordinator.models import Alert, Setting
from coordinator.simulator.subscribers import settings
from coordinator.web.passwords import hashed

FIGURES = Path(__file__).parent
MADE_BY = "demo"
SHOWN = {"110000", "130000"}  # whose officers a newcomer can sign in as


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of real figures, and where on it the play begins and ends (Beijing time)."""

    name: str
    title: str
    begins_at: datetime
    ends_at: datetime
    hours: dict[datetime, dict[str, float | None]] = field(repr=False)

    @property
    def cities(self) -> list[str]:
        return list(next(iter(self.hours.values())))


def episode(name: str) -> Episode:
    """Read one table of city-hour figures."""
    titles = {"winter-2019": "2019年1月京津冀及周边重污染过程", "red-2015": "2015年12月北京首次红色预警"}
    begins = {
        "winter-2019": datetime(2019, 1, 9, 8, tzinfo=clock.BEIJING),
        "red-2015": datetime(2015, 12, 4, 8, tzinfo=clock.BEIJING),
    }
    lines = [line for line in (FIGURES / f"{name}.csv").read_text().splitlines() if not line.startswith("#")]
    codes = lines[0].split(",")[1:]
    hours = {}
    for line in lines[1:]:
        at, *values = line.split(",")
        moment = datetime.strptime(at, "%Y-%m-%d %H:%M").replace(tzinfo=clock.BEIJING)
        hours[moment] = {code: float(value) if value else None for code, value in zip(codes, values, strict=True)}
    return Episode(name, titles[name], begins[name], max(hours), hours)


class Stagehand:
    """Moves the demonstration's business clock, which every role reads from one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def set(self, business: datetime, rate: float) -> None:
        """From now on it is ``business``, and time runs ``rate`` times as fast."""
        offset = business.timestamp() - clock.wall()
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{offset:.3f} {rate}\n")
        fresh.replace(self.path)

    def run_at(self, rate: float) -> None:
        """Change the speed without a jump."""
        self.set(clock.now(), rate)


def environment(home: Path, port: int, carriers: tuple[int, int]) -> dict[str, str]:
    """What every role of the demonstration is set to. Anything real in the caller's environment is left behind."""
    return {
        "LIANDONG_HOME": str(home),
        "LIANDONG_ENV": "development",
        "LIANDONG_LOG": "console",
        "LIANDONG_CLOCK_FILE": str(home / "clock"),
        "LIANDONG_ISSUER": "示例市重污染天气应急指挥部办公室",
        "LIANDONG_DESK_PHONE": "010-00000000",
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
        **settings(*carriers),
    }


def put_on(values: Mapping[str, str]) -> None:
    """Into this process's environment, from which the roles inherit it."""
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PORT", "OPEN_METEO_BASE", "LIANDONG_FEED_DIR"):
        os.environ.pop(name, None)
    os.environ.update(values)


def clear(home: Path) -> None:
    """Begin with an empty store. A store that was not made by a demonstration is never touched."""
    store = home / "liandong.db"
    if store.exists() and not _is_demo():
        raise Misconfigured(f"{home} 里有真实数据,演示不会动它;请用 LIANDONG_HOME=另一个文件夹 再试")
    db.engine().dispose()
    for path in (store, *home.glob("liandong.db-*"), home / "carriers" / "ledger.jsonl", home / "clock"):
        path.unlink(missing_ok=True)


def _is_demo() -> bool:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with db.reading() as session:
            return session.get(Setting, MADE_BY) is not None or session.query(Alert).first() is None
    except SQLAlchemyError:
        return True  # no tables yet


def mark() -> None:
    with db.transaction() as session:
        session.merge(Setting(name=MADE_BY, value="sample data"))


def people(home: Path, chosen: Episode, *, plants: int, start: datetime) -> None:
    """Write the sample workbooks and bring them in by the same way a clerk's go."""
    places = [rulebook.city(code) for code in chosen.cities]
    (home / "sample").mkdir(exist_ok=True)
    files = sample.write_all(home / "sample", places, count=plants, start=start, days=20)
    for register in ("enterprises", "contacts", "officers", "shifts"):
        if register in files:
            report = imports.settle(register, files[register], dry=False)
            click.echo(f"  liandong import {register} {files[register].name}: 新增 {report.added}")


@dataclass(frozen=True, slots=True)
class Actor:
    """A sample officer with a way in: by hand (password) and through the API (token)."""

    id: str
    name: str
    role: str
    cities: tuple[str, ...]
    password: str
    token: str

    def covers(self, city: str) -> bool:
        return city in self.cities or f"{city[:2]}0000" in self.cities


def actors() -> Sequence[Actor]:
    """Give each sample officer a fresh token, and those a newcomer will want to be a password too."""
    found = []
    with db.transaction() as session:
        for officer in session.query(Officer).order_by(Officer.id):
            token = secrets.token_urlsafe(24)
            password = secrets.token_hex(4) if SHOWN & set(officer.cities) else ""
            officer.password_hash = hashed(password) if password else None
            session.add(Token(officer_id=officer.id, hash=tokens.digest(token), created_at=clock.now()))
            found.append(Actor(officer.id, officer.name, officer.role, tuple(officer.cities), password, token))
    return found
