"""Does this database belong to this installation? A copy, or one restored from an older backup, is held until adopted."""

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from coordinator import audit, clock, config, db
from coordinator.channels import email, smtp_pool, twilio_account
from coordinator.models import Attempt, Notice, Setting, State

logger = logging.getLogger(__name__)
PREFIX = "fingerprint."
INSTANCE, GENERATION, HELD = f"{PREFIX}instance", f"{PREFIX}generation", f"{PREFIX}held"
ADDRESS, ACCOUNT = f"{PREFIX}base_url", f"{PREFIX}account."
FILE = "generation"
ASKED_EVERY_S = 1.0
COUNTED_EVERY_S = 10.0
MEND = "核实后运行 liandong adopt"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is remembered outside the database: whose it is, and how far it had come when it was last seen."""

    instance: str
    generation: int


@dataclass(slots=True)
class _Asked:
    """The last answer, for whom and until when it stands; when the generation was last counted."""

    of: tuple[str, str] = ("", "")
    until: float = 0.0
    answer: str = ""
    counted: float = 0.0


_asked = _Asked()


def hold_reason() -> str:
    """ "" when this process may send; else why nothing is sent, in a sentence. Asked of the store once a second at most."""
    of, now = (str(db.address()), str(db.home())), clock.monotonic()
    if _asked.of != of or now >= _asked.until:
        _asked.answer = _ask()
        _asked.of, _asked.until = of, now + ASKED_EVERY_S
    return _asked.answer


def forget() -> None:
    """The next question is asked of the store."""
    _asked.until = 0.0


def recorded(session: Session) -> str:
    """What the workers last said: for pages and commands, whose own settings may be another shell's."""
    row = session.get(Setting, HELD)
    return row.value if row else ""


def keep() -> None:
    """A worker's duty every ten seconds: write down whether it holds; while it does not, count the generation on."""
    now = clock.monotonic()
    if now - _asked.counted < COUNTED_EVERY_S:
        return
    _asked.counted, reason = now, hold_reason()
    with db.transaction() as session:
        _put(session, HELD, reason)
        if reason:
            logger.error("nothing is sent: %s", reason)
            return
        row = session.get_one(Setting, GENERATION, with_for_update=True)
        row.value = str(int(row.value) + 1)
        mark = Mark(session.get_one(Setting, INSTANCE).value, int(row.value))
    _remember(mark)  # after the commit: the file is never ahead of the database it belongs to


def why(kept: Mapping[str, str], mine: Mapping[str, str], outside: Mark | None, *, notices: bool) -> str:
    """Why the installation ``mine`` may not send from a database that says ``kept``; "" when it may.

    An account that only one of the two has is no contradiction: accounts are added and taken away.
    """
    if INSTANCE not in kept:
        return f"数据库没有本机的代次记录,像是从旧备份恢复的;{MEND}" if outside and notices else ""
    if ADDRESS in kept and ADDRESS not in mine:
        return f"数据库属于另一套系统(网址原为 {kept[ADDRESS]},现为本机回环地址);{MEND}"
    for name in sorted(set(kept) & set(mine)):
        if kept[name] != mine[name]:
            return f"数据库属于另一套系统({_named(name, kept, mine)});{MEND}"
    if outside and outside.instance != kept[INSTANCE]:
        return f"数据库与本机 {FILE} 文件不是同一套系统;{MEND}"
    if outside and outside.generation > int(kept[GENERATION]):
        return f"数据库比本机记录旧({kept[GENERATION]} < {outside.generation}),像是从旧备份恢复的;{MEND}"
    return ""


def _named(name: str, kept: Mapping[str, str], mine: Mapping[str, str]) -> str:
    if name == ADDRESS:
        return f"网址原为 {kept[name]},现为 {mine[name]}"
    return f"账户 {name.removeprefix(ACCOUNT)} 已不是原来的账户"


def _ask() -> str:
    outside = _outside()  # first: a generation counted in between makes the database newer, never older
    with db.reading() as session:
        kept, notices = _kept(session), session.scalar(select(Notice.id).limit(1)) is not None
    mine = own()
    reason = why(kept, mine, outside, notices=notices)
    if not reason and not kept.keys() >= mine.keys() | {INSTANCE}:
        _settle_in(mine)
    return reason


