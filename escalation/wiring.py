"""What this room listens to and does periodically."""

from __future__ import annotations

from core import outbox
from core.events import handoff, monitor, servicedesk
from escalation.notify import feed, handlers


def subscribe() -> None:
    """Notifications and the live feed."""
    outbox.subscribe(servicedesk.IncidentOpened, "notify.opened", handlers.opened)
    outbox.subscribe(servicedesk.IncidentAccepted, "notify.accepted", handlers.accepted)
    outbox.subscribe(servicedesk.IncidentResolved, "notify.resolved", handlers.resolved)
    outbox.subscribe(servicedesk.IncidentReopened, "notify.reopened", handlers.reopened)
    outbox.subscribe(servicedesk.TicketCommented, "notify.commented", handlers.commented)
    outbox.subscribe(servicedesk.CustodyMoved, "notify.assigned", handlers.assigned)
    outbox.subscribe(handoff.HandedUp, "notify.handed_up", handlers.handed_up)
    outbox.subscribe(handoff.HandoffReturned, "notify.returned", handlers.returned)
    outbox.subscribe(handoff.TicketUrged, "notify.urged", handlers.urged)
    outbox.subscribe(servicedesk.TicketChanged, "live.ticket", feed.ticket_changed)
    for event in (
        monitor.AlertRaised,
        monitor.AlertSeverityChanged,
        monitor.AlertResolved,
        monitor.AlertAcknowledged,
        monitor.AlertAcknowledgementEnded,
    ):
        outbox.subscribe(event, "live.alert", feed.alert_changed)


JOBS = ()
