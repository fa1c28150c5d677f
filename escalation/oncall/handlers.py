"""Incidents start and stop paging."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from core.events import servicedesk
from escalation.oncall import service
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import State


def opened(session: Session, event: servicedesk.IncidentOpened, now: dt.datetime) -> None:
    """A new or reopened incident: page, unless somebody has accepted, acknowledged or ended it meanwhile.

    A child (“me too”) never pages: its parent has.
    """
    if event.parent_id is not None:
        return
    ticket = session.get_one(Ticket, event.ticket_id)
    if ticket.state in {State.NEW, State.ACTIVE} and ticket.holder_id is None and ticket.acknowledged_at is None:
        service.start(session, ticket, now=now)


def raised(session: Session, event: servicedesk.PriorityChanged, now: dt.datetime) -> None:
    """More urgent than before: it may page now."""
    ticket = session.get_one(Ticket, event.ticket_id)
    if event.after < event.before and ticket.holder_id is None and ticket.acknowledged_at is None and not ticket.ended:
        service.start(session, ticket, now=now)


def acknowledged(session: Session, event: servicedesk.IncidentAcknowledged, now: dt.datetime) -> None:
    """Seen: stop."""
    service.acknowledged(session, event.ticket_id, by_id=event.person_id, now=now)


def accepted(session: Session, event: servicedesk.IncidentAccepted, now: dt.datetime) -> None:
    """Taken into custody: stop."""
    service.acknowledged(session, event.ticket_id, by_id=event.person_id, now=now)


def over(
    session: Session,
    event: servicedesk.IncidentResolved | servicedesk.IncidentClosed | servicedesk.IncidentCancelled,
    now: dt.datetime,
) -> None:
    """Ended: stop."""
    service.stop(session, event.ticket_id, now=now)
