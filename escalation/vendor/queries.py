"""What a vendor sees: what was handed to its own company, only then and only that (E-12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team
from accounts.scope import Viewer
from escalation.handoff import queries as handoffs
from escalation.handoff.models import Handoff
from servicedesk.queries import WITH
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import FINISHED

RECENT = 20


@dataclass(frozen=True)
class Workspace:
    """待我处理."""

    offered: Sequence[Handoff]
    held: Sequence[Ticket]
    earlier: Sequence[Ticket]


def workspace(session: Session, viewer: Viewer) -> Workspace:
    """What waits for acceptance, what is in hand, and what was."""
    own = Ticket.team_id.in_(sa.select(Team.id).where(Team.unit_id == viewer.vendor_unit_id))
    seen = sa.select(Ticket).options(*WITH).where(access.visible(viewer))
    still = Ticket.state.not_in(sorted(FINISHED))
    held = session.scalars(
        seen.where(own, still).order_by(Ticket.next_due_at.is_(None), Ticket.next_due_at, Ticket.id)
    ).all()
    earlier = session.scalars(
        seen.where(sa.or_(~own, ~still), ~Ticket.handoff_pending)
        .order_by(Ticket.updated_at.desc(), Ticket.id.desc())
        .limit(RECENT)
    ).all()
    return Workspace(handoffs.waiting_for(session, viewer), held, earlier)
