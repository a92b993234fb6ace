"""Words apart from notices: a notice's row stays small, and what many say alike is kept once"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

WAITING = sa.text("state IN ('pending', 'planned')")
ENDING = sa.text("valid_until IS NOT NULL AND state IN ('pending', 'planned')")
SILENT = sa.text("state IN ('accepted', 'sent')")
DUE = sa.text("state = 'pending'")
INCIDENT = sa.text('incident_id IS NOT NULL')
STEP = 1000


def upgrade() -> None:
    wording = op.create_table(
        'wording',
        sa.Column('id', sa.String(length=32), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('html', sa.Text(), nullable=False),
        sa.Column('measures', sa.Text(), nullable=False),
        sa.Column('instead', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id'),
    )
    with op.batch_alter_table('notice') as notice:
        notice.add_column(sa.Column('wording_id', sa.String(length=32), nullable=True))
        notice.add_column(sa.Column('filling', sa.JSON(), nullable=False, server_default='{}'))
        notice.add_column(sa.Column('turn', sa.Integer(), nullable=False, server_default='0'))
    _move_words(wording)
    _drop_unique_keys()
    with op.batch_alter_table('notice') as notice:
        notice.alter_column('wording_id', existing_type=sa.String(length=32), nullable=False)
        notice.alter_column('filling', existing_type=sa.JSON(), server_default=None)
        notice.alter_column('turn', existing_type=sa.Integer(), server_default=None)
        notice.drop_index('ix_notice_receiver')
        notice.drop_index('ix_notice_reference')
        notice.drop_index('notice_due')
        for column in ('subject', 'body', 'html'):
            notice.drop_column(column)
        notice.create_unique_constraint(
            'notice_once', ['alert_id', 'receiver', 'rev', 'channel', 'kind', 'step'])
        notice.create_index('notice_due', ['channel', 'lane', 'turn', 'id'], postgresql_where=DUE, sqlite_where=DUE)
        notice.create_index('notice_waiting', ['alert_id', 'rev'], postgresql_where=WAITING, sqlite_where=WAITING)
        notice.create_index('notice_ending', ['valid_until'], postgresql_where=ENDING, sqlite_where=ENDING)
        notice.create_index('notice_silent', ['channel', 'lease_s'], postgresql_where=SILENT, sqlite_where=SILENT)
        notice.create_index(
            'notice_of_incident', ['incident_id', 'receiver', 'rev', 'channel', 'kind', 'step'],
            unique=True, postgresql_where=INCIDENT, sqlite_where=INCIDENT)


def _move_words(wording: sa.Table) -> None:
    """Each notice's words become a wording without blanks."""
    connection = op.get_bind()
    known: set[str] = set()
    last = 0
    while rows := connection.execute(
        sa.text('SELECT id, subject, body, html FROM notice WHERE id > :last ORDER BY id LIMIT :step'),
        {'last': last, 'step': STEP},
    ).all():
        ids = [hashlib.sha256('\x1f'.join((row.subject, row.body, row.html, '', '')).encode()).hexdigest()[:32]
               for row in rows]
        fresh = {
            key: {'id': key, 'subject': row.subject, 'body': row.body, 'html': row.html, 'measures': '', 'instead': ''}
            for key, row in zip(ids, rows, strict=True) if key not in known
        }
        if fresh:
            connection.execute(wording.insert(), list(fresh.values()))
        known |= fresh.keys()
        connection.execute(
            sa.text('UPDATE notice SET wording_id = :key WHERE id = :id'),
            [{'key': key, 'id': row.id} for key, row in zip(ids, rows, strict=True)],
        )
        last = rows[-1].id


def _drop_unique_keys() -> None:
    """The two unnamed keys of 0001; SQLite's go when the table is written anew."""
    connection = op.get_bind()
    if connection.dialect.name == 'sqlite':
        with op.batch_alter_table('notice', naming_convention={'uq': '%(table_name)s_%(column_0_name)s'}) as notice:
            notice.drop_constraint('notice_alert_id', type_='unique')
            notice.drop_constraint('notice_incident_id', type_='unique')
        return
    for key in sa.inspect(connection).get_unique_constraints('notice'):
        op.drop_constraint(key['name'], 'notice', type_='unique')


def downgrade() -> None:
    raise NotImplementedError('restore a backup: words once joined are not parted again')
