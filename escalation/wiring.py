"""What this room listens to and does periodically."""

from __future__ import annotations

from accounts.moving import registry as moving
from core import elapsed, outbox
from core.events import accounts, clocks, handoff, kb, monitor, servicedesk
from core.jobs import Job
from escalation.notify import account, feed, handlers, knowledge, timekeeping
from escalation.notify.models import Delivery, DeliveryState
from escalation.oncall import handlers as oncall
from escalation.oncall import service as oncall_service
from escalation.oncall.leaving import Duties
from escalation.oncall.models import Chain, ChainState
from escalation.outside import flush
from escalation.outside.models import AlertGroup

AT_ONCE = 200
"""Incidents of a storm told in one transaction."""


def subscribe() -> None:
    """Notifications and the live feed."""
    moving.register(Duties())
    outbox.subscribe(accounts.SignInChanged, "notify.sign_in_changed", account.sign_in_changed)
    outbox.subscribe(
        servicedesk.IncidentOpened, "notify.opened", handlers.opened, many=handlers.opened_many, at_once=AT_ONCE
    )
    outbox.subscribe(servicedesk.IncidentAccepted, "notify.accepted", handlers.accepted)
    outbox.subscribe(servicedesk.IncidentResolved, "notify.resolved", handlers.resolved)
    outbox.subscribe(servicedesk.IncidentReopened, "notify.reopened", handlers.reopened)
    outbox.subscribe(servicedesk.TicketCommented, "notify.commented", handlers.commented)
    outbox.subscribe(servicedesk.CustodyMoved, "notify.assigned", handlers.assigned)
    outbox.subscribe(handoff.HandedUp, "notify.handed_up", handlers.handed_up)
    outbox.subscribe(handoff.HandoffReturned, "notify.returned", handlers.returned)
    outbox.subscribe(handoff.TicketUrged, "notify.urged", handlers.urged)
    outbox.subscribe(handoff.HandoffAccepted, "notify.taken", handlers.taken)
    outbox.subscribe(handoff.ArbiterDecided, "notify.arbitrated", handlers.arbitrated)
    outbox.subscribe(kb.ArticleSubmitted, "notify.submitted", knowledge.submitted)
    outbox.subscribe(kb.NoticePublished, "live.notice", knowledge.notice_published)
    outbox.subscribe(clocks.ClockWarned, "notify.clock_warned", timekeeping.warned)
    outbox.subscribe(clocks.ClockBreached, "notify.clock_breached", timekeeping.breached)
    outbox.subscribe(servicedesk.TicketChanged, "live.ticket", feed.ticket_changed, many=feed.tickets_changed)
    for event in (
        monitor.AlertRaised,
        monitor.AlertSeverityChanged,
        monitor.AlertResolved,
        monitor.AlertAcknowledged,
        monitor.AlertAcknowledgementEnded,
    ):
        outbox.subscribe(event, "live.alert", feed.alert_changed, many=feed.alerts_changed)
    outbox.subscribe(monitor.AlertsSuppressed, "live.alert", feed.alerts_suppressed)
    outbox.subscribe(
        servicedesk.IncidentOpened, "oncall.opened", oncall.opened, many=oncall.opened_many, at_once=AT_ONCE
    )
    outbox.subscribe(servicedesk.PriorityChanged, "oncall.raised", oncall.raised)
    outbox.subscribe(servicedesk.IncidentAcknowledged, "oncall.acknowledged", oncall.acknowledged)
    outbox.subscribe(servicedesk.IncidentAccepted, "oncall.accepted", oncall.accepted)
    outbox.subscribe(servicedesk.IncidentResolved, "oncall.over", oncall.over)
    outbox.subscribe(servicedesk.IncidentClosed, "oncall.over", oncall.over)
    outbox.subscribe(servicedesk.IncidentCancelled, "oncall.over", oncall.over)


JOBS = (
    Job("oncall.tick", 5, oncall_service.tick),
    Job("receivers.flush", 1, flush.tick),
    Job("receivers.purge", 3600, flush.purge),
    Job("notify.postponed", 30, timekeeping.tell_postponed),
)


ELAPSING = (
    elapsed.rows(Chain, ("next_at",), lambda: (Chain.state == ChainState.RUNNING,)),
    elapsed.rows(AlertGroup, ("next_flush_at",), lambda: (AlertGroup.is_open.is_(True),)),
    elapsed.rows(Delivery, ("next_try_at", "lease_until"), lambda: (Delivery.state == DeliveryState.WAITING,)),
)
