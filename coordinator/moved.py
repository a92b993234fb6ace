"""Whether this database is where the site lives: the marks that a move leaves at both ends."""

import json

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from coordinator import db
from coordinator.errors import Misconfigured
from coordinator.models import Setting

GONE = "moved_to"  # on the old store, for good
ARRIVING = "arriving"  # on the new one, until the old one is marked
CAME = "moved_from"  # on the new one, for good


def refuse() -> None:
    """Raise Misconfigured when the site has moved away from here, or has not yet arrived."""
    with db.reading() as session:
        if not inspect(session.connection()).has_table(Setting.__tablename__):
            return
        gone, arriving = mark(session, GONE), mark(session, ARRIVING)
    if gone:
        raise Misconfigured(
            f"这个站点已于 {gone['at']} 搬到 {gone['to']};请把 DATABASE_URL 设为那个数据库。旧库只供查阅,不能再写"
        )
    if arriving:
        raise Misconfigured(
            f"这个数据库里是一次没有走完的搬迁(始于 {arriving['at']},来自 {arriving['from']});"
            "请在原来的配置下重新运行 liandong migrate-to-postgres,按它说的办"
        )


def mark(session: Session, name: str) -> dict[str, str]:
    """What the mark says; {} when it is not there."""
    row = session.get(Setting, name)
    found: dict[str, str] = json.loads(row.value) if row else {}
    return found


def set_mark(session: Session, name: str, **said: str) -> None:
    session.merge(Setting(name=name, value=json.dumps(said, ensure_ascii=False)))
