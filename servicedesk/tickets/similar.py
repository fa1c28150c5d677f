"""Other tickets that may help: the same error code, service and words, solved ones first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from servicedesk.queries import WITH
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import State

MOST = 5
ENOUGH = 3
LOOKED_AT = 300
"""Newest tickets of the same service, item, team, unit and category each that are compared: what is older helps less."""


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
            Ticket.id.in_(_compared(ticket)),
            access.visible(viewer),
            Ticket.id != ticket.id,
            Ticket.category == ticket.category,
            score >= ENOUGH,
        )
        .order_by(score.desc(), Ticket.opened_at.desc())
        .limit(MOST)
    ).all()


def _compared(ticket: Ticket) -> sa.CompoundSelect[Any]:
    """The ids of what is looked at, each part by its index: of a million tickets, a third may be of one category."""
    same: tuple[tuple[Any, Any], ...] = (
        (Ticket.service_id, ticket.service_id),
        (Ticket.item_id, ticket.item_id),
        (Ticket.team_id, ticket.team_id),
        (Ticket.unit_id, ticket.unit_id),
        (Ticket.category, ticket.category),
    )
    newest = (
        sa.select(Ticket.id).where(column == value).order_by(Ticket.opened_at.desc(), Ticket.id.desc()).limit(LOOKED_AT)
        for column, value in same
        if value is not None
    )
    return sa.union(*(sa.select(part.subquery().c.id) for part in newest))
