"""What a viewer sees of one ticket: which lines of its timeline, and for a vendor only its own episodes (E-12)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts.models import Person
from accounts.scope import PrincipalKind, Viewer
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket, TicketFact, TicketPrincipal

Episode = tuple[dt.datetime, dt.datetime | None]


def timeline(session: Session, viewer: Viewer, ticket: Ticket) -> list[TicketFact]:
    """The lines `viewer` may see, in the order they happened."""
    rows = session.scalars(
        sa.select(TicketFact)
        .options(joinedload(TicketFact.actor))
        .where(TicketFact.ticket_id == ticket.id)
        .order_by(TicketFact.at, TicketFact.seq)
    ).all()
    if viewer.vendor_unit_id is not None:
        return _for_vendor(session, viewer, ticket, rows)
    if access.standing(session, viewer, ticket).reads:
        return list(rows)
    return [fact for fact in rows if not fact.internal]


def vendor_episodes(session: Session, viewer: Viewer, ticket: Ticket) -> list[Episode]:
    """When the viewer's company had the ticket: from each hand-over to its return."""
    rows = session.execute(
        sa.select(TicketPrincipal.from_at, TicketPrincipal.until_at)
        .where(
            TicketPrincipal.ticket_id == ticket.id,
            TicketPrincipal.kind == PrincipalKind.VENDOR,
            TicketPrincipal.principal_id == viewer.vendor_unit_id,
        )
        .order_by(TicketPrincipal.from_at)
    )
    return [(start, end) for start, end in rows]


def during(episodes: Sequence[Episode], at: dt.datetime) -> bool:
    """Whether an instant lies in one of the episodes."""
    return any(start <= at and (end is None or at <= end) for start, end in episodes)


def _for_vendor(session: Session, viewer: Viewer, ticket: Ticket, rows: Sequence[TicketFact]) -> list[TicketFact]:
    episodes = vendor_episodes(session, viewer, ticket)
    own = set(session.scalars(sa.select(Person.id).where(Person.unit_id == viewer.vendor_unit_id)))
    return [fact for fact in rows if during(episodes, fact.received_at) and (not fact.internal or fact.actor_id in own)]
