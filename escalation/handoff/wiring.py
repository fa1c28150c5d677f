"""What hand-offs listen to."""

from __future__ import annotations

from core import outbox
from core.events.servicedesk import IncidentCancelled, IncidentResolved
from escalation.handoff import handlers


def subscribe() -> None:
    """Pending hand-offs end with their ticket."""
    outbox.subscribe(IncidentResolved, "handoff.ticket_ended", handlers.ticket_ended)
    outbox.subscribe(IncidentCancelled, "handoff.ticket_ended", handlers.ticket_ended)
