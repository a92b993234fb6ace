"""Alembic's way to the tables of both packages."""

from alembic import context

from contacts.models import Base as Contacts
from coordinator import db
from coordinator.models import Base as Coordinator

with db.engine().connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=[Contacts.metadata, Coordinator.metadata],
        render_as_batch=db.is_sqlite(),
    )
    with context.begin_transaction():
        context.run_migrations()
    if connection.in_transaction():
        connection.commit()