def own() -> dict[str, str]:
    """What tells this installation from others; accounts by a hash of whose they are, never by a secret."""
    base = config.load().public_base_url
    found = {} if config.is_loopback(base) else {ADDRESS: base}  # a loopback address and its port are nobody's name
    for account in twilio_account.accounts(os.environ, twilio_account.REAL):
        found[f"{ACCOUNT}{account.name}"] = _hashed(account["sid"])
    for account in email.accounts(os.environ):
        relay = smtp_pool.address(account["url"], account.name)
        found[f"{ACCOUNT}{account.name}"] = _hashed(f"{relay.username}@{relay.hostname}")
    return found


def _hashed(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _kept(session: Session) -> dict[str, str]:
    rows = session.scalars(select(Setting).where(Setting.name.startswith(PREFIX)))
    return {row.name: row.value for row in rows}


def _settle_in(mine: Mapping[str, str]) -> None:
    """The first to send from a new database gives it its name; what is new later is added."""
    rows = {INSTANCE: uuid.uuid4().hex, GENERATION: "1", HELD: "", **mine}
    with db.transaction() as session:
        session.execute(
            db.insert_new(Setting.__table__),  # type: ignore[arg-type]
            [{"name": name, "value": value} for name, value in rows.items()],
        )
        kept = _kept(session)
    _remember(Mark(kept[INSTANCE], int(kept[GENERATION])))


def _put(session: Session, name: str, value: str) -> None:
    row = session.get(Setting, name)
    if row is None:
        session.add(Setting(name=name, value=value))
    elif row.value != value:
        row.value = value


def _path() -> Path:
    return db.home() / FILE


def forget_outside() -> None:
    """The file was about another database."""
    _path().unlink(missing_ok=True)


def _outside() -> Mark | None:
    try:
        said = json.loads(_path().read_text())
        return Mark(str(said["instance"]), int(said["generation"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s can't be read: %s", _path(), error)
        return None


def _remember(mark: Mark) -> None:
    """Written beside and put in place at once. A full disk is no reason to stop sending."""
    fresh = _path().with_suffix(f".{os.getpid()}")
    try:
        fresh.write_text(json.dumps({"instance": mark.instance, "generation": mark.generation}))
        fresh.replace(_path())
    except OSError as error:
        logger.warning("the generation could not be written to %s: %s", _path(), error)


def present() -> tuple[str, int]:
    """Why this installation would be held now, and how many notices wait. Changes nothing."""
    with db.reading() as session:
        notices = session.scalar(select(Notice.id).limit(1)) is not None
        waiting = session.scalar(select(func.count()).where(Notice.state == State.PENDING)) or 0
        return why(_kept(session), own(), _outside(), notices=notices), waiting


def adopt(who: str) -> int:
    """From now on this database is this installation's. How many waiting notices are looked up before they are sent."""
    reason, mine, outside = present()[0], own(), _outside()
    with db.transaction() as session:
        kept = _kept(session)
        generation = 1 + max(int(kept.get(GENERATION, 0)), outside.generation if outside else 0)
        mark = Mark(uuid.uuid4().hex, generation)
        session.execute(delete(Setting).where(Setting.name == ADDRESS))
        for name, value in {**mine, INSTANCE: mark.instance, GENERATION: str(generation), HELD: ""}.items():
            _put(session, name, value)
        doubted = _doubt(session) if reason else 0
        audit.record(session, who, "adopt", "installation", reason=reason, address=config.load().public_base_url,
                     looked_up=doubted)  # fmt: skip
    _remember(mark)
    forget()
    return doubted


def _doubt(session: Session) -> int:
    """What waits may have been sent after the copy was made: as if its sender had died, so the carrier is asked first."""
    waiting = update(Notice).where(Notice.state == State.PENDING)
    taken = session.execute(
        waiting.values(state=State.SENDING, lease_s=0.0, lease_token=Notice.lease_token + 1, attempts=Notice.attempts + 1)
        .returning(Notice.id, Notice.lease_token)
    ).all()  # fmt: skip
    now = clock.now()
    attempts = [
        {
            "notice_id": row.id,
            "n": row.lease_token,
            "account": "",
            "started_at": now,
            "outcome": "",
            "detail": "adopted",
        }
        for row in taken
    ]
    if attempts:
        session.execute(db.insert_new(Attempt.__table__), attempts)  # type: ignore[arg-type]
    return len(taken)
