"""Remember self-checks and troubles"""

import sqlalchemy as sa
from alembic import op

from contacts.moments import Moment


revision = "0005"
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "canary",
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("took_s", sa.Double(), nullable=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_canary_notice_id")),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_canary")),
    )
    with op.batch_alter_table("canary", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_canary_channel"), ["channel"], unique=False)
    op.create_table(
        "trouble",
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("paged_s", sa.Double(), nullable=False),
        sa.Column("over_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("cause", name=op.f("pk_trouble")),
    )


def downgrade() -> None:
    op.drop_table("trouble")
    op.drop_table("canary")
