"""What becomes of hand-offs when their matter is solved, cancelled or closed: in its own transaction (E-01, E-03)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from escalation.handoff import queries, service
from escalation.handoff.models import Handoff
from servicedesk.tickets.models import Ticket


def matter_ended(session: Session, ticket: Ticket, now: dt.datetime) -> None:
    """Nobody needs to take it over, and nobody has to decide who does."""
    ticket.handoff_pending = False
    if (handoff := queries.pending(session, ticket.id)) is not None:
        service.mark_withdrawn(session, handoff, now=now)
    for asked in session.scalars(sa.select(Handoff).where(Handoff.ticket_id == ticket.id, queries.UNDECIDED)):
        asked.lapsed_at = now
