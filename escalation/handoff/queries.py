"""Reads of hand-offs, always through a ticket the viewer may see."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts.models import Team
from accounts.scope import Viewer, subtree
from core.errors import NotFound
from core.i18n import gettext as _
from escalation.handoff.models import Handoff
from escalation.handoff.rules import HandoffState
from servicedesk.queries import WITH
from servicedesk.tickets import access, views_of
from servicedesk.tickets.models import Ticket
from web.paging import Key, Page, page

UNDECIDED = sa.and_(Handoff.arbiter_id.is_not(None), Handoff.decided_at.is_(None), Handoff.lapsed_at.is_(None))
"""A return that waits for an arbiter's decision."""

_WITH = (
    joinedload(Handoff.from_team).joinedload(Team.unit),
    joinedload(Handoff.to_team).joinedload(Team.unit),
    joinedload(Handoff.sent_by),
    joinedload(Handoff.accepted_by),
    joinedload(Handoff.returned_by),
    joinedload(Handoff.arbiter),
)


def of_ticket(session: Session, viewer: Viewer, ticket: Ticket) -> list[Handoff]:
    """The ticket's hand-offs, oldest first; a vendor sees those it took part in, a mere reporter none of the sheets'."""
    return list(session.scalars(_seen(viewer, ticket).order_by(Handoff.id)))


def page_of_ticket(
    session: Session, viewer: Viewer, ticket: Ticket, *, cursor: str | None, limit: int
) -> Page[Handoff]:
    """The same, a page at a time."""
    return page(session, _seen(viewer, ticket), [Key(Handoff.id)], cursor=cursor, limit=limit)


def _seen(viewer: Viewer, ticket: Ticket) -> sa.Select[Handoff]:
    rows = sa.select(Handoff).options(*_WITH).where(Handoff.ticket_id == ticket.id)
    if viewer.vendor_unit_id is not None:
        rows = rows.where(Handoff.to_team.has(unit_id=viewer.vendor_unit_id))
    return rows


def get(session: Session, viewer: Viewer, ticket: Ticket, handoff_id: int, *, lock: bool = False) -> Handoff:
    """One hand-off of a ticket the viewer sees; else NotFound."""
    query = sa.select(Handoff).where(Handoff.id == handoff_id, Handoff.ticket_id == ticket.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = session.scalar(query)
    if row is None or (viewer.vendor_unit_id is not None and row.to_team.unit_id != viewer.vendor_unit_id):
        raise NotFound(_("没有这次转办，或您无权查看。"))
    return row


def pending(session: Session, ticket_id: int) -> Handoff | None:
    """The one that waits for acceptance, or None."""
    return session.scalar(
        sa.select(Handoff).options(*_WITH).where(Handoff.ticket_id == ticket_id, Handoff.state == HandoffState.SENT)
    )


def waiting_for(session: Session, viewer: Viewer, *, most: int = 50) -> Sequence[Handoff]:
    """What waits for the viewer's own teams to accept it, oldest first."""
    mine: list[sa.ColumnElement[bool]] = [Handoff.to_team_id.in_(sorted(viewer.member_of))]
    if viewer.vendor_unit_id is not None and viewer.can("vendor.work"):
        mine = [Handoff.to_team_id.in_(sa.select(Team.id).where(Team.unit_id == viewer.vendor_unit_id))]
    elif not viewer.can(access.WORK):
        return []
    return (
        session.scalars(
            sa.select(Handoff)
            .options(*_WITH, joinedload(Handoff.ticket).options(*WITH))
            .where(Handoff.state == HandoffState.SENT, sa.or_(*mine))
            .order_by(Handoff.sent_at)
            .limit(most)
        )
        .unique()
        .all()
    )


def to_arbitrate(session: Session, viewer: Viewer) -> Sequence[Handoff]:
    """Returns that wait for this viewer's decision."""
    roots = viewer.units_for("ticket.arbitrate")
    asked: list[sa.ColumnElement[bool]] = [Handoff.arbiter_id == viewer.person_id]
    if roots:
        asked.append(Handoff.arbiter_unit_id.in_(subtree(roots)))
    return (
        session.scalars(
            sa.select(Handoff)
            .options(*_WITH, joinedload(Handoff.ticket).options(*WITH))
            .where(UNDECIDED, sa.or_(*asked))
            .order_by(Handoff.returned_at)
        )
        .unique()
        .all()
    )


def seen_by_vendor(session: Session, viewer: Viewer, ticket: Ticket) -> list[views_of.Episode]:
    """When the viewer's company had the ticket."""
    return views_of.vendor_episodes(session, viewer, ticket)
