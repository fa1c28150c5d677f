"""lists of a million tickets find their index

Each column a list is narrowed by gets an index in the order of the list; what is rare gets one of its own. They take the
place of the plain ones. Building them on a million tickets takes a minute or two, in which nobody else writes.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPEN = "state NOT IN ('cancelled', 'closed', 'rejected', 'resolved')"
REPLACED = ("unit_id", "reporter_id", "service_id", "team_id", "holder_id", "opened_at")
ADDED: dict[str, list[str]] = {
    "ix_ticket_opened": ["opened_at", "id"],
    "ix_ticket_unit_opened": ["unit_id", "opened_at", "id"],
    "ix_ticket_reporter_opened": ["reporter_id", "opened_at", "id"],
    "ix_ticket_service_opened": ["service_id", "opened_at", "id"],
    "ix_ticket_team_opened": ["team_id", "opened_at", "id"],
    "ix_ticket_holder_opened": ["holder_id", "opened_at", "id"],
    "ix_ticket_state_opened": ["state", "opened_at", "id"],
    "ix_ticket_kind_opened": ["kind", "opened_at", "id"],
    "ix_ticket_category_opened": ["category", "opened_at", "id"],
    "ix_ticket_priority_opened": ["priority", "opened_at", "id"],
    "ix_ticket_line_opened": ["line", "opened_at", "id"],
    "ix_ticket_holder_updated": ["holder_id", "updated_at"],
    "ix_ticket_resolved": ["resolved_at"],
    "ix_ticket_closed": ["closed_at"],
}
PARTIAL: dict[str, tuple[list[str], str]] = {
    "ix_ticket_bounces": (["opened_at", "id"], "bounces > 0"),
    "ix_ticket_reopened": (["opened_at", "id"], "reopened > 0"),
    "ix_ticket_urged": (["opened_at", "id"], "urged > 0"),
    "ix_ticket_open": (["opened_at", "id"], OPEN),
    "ix_ticket_open_holder": (["holder_id"], OPEN),
    "ix_ticket_due": (["next_due_at"], "next_due_at IS NOT NULL"),
}


def upgrade() -> None:
    for column in REPLACED:
        op.drop_index(f"ix_ticket_{column}", "ticket")
    for name, columns in ADDED.items():
        op.create_index(name, "ticket", columns)
    for name, (columns, condition) in PARTIAL.items():
        op.create_index(name, "ticket", columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
    op.drop_index("ix_ticket_principal_ticket_id", "ticket_principal")
    op.create_index("ix_ticket_principal_of", "ticket_principal", ["ticket_id", "kind", "principal_id", "until_at"])
    still = sa.text("until IS NULL")
    op.create_index(
        "ix_custody_span_waiting", "custody_span", ["waiting_team_id"], sqlite_where=still, postgresql_where=still
    )


def downgrade() -> None:
    op.drop_index("ix_custody_span_waiting", "custody_span")
    op.drop_index("ix_ticket_principal_of", "ticket_principal")
    op.create_index("ix_ticket_principal_ticket_id", "ticket_principal", ["ticket_id"])
    for name in [*ADDED, *PARTIAL]:
        op.drop_index(name, "ticket")
    for column in REPLACED:
        op.create_index(f"ix_ticket_{column}", "ticket", [column])
