"""Other tickets that may help: the same error code, service and words, solved ones first."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from servicedesk.queries import WITH
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import State

MOST = 5


def similar(session: Session, viewer: Viewer, ticket: Ticket) -> Sequence[Ticket]:
    """At most five the viewer may see, likeliest first."""
    score = (
        sa.case((Ticket.title == ticket.title, 3), else_=0)
        + (sa.case((Ticket.error_code == ticket.error_code, 4), else_=0) if ticket.error_code else 0)
        + (sa.case((Ticket.service_id == ticket.service_id, 2), else_=0) if ticket.service_id else 0)
        + (sa.case((Ticket.item_id == ticket.item_id, 3), else_=0) if ticket.item_id else 0)
        + sa.case((Ticket.state.in_([State.RESOLVED, State.CLOSED]), 1), else_=0)
    )
    return session.scalars(
        sa.select(Ticket)
        .options(*WITH)
        .where(
            access.visible(viewer),
            Ticket.id != ticket.id,
            Ticket.category == ticket.category,
            score >= ENOUGH,
        )
        .order_by(score.desc(), Ticket.opened_at.desc())
        .limit(MOST)
    ).all()


ENOUGH = 3
