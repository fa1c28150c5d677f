"""What somebody has begun to write on a ticket and not sent: kept for them alone, whoever holds the ticket meanwhile."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from servicedesk.tickets.models import Ticket, TicketDraft

LONGEST = 20_000
KEPT = dt.timedelta(days=30)


def of(session: Session, viewer: Viewer, ticket: Ticket) -> TicketDraft | None:
    """The viewer's own draft, if they have one."""
    return session.get(TicketDraft, (ticket.id, viewer.person_id))


def keep(session: Session, viewer: Viewer, ticket: Ticket, *, text: str, internal: bool, now: dt.datetime) -> None:
    """Keep what is written so far; nothing written is no draft."""
    draft = of(session, viewer, ticket)
    if not text.strip():
        if draft is not None:
            session.delete(draft)
        return
    if draft is None:
        draft = TicketDraft(ticket_id=ticket.id, person_id=viewer.person_id)
        session.add(draft)
    draft.text, draft.internal, draft.updated_at = text[:LONGEST], internal, now


def drop(session: Session, viewer: Viewer, ticket: Ticket) -> None:
    """It was sent, or is not wanted any more."""
    draft = of(session, viewer, ticket)
    if draft is not None:
        session.delete(draft)


def forget_old(session: Session, now: dt.datetime) -> None:
    """What nobody sent in 30 days."""
    session.execute(sa.delete(TicketDraft).where(TicketDraft.updated_at < now - KEPT))
