"""An installation of an earlier version is taken along: nothing that was said is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from contacts.models import Base as Contacts
from coordinator import db, schema, wordings
from coordinator.models import Base, Notice, Wording
from tests import services

AT = "2026-01-01 00:00:00+00:00"
ALERT = f"""INSERT INTO alert (id, number, mode, kind, origin, state, resume_state, level, cities, rev, round, in_force_rev,
    order_rev, hold, effective_from, reason, ruleset, clause, evidence, pending, body_hash, proposer, submitter, created_at,
    paged_step) VALUES (1, 'YJ1', 'actual', 'air', 'officer', 'active', '', 3, '["110000"]', 1, 1, 1, 1, false, '{AT}', '', '',
    '', '{{}}', '{{}}', '', 'd1', '', '{AT}', 0)"""
NOTICE = f"""INSERT INTO notice (id, alert_id, rev, mode, kind, step, receiver, receiver_name, city, person, channel, address,
    number, marker, subject, body, html, lane, state, account, attempts, try_s, lease_s, lease_token, asked, error, created_at)
    VALUES (:id, 1, 1, 'actual', 'order', 0, :receiver, '甲厂', '110000', '王某', 'email', 'a@example.com', 'YJ1-1-00001',
    'ABCDEFGH', :subject, :body, '<p>停产</p>', 2, 'pending', '', 0, 0, 0, 0, 0, '', '{AT}')"""


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database without tables."""
    monkeypatch.setenv("LIANDONG_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    if request.param == "postgresql":
        monkeypatch.setenv("DATABASE_URL", services.new_database(request.getfixturevalue("postgresql_server")))
    yield str(request.param)
    db.engine().dispose()


SAID = [("预警甲", "甲厂:停产 #ABCDEFGH"), ("预警甲", "甲厂:停产 #ABCDEFGH"), ("预警乙", "乙厂:限产 {{x}} {name}")]


def test_the_words_of_the_first_version_are_kept(fresh_store: str) -> None:
    command.upgrade(schema._alembic(), "0001")
    with db.engine().begin() as connection:
        connection.execute(text(ALERT))
        for n, (subject, body) in enumerate(SAID, 1):
            connection.execute(text(NOTICE), {"id": n, "receiver": f"91{n}", "subject": subject, "body": body})

    schema.upgrade()

    with db.reading() as session:
        notices = session.scalars(select(Notice).order_by(Notice.id)).all()
        said = [wordings.said(session, notice) for notice in notices]
        assert [(one.subject, one.text) for one in said] == SAID
        assert {one.html for one in said} == {"<p>停产</p>"}
        assert len(session.scalars(select(Wording)).all()) == 2  # the same words are kept once


def test_the_migrations_make_the_tables_the_code_knows(fresh_store: str) -> None:
    schema.upgrade()
    with db.engine().connect() as connection:
        told = MigrationContext.configure(connection)
        assert compare_metadata(told, [Base.metadata, Contacts.metadata]) == []
