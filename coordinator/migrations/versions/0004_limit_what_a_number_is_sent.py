"""Limit what a number is sent"""

import sqlalchemy as sa
from alembic import op

from contacts.moments import Moment

revision = "0004"
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "notice_to_number", "notice", ["address"],
        postgresql_where=sa.text("channel = 'sms'"), sqlite_where=sa.text("channel = 'sms'"),
    )  # fmt: skip
    op.create_table(
        "spent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("texts", sa.Integer(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("cost_milli", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spent")),
    )
    op.create_index(op.f("ix_spent_at"), "spent", ["at"])


def downgrade() -> None:
    op.drop_table("spent")
    op.drop_index("notice_to_number", table_name="notice")
