"""What was said on a ticket, for the search: public lines and the names of public files; internal ones stay out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from servicedesk.attachments.models import Attachment
from servicedesk.tickets.models import TicketFact

LONGEST = 20_000
"""Characters of one ticket's lines; the newest are kept."""


def of_tickets(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Ticket id → its public lines, the newest first, then the names of its files; in two queries for all of them."""
    found: dict[int, list[str]] = defaultdict(list)
    lines = sa.select(TicketFact.ticket_id, TicketFact.text).where(
        TicketFact.ticket_id.in_(ids), TicketFact.internal.is_(False), TicketFact.text != ""
    )
    for ticket_id, text in session.execute(lines.order_by(TicketFact.ticket_id, TicketFact.seq.desc())):
        found[ticket_id].append(text)
    told = {ticket_id: "\n".join(dict.fromkeys(texts))[:LONGEST] for ticket_id, texts in found.items()}
    files = sa.select(Attachment.ticket_id, Attachment.name).where(
        Attachment.ticket_id.in_(ids), Attachment.internal.is_(False)
    )
    for ticket_id, name in session.execute(files.order_by(Attachment.id)):
        told[ticket_id] = f"{told.get(ticket_id, '')}\n{name}"
    return told
