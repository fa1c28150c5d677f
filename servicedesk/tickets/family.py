"""Parents and children: “affects me too”, and solving them together (T-08, T-11)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from core.errors import Conflict, Forbidden, Invalid
from core.i18n import gettext as _
from servicedesk.tickets import access, facts, service
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Source, Ticket
from servicedesk.tickets.opening import Report, open_ticket
from servicedesk.tickets.states import FINISHED, Kind


def affects_me_too(
    session: Session, viewer: Viewer, parent: Ticket, *, text: str, now: dt.datetime, source: Source = Source.PERSON
) -> Ticket:
    """The viewer's own child of a matter they know only by its public card; the same person gets one child only.

    The parent is locked first, so that a double click makes one child and everybody hit is counted. Raises Conflict when
    the parent is solved already.
    """
    top = _locked_top(session, parent)
    if top.reporter_id == viewer.person_id:
        return top
    mine = session.scalar(
        sa.select(Ticket).where(
            Ticket.parent_id == top.id, Ticket.reporter_id == viewer.person_id, Ticket.state.not_in(sorted(FINISHED))
        )
    )
    if mine is not None:
        return mine
    if top.state in FINISHED or top.kind is not Kind.INCIDENT:
        raise Conflict(_("这个故障已经解决；如果您那里仍有问题，请直接报障。"))
    child = open_ticket(
        session,
        Report(
            title=public_title(top),
            description=text,
            category=top.category,
            unit_id=viewer.unit_id,
            source=source,
            reporter_id=viewer.person_id,
            service_id=top.service_id,
            urgency=top.urgency,
            error_code=top.error_code,
            parent_id=top.id,
        ),
        by=viewer.person_id,
        now=now,
    )
    facts.append(
        session,
        top,
        What.CHILD_LINKED,
        now=now,
        by=viewer.person_id,
        internal=True,
        data={"child": child.number, "unit": viewer.unit_name},
    )
    facts.append(session, child, What.CHILD_LINKED, now=now, by=viewer.person_id, data={"parent": top.number})
    top.people_hit += 1
    return child


def _locked_top(session: Session, ticket: Ticket) -> Ticket:
    """What stands for `ticket`, as it is now that nobody else changes it."""
    wanted = ticket.parent_id or ticket.id
    top = session.get_one(Ticket, wanted, with_for_update=True, populate_existing=True)
    return top if top.parent_id is None else _locked_top(session, top)  # merged into another meanwhile


def public_title(ticket: Ticket) -> str:
    """A title that says no more than the public card does."""
    from servicedesk.tickets import cards

    return cards.headline(ticket)


def children(session: Session, ticket: Ticket) -> list[Ticket]:
    """The tickets that hang on this one, oldest first."""
    return list(session.scalars(sa.select(Ticket).where(Ticket.parent_id == ticket.id).order_by(Ticket.id)))


def resolve_children(session: Session, parent: Ticket, *, by: int | None, now: dt.datetime) -> int:
    """Solve each child once, with the parent's solution; every reporter is told by the child's own event."""
    open_ones = list(
        session.scalars(
            sa.select(Ticket)
            .where(Ticket.parent_id == parent.id, Ticket.state.not_in(sorted(FINISHED)))
            .order_by(Ticket.id)
            .with_for_update()
        )
    )
    for child in open_ones:
        service.resolve_with_parent(session, child, parent, by=by, now=now)
    return len(open_ones)


def merge(session: Session, viewer: Viewer, parent: Ticket, others: list[Ticket], *, now: dt.datetime) -> int:
    """Hang other open matters under `parent`; each keeps its reporter, attachments and clocks (T-11).

    Returns how many. Raises Forbidden for who works neither side, Conflict where the parent is itself a child, or done.
    """
    who = access.standing(session, viewer, parent)
    if not (who.worker or who.superior or who.head):
        raise Forbidden(_("您可以查看此事项，但不能合并。"))
    if parent.parent_id is not None or parent.state in FINISHED:
        raise Conflict(_("只能并入一个未办结、且自己不属于其他故障的事项。"))
    merged = 0
    for other in others:
        if other.id == parent.id or other.parent_id is not None or other.state in FINISHED:
            continue
        other.parent_id = parent.id
        for child in children(session, other):
            child.parent_id = parent.id
        facts.append(
            session,
            parent,
            What.CHILD_LINKED,
            now=now,
            by=viewer.person_id,
            internal=True,
            data={"child": other.number, "unit": other.unit.name},
        )
        facts.append(session, other, What.CHILD_LINKED, now=now, by=viewer.person_id, data={"parent": parent.number})
        facts.changed(session, other, What.CHILD_LINKED, now=now)
        merged += 1
    if not merged:
        raise Invalid.of("child", _("没有选中可以合并的事项。"))
    return merged
