"""Hand-offs hear what happened to their ticket."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from core.events.servicedesk import IncidentCancelled, IncidentResolved
from escalation.handoff import queries, service


def ticket_ended(session: Session, event: IncidentResolved | IncidentCancelled, now: dt.datetime) -> None:
    """Solved or cancelled while it waited for a receiver: nobody needs to take it over any more."""
    handoff = queries.pending(session, event.ticket_id)
    if handoff is not None and not handoff.ticket.handoff_pending:
        service.mark_withdrawn(session, handoff, now=now)
