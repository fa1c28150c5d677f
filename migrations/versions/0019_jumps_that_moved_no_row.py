"""jumps that moved no row

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("clock_jump", schema=None) as batch_op:
        batch_op.add_column(sa.Column("moved", sa.Double(), nullable=True))
    op.execute(sa.text("UPDATE clock_jump SET moved = seconds WHERE followed"))  # so it was until now


def downgrade() -> None:
    with op.batch_alter_table("clock_jump", schema=None) as batch_op:
        batch_op.drop_column("moved")
