"""What the service desk listens to, does periodically, and provides to the rooms below."""

from __future__ import annotations

from accounts.moving import registry as moving
from accounts.scope import weigh
from core import outbox
from core.events import monitor
from core.events import servicedesk as told
from core.jobs import Job
from kb import tickets as kb_tickets
from servicedesk import handlers, jobs
from servicedesk.attachments.reading import texts
from servicedesk.bulk import handlers as bulk_handlers
from servicedesk.bulk import service as bulk
from servicedesk.desk import TheDesk
from servicedesk.tickets import access, drafts
from servicedesk.tickets.leaving import OpenTickets

AT_ONCE = 64
"""Incidents opened in one transaction: on SQLite others wait with their writing for as long as it takes."""


def subscribe() -> None:
    """Alerts open, extend and resolve incidents; the knowledge base may ask about tickets."""
    outbox.subscribe(
        monitor.AlertRaised,
        "servicedesk.alert_raised",
        handlers.alert_raised,
        many=handlers.alerts_raised,
        at_once=AT_ONCE,
    )
    outbox.subscribe(monitor.AlertResolved, "servicedesk.alert_resolved", handlers.alert_resolved)
    outbox.subscribe(monitor.AlertSeverityChanged, "servicedesk.severity_changed", handlers.severity_changed)
    outbox.subscribe(monitor.AlertAcknowledged, "servicedesk.alert_acknowledged", handlers.alert_acknowledged)
    outbox.subscribe(monitor.AlertsSuppressed, "servicedesk.alerts_suppressed", handlers.alerts_suppressed)
    outbox.subscribe(told.BulkMoved, "servicedesk.bulk", bulk.go_on)
    outbox.subscribe(told.BulkMoved, "live.bulk", bulk_handlers.show)
    kb_tickets.provide(TheDesk())
    moving.register(OpenTickets())
    weigh("ticket", access.sees_many)


JOBS = (
    Job("tickets.auto_close", 60, jobs.auto_close),
    Job("tickets.bulk.forget", 86_400, bulk.forget_old),
    Job("tickets.attachments.texts", 86_400, texts.tidy),
    Job("tickets.drafts.forget", 86_400, drafts.forget_old),
)
