"""Incidents start and stop paging."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.events import servicedesk
from escalation.oncall import service
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import State


def opened(session: Session, event: servicedesk.IncidentOpened, now: dt.datetime) -> None:
    """A new or reopened incident: page, unless somebody has accepted, acknowledged or ended it meanwhile.

    A child (“me too”) never pages: its parent has.
    """
    opened_many(session, [event], now)


def opened_many(session: Session, events: Sequence[servicedesk.IncidentOpened], now: dt.datetime) -> None:
    """The same for a storm, all at once."""
    wanted = sa.select(Ticket).where(
        Ticket.id.in_([event.ticket_id for event in events if event.parent_id is None]),
        Ticket.state.in_([State.NEW, State.ACTIVE]),
        Ticket.holder_id.is_(None),
        Ticket.acknowledged_at.is_(None),
    )
    service.start_many(session, session.scalars(wanted.order_by(Ticket.id)).all(), now=now)


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
