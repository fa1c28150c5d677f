"""Where hand-offs hang on to what happens to their ticket."""

from __future__ import annotations

from escalation.handoff import ending as handoffs
from servicedesk.tickets import ending


def subscribe() -> None:
    """Pending hand-offs and requests for a decision end with their ticket, in its transaction."""
    ending.also("handoff", handoffs.matter_ended)
