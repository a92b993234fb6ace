"""liandong token …, liandong password …: give an officer a way in, or take it back."""

import hashlib
import json
import secrets
from datetime import datetime

import click
from argon2 import PasswordHasher
from sqlalchemy import select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from contacts.models import Officer, Token
from coordinator import audit, clock, db
from coordinator.errors import Misconfigured, NotFound, Refusal

BY = "shell"  # who acts here, in the audit chain
TOKEN_BYTES = 32
PASSWORD_BYTES = 12
OFFICER = click.option("--officer", "officer_id", required=True, metavar="ID", help="工号,例如 hb-duty。")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="以 JSON 输出。")


@click.group()
def token() -> None:
    """接口令牌:发放、列出、吊销。令牌以其持有人的身份行事,只显示一次。"""


@token.command("create")
@OFFICER
@AS_JSON
def create_token(officer_id: str, *, as_json: bool) -> None:
    """发放一枚令牌;令牌单独在最后一行,此后无法再看到。"""
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    with db.transaction() as session:
        officer = _officer(session, officer_id)
        made = Token(officer_id=officer.id, hash=hashlib.sha256(secret.encode()).hexdigest(), created_at=clock.now())
        session.add(made)
        session.flush()
        audit.record(session, BY, "create token", f"officer:{officer.id}", token=made.id)
    if as_json:
        click.echo(json.dumps({"officer": officer.id, "id": made.id, "token": secret}, ensure_ascii=False))
        return
    click.echo(f"{officer.name}({officer.id})的令牌,编号 {made.id},只显示这一次:")
    click.echo(secret)


@token.command("list")
@OFFICER
@AS_JSON
def list_tokens(officer_id: str, *, as_json: bool) -> None:
    """一名人员的令牌:编号、发放、最近使用、吊销。"""
    with db.reading() as session:
        _officer(session, officer_id)
        found = session.scalars(select(Token).where(Token.officer_id == officer_id).order_by(Token.id)).all()
    rows = [
        {
            "id": each.id,
            "created_at": _written(each.created_at),
            "last_used_at": _written(each.last_used_at),
            "revoked_at": _written(each.revoked_at),
        }
        for each in found
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        state = f"已于 {row['revoked_at']} 吊销" if row["revoked_at"] else "有效"
        click.echo(f"{row['id']}  发放 {row['created_at']}  最近使用 {row['last_used_at'] or '从未'}  {state}")


@token.command("revoke")
@OFFICER
@click.option("--id", "token_id", type=int, metavar="N", help="只吊销这一枚(编号见 token list);不写则全部吊销。")
def revoke_token(officer_id: str, token_id: int | None) -> None:
    """吊销令牌,立即生效。"""
    with db.transaction() as session:
        officer = _known(session, officer_id)
        standing = update(Token).where(Token.officer_id == officer.id, Token.revoked_at.is_(None))
        if token_id is not None:
            standing = standing.where(Token.id == token_id)
        gone = session.scalars(standing.values(revoked_at=clock.now()).returning(Token.id)).all()
        if token_id is not None and not gone:
            raise NotFound(
                f"{officer.name}没有编号 {token_id} 的有效令牌;用 liandong token list --officer {officer.id} 查看"
            )
        audit.record(session, BY, "revoke token", f"officer:{officer.id}", tokens=list(gone))
    click.echo(f"已吊销 {len(gone)} 枚令牌")


@click.group()
def password() -> None:
    """登录口令。"""


@password.command("create")
@OFFICER
@AS_JSON
def create_password(officer_id: str, *, as_json: bool) -> None:
    """换发一个随机口令;口令单独在最后一行,此后无法再看到,旧口令即时失效。"""
    secret = secrets.token_urlsafe(PASSWORD_BYTES)
    kept = PasswordHasher().hash(secret)
    with db.transaction() as session:
        officer = _officer(session, officer_id)
        officer.password_hash = kept
        audit.record(session, BY, "create password", f"officer:{officer.id}")
    if as_json:
        click.echo(json.dumps({"officer": officer.id, "password": secret}, ensure_ascii=False))
        return
    click.echo(f"{officer.name}({officer.id})的登录口令,只显示这一次:")
    click.echo(secret)


def _written(at: datetime | None) -> str | None:
    return at.astimezone(clock.BEIJING).isoformat(timespec="seconds") if at else None


def _known(session: Session, officer_id: str) -> Officer:
    """The officer, active or not."""
    try:
        found = session.get(Officer, officer_id)
    except DatabaseError as error:
        raise Misconfigured("数据库尚未建立,请先运行 liandong init") from error
    if found is None:
        raise Refusal(f"没有工号为 {officer_id} 的人员;请先用 liandong import officers 导入")
    return found


def _officer(session: Session, officer_id: str) -> Officer:
    found = _known(session, officer_id)
    if not found.active:
        raise Refusal(f"{found.name}({officer_id})已停用;重新导入人员名单后才能发放")
    return found
