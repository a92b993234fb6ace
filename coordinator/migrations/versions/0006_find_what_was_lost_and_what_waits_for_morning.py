"""Find what was lost, and what waits for morning"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = '0005'
branch_labels = None
depends_on = None

LOST = sa.text("state IN ('undelivered', 'failed', 'unknown')")
TILL_MORNING = sa.text("state = 'planned'")


def upgrade() -> None:
    op.create_index(
        "notice_lost", "notice", ["alert_id", "receiver"], postgresql_where=LOST, sqlite_where=LOST
    )
    op.create_index(
        "notice_till_morning", "notice", ["id"], postgresql_where=TILL_MORNING, sqlite_where=TILL_MORNING
    )


def downgrade() -> None:
    op.drop_index("notice_till_morning", table_name="notice")
    op.drop_index("notice_lost", table_name="notice")
