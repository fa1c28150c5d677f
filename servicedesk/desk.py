"""The service desk as the knowledge base sees it (kb.tickets.Desk)."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team
from accounts.scope import Viewer
from core import clock
from kb.tickets import PublicCard, TicketFacts
from servicedesk import catalogue
from servicedesk.custody.models import CustodySpan
from servicedesk.custody.rules import Line
from servicedesk.tickets import access, cards
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket, TicketFact


class TheDesk:
    """Provided to kb by this room's wiring."""

    def facts(self, session: Session, number: str, viewer: Viewer | None) -> TicketFacts | None:
        """What an article can learn from a ticket the viewer may see (or, in a handler, from any)."""
        query = sa.select(Ticket).where(Ticket.number == number)
        ticket = session.scalar(query if viewer is None else query.where(access.visible(viewer)))
        if ticket is None:
            return None
        named = catalogue.names(session, [ticket.service_id, ticket.item_id])
        return TicketFacts(
            number=ticket.number,
            title=ticket.title,
            description=ticket.description,
            category=ticket.category,
            url=f"/desk/tickets/{ticket.number}",
            solution=ticket.solution or "",
            cause=ticket.cause,
            service_id=ticket.service_id,
            service=named.get(ticket.service_id or 0, ""),
            item=named.get(ticket.item_id or 0, ""),
            error_code=ticket.error_code,
            article=ticket.article,
            resolved_by_id=_resolver(session, ticket),
            unit_id=_own_unit(session, ticket),
            parent=ticket.parent_id is not None,
        )

    def cards(
        self, session: Session, viewer: Viewer, *, text: str, category: str | None, service_id: int | None, limit: int
    ) -> list[PublicCard]:
        """Open matters of the same fault nearby, as anybody may know them."""
        if not cards.may_see_card(viewer):
            return []
        found = cards.nearby(session, viewer, text=text, category=category, service_id=service_id, now=clock.now())
        return [_public(cards.card_of(session, ticket)) for ticket in found[:limit]]


def _public(card: cards.Card) -> PublicCard:
    return PublicCard(
        number=card.number,
        kind=card.category_label,
        service=card.service or "",
        error_code=card.error_code or "",
        area=card.area,
        since=card.since,
        state=card.state_label,
        me_too_url=f"/desk/tickets/{card.number}/me-too",
    )


def _resolver(session: Session, ticket: Ticket) -> int | None:
    return session.scalar(
        sa.select(TicketFact.actor_id)
        .where(TicketFact.ticket_id == ticket.id, TicketFact.kind == str(What.RESOLVED))
        .order_by(TicketFact.seq.desc())
        .limit(1)
    )


def _own_unit(session: Session, ticket: Ticket) -> int | None:
    """The unit of the last team of ours that held it: a vendor has no readers and no reviewers here."""
    return session.scalar(
        sa.select(Team.unit_id)
        .join(CustodySpan, CustodySpan.team_id == Team.id)
        .where(CustodySpan.ticket_id == ticket.id, CustodySpan.line != Line.VENDOR)
        .order_by(CustodySpan.seq.desc())
        .limit(1)
    )
