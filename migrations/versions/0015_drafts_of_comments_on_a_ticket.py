"""drafts of comments on a ticket

Each person's own, one a ticket. Nothing has to move.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ticket_draft",
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_ticket_draft_person_id_person")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_draft_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", "person_id", name=op.f("pk_ticket_draft")),
    )
    op.create_index("ix_ticket_draft_updated_at", "ticket_draft", ["updated_at"])


def downgrade() -> None:
    op.drop_table("ticket_draft")
