"""Who may see a ticket, and who may do what to it. One predicate for every read; one function for every verb."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team
from accounts.scope import PrincipalKind, Viewer, admitted_at_least, admitted_one, by_principals, covers, in_scope
from core.errors import Forbidden, NotFound
from core.i18n import gettext as _
from servicedesk.custody.models import CustodySpan
from servicedesk.custody.rules import Line
from servicedesk.tickets import rules
from servicedesk.tickets.models import Ticket, TicketPrincipal
from servicedesk.tickets.states import Action, State, offered

READ = "ticket.read"
WORK = "ticket.work"
HAND_UP = "ticket.hand-up"


Rows = list[tuple[PrincipalKind, int]]
MANY = 5000  # more than these are not collected first: a list of fifty is sooner found by asking one after another


def visible(viewer: Viewer) -> sa.ColumnElement[bool]:
    """The condition on Ticket under which `viewer` may see it (T-05).

    A ticket always has a principal row of its own unit, so asking for that unit first admits nobody more, and for whoever
    sees a province that is all that is ever asked. Who sees many is asked about ticket by ticket, in whatever order the
    list has them; who sees few is found by their few rows. Both say the same.
    """
    if "ticket" not in viewer.sees_many:
        seen = by_principals(viewer, READ, TicketPrincipal, Ticket.id, TicketPrincipal.ticket_id)
        own = in_scope(viewer, READ, service=Ticket.service_id) if viewer.services_for(READ) else None
        return seen if own is None else sa.or_(own, seen)
    own = in_scope(viewer, READ, unit=Ticket.unit_id + 0, service=Ticket.service_id + 0)  # + 0: asked, not looked up by
    return sa.or_(own, admitted_one(viewer, READ, TicketPrincipal, TicketPrincipal.ticket_id == Ticket.id))


def sees_many(session: Session, viewer: Viewer) -> bool:
    """Whether `viewer` may see so many tickets that none of their lists begins with collecting them."""
    if not (viewer.units_for(READ) or viewer.teams_for(READ) or viewer.services_for(READ) or viewer.vendor_unit_id):
        return False
    return admitted_at_least(session, viewer, READ, TicketPrincipal, least=MANY)


def get(session: Session, viewer: Viewer, number: str, *, lock: bool = False) -> Ticket:
    """The ticket of that number, if the viewer may see it; else NotFound. `lock` for a verb that will change it."""
    query = sa.select(Ticket).where(Ticket.number == number, visible(viewer))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    ticket = session.scalar(query)
    if ticket is None:
        raise NotFound(_("没有这个事项，或您无权查看。"))
    return ticket


@dataclass(frozen=True)
class Standing:
    """How somebody stands to a ticket; everything else follows from this."""

    reporter: bool  # it is theirs
    follower: bool  # reporter or watcher: a person row admits them
    reads: bool  # holds ticket.read for it by unit, team or service: sees internal lines
    worker: bool  # may work it: holds ticket.work for its team or for a unit above (while a vendor has it: the vendor)
    hands_up: bool  # a worker who may hand it to others: holds ticket.hand-up there too
    superior: bool  # holds ticket.work where it was last with us: may look and write even while a vendor has it
    participant: bool  # works for a team that holds or held it
    head: bool  # may assign, close, cancel
    vendor: bool  # sees only its episodes

    @property
    def writes(self) -> bool:
        """May add a comment or an attachment."""
        return self.follower or self.worker or self.superior or self.participant or self.vendor


def standing(session: Session, viewer: Viewer, ticket: Ticket) -> Standing:
    """How `viewer` stands to `ticket`, which they can see."""
    return standings(session, viewer, [ticket])[0]


def standings(session: Session, viewer: Viewer, tickets: Sequence[Ticket]) -> list[Standing]:
    """How `viewer` stands to each of `tickets`, with the same two questions for all."""
    followed = _followed(session, viewer, [t.id for t in tickets if t.reporter_id != viewer.person_id])
    admitted = _units_and_teams(session, [t.id for t in tickets])
    return [_standing(session, viewer, t, follows=t.id in followed, rows=admitted[t.id]) for t in tickets]


def _standing(session: Session, viewer: Viewer, ticket: Ticket, *, follows: bool, rows: Rows) -> Standing:
    vendor = viewer.vendor_unit_id is not None
    places = _answerable(session, ticket)
    works = not vendor and covers(session, viewer, WORK, **places)
    holds_as_vendor = vendor and viewer.can("vendor.work") and ticket.team.unit_id == viewer.vendor_unit_id
    mine = ticket.reporter_id == viewer.person_id
    worker = (works and ticket.line is not Line.VENDOR) or holds_as_vendor
    return Standing(
        reporter=mine,
        follower=mine or follows,
        reads=not vendor and _holds(session, viewer, READ, ticket, rows),
        worker=worker,
        hands_up=worker and not vendor and covers(session, viewer, HAND_UP, **places),
        superior=works,
        participant=not vendor and _holds(session, viewer, WORK, ticket, rows),
        head=not vendor and covers(session, viewer, "ticket.close", **places),
        vendor=vendor,
    )


def _answerable(session: Session, ticket: Ticket) -> dict[str, Any]:
    """Where rights over the ticket are asked for: its team; while a vendor has it, the team that gave it away."""
    team = ticket.team
    if ticket.line is Line.VENDOR:
        giver = session.scalar(
            sa.select(Team)
            .join(CustodySpan, CustodySpan.team_id == Team.id)
            .where(CustodySpan.ticket_id == ticket.id, CustodySpan.line != Line.VENDOR)
            .order_by(CustodySpan.seq.desc())
            .limit(1)
        )
        team = giver or team
    return {"unit_id": team.unit_id, "team_id": team.id, "service_id": ticket.service_id}


def _followed(session: Session, viewer: Viewer, ticket_ids: Sequence[int]) -> set[int]:
    if not ticket_ids:
        return set()
    rows = sa.select(TicketPrincipal.ticket_id).where(
        TicketPrincipal.ticket_id.in_(ticket_ids),
        TicketPrincipal.kind == PrincipalKind.PERSON,
        TicketPrincipal.principal_id == viewer.person_id,
        TicketPrincipal.until_at.is_(None),
    )
    return set(session.scalars(rows))


def _units_and_teams(session: Session, ticket_ids: Sequence[int]) -> dict[int, Rows]:
    found: dict[int, Rows] = {ticket_id: [] for ticket_id in ticket_ids}
    rows = sa.select(TicketPrincipal.ticket_id, TicketPrincipal.kind, TicketPrincipal.principal_id).where(
        TicketPrincipal.ticket_id.in_(ticket_ids), TicketPrincipal.kind.in_([PrincipalKind.UNIT, PrincipalKind.TEAM])
    )
    for ticket_id, kind, principal in session.execute(rows.distinct()):
        found[ticket_id].append((kind, principal))
    return found


def _holds(session: Session, viewer: Viewer, permission: str, ticket: Ticket, rows: Rows) -> bool:
    if ticket.service_id is not None and ticket.service_id in viewer.services_for(permission):
        return True
    if not viewer.units_for(permission) and not viewer.teams_for(permission):
        return False
    return any(
        covers(session, viewer, permission, **{"unit_id" if kind is PrincipalKind.UNIT else "team_id": principal})
        for kind, principal in rows
    )


def may(action: Action, ticket: Ticket, who: Standing) -> bool:
    """Whether somebody standing so may do `action`, the state table apart."""
    match action:
        case Action.CONFIRM:
            return who.reporter
        case Action.REOPEN:
            return who.reporter or who.head or (ticket.reporter_id is None and who.worker)
        case Action.CANCEL:
            return rules.may_cancel(
                ticket.state, ever_accepted=ticket.accepted_at is not None, is_reporter=who.reporter, is_head=who.head
            )
        case Action.CLOSE:
            return who.head
        case Action.ASSIGN:
            return who.head and not who.vendor
        case Action.ACKNOWLEDGE:
            return who.worker or who.superior
        case Action.HAND_UP:
            return who.hands_up
        case _:
            return who.worker


def require(session: Session, viewer: Viewer, ticket: Ticket, action: Action) -> Standing:
    """Raise Forbidden unless `viewer`, who sees the ticket, may do `action` to it; asked before the state table."""
    who = standing(session, viewer, ticket)
    if may(action, ticket, who):
        return who
    if who.superior and not who.worker and action in {Action.ACCEPT, Action.SUSPEND, Action.RESUME, Action.RESOLVE}:
        raise Forbidden(_("此事项正由%(team)s处理，请等对方办结或退回。", team=ticket.team.name))
    raise Forbidden(_("您可以查看此事项，但不能执行这个操作。"))


def actions_for(ticket: Ticket, who: Standing) -> list[Action]:
    """The next steps to offer, likeliest first: what the state table lists and this person may do."""
    steps = [action for action in offered(ticket.kind, ticket.state) if may(action, ticket, who)]
    if ticket.state is State.NEW and not who.worker:
        steps = [action for action in steps if action is not Action.ACCEPT]
    if ticket.handoff_pending:
        steps = [action for action in steps if action is not Action.HAND_UP]
    if ticket.acknowledged_at is not None or ticket.accepted_at is not None:
        steps = [action for action in steps if action is not Action.ACKNOWLEDGE]
    return steps
