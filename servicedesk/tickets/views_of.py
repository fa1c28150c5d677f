"""What a viewer sees of one ticket: which lines of its timeline, and for a vendor only its own episodes (E-12)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts.models import Person
from accounts.scope import PrincipalKind, Viewer
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket, TicketFact, TicketPrincipal
from web.paging import Key, Page, page

Episode = tuple[dt.datetime, dt.datetime | None]


def timeline(session: Session, viewer: Viewer, ticket: Ticket) -> list[TicketFact]:
    """The lines `viewer` may see, in the order they happened."""
    rows = sa.select(TicketFact).options(joinedload(TicketFact.actor)).where(*shown(session, viewer, ticket))
    return list(session.scalars(rows.order_by(TicketFact.at, TicketFact.seq)))


def timeline_page(
    session: Session, viewer: Viewer, ticket: Ticket, *, cursor: str | None, limit: int
) -> Page[TicketFact]:
    """The same, a page at a time."""
    rows = sa.select(TicketFact).options(joinedload(TicketFact.actor)).where(*shown(session, viewer, ticket))
    return page(session, rows, [Key(TicketFact.at), Key(TicketFact.seq)], cursor=cursor, limit=limit)


def shown(session: Session, viewer: Viewer, ticket: Ticket) -> list[sa.ColumnElement[bool]]:
    """The conditions on TicketFact under which `viewer` may see a line of this ticket."""
    conditions = [TicketFact.ticket_id == ticket.id]
    if viewer.vendor_unit_id is not None:
        return [*conditions, *_for_vendor(session, viewer, ticket)]
    if not access.standing(session, viewer, ticket).reads:
        conditions.append(~TicketFact.internal)
    return conditions


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


def _for_vendor(session: Session, viewer: Viewer, ticket: Ticket) -> list[sa.ColumnElement[bool]]:
    """What was written down in one of its episodes, and internal lines only of its own people."""
    own = sa.select(Person.id).where(Person.unit_id == viewer.vendor_unit_id)
    written = TicketFact.received_at
    episodes = [
        sa.and_(written >= start, written <= end) if end else written >= start
        for start, end in vendor_episodes(session, viewer, ticket)
    ]
    return [sa.or_(sa.false(), *episodes), sa.or_(~TicketFact.internal, TicketFact.actor_id.in_(own))]
