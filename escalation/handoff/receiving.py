"""Who may be given a matter, who gets a returned one, and what whoever did not take it keeps of it (E-01, E-04, T-05)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts import validity
from accounts.models import Person, Team, TeamMember, UnitLevel
from accounts.scope import PrincipalKind, viewer_for
from core.errors import Conflict, Invalid
from core.i18n import gettext as _
from escalation.handoff.models import Handoff
from escalation.handoff.rules import HandoffState
from servicedesk.custody import routing
from servicedesk.custody import rules as custody_rules
from servicedesk.custody import service as custody
from servicedesk.custody.models import CustodySpan
from servicedesk.custody.rules import ReturnTo, Span
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket, TicketPrincipal


def stands(team: Team, *, now: dt.datetime) -> bool:
    """Whether a team can take anything: active, and its unit or contract has not ended."""
    return team.active and validity.stands(team.unit, now)


def receivers(session: Session, ticket: Ticket, *, now: dt.datetime) -> list[Team]:
    """The teams a matter may be handed to, the usual one first; the page offers them, and the verb takes no other.

    The next line up; in the province also its other teams and the vendors, with whom only the province deals.
    """
    up = routing.team_one_line_up(session, ticket.team, service_id=ticket.service_id)
    teams = [up] if up else []
    if ticket.team.unit.level is UnitLevel.PROVINCE:
        both = sa.select(Team).join(Team.unit).options(joinedload(Team.unit)).where(Team.active).order_by(Team.name)
        teams += session.scalars(both.where(Team.unit.has(level=UnitLevel.VENDOR)))
        teams += session.scalars(both.where(Team.unit_id == ticket.team.unit_id, Team.id != ticket.team_id))
    return [team for team in dict.fromkeys(teams) if stands(team, now=now)]


def refuse_others(session: Session, ticket: Ticket, to: Team, *, now: dt.datetime) -> None:
    """Raise Invalid, naming who may be given it, unless `to` is one of them."""
    may = receivers(session, ticket, now=now)
    if to.id in {team.id for team in may}:
        return
    names = "、".join(team.name for team in may)
    if not names:
        raise Invalid.of("to", _("上面没有可以接手的班组，请先在“机构与人员”中设置。"))
    raise Invalid.of(
        "to", _("不能直接转给%(team)s：逐级上报，供应商由省局协调；可以转给：%(names)s。", team=to.name, names=names)
    )


def previous_holder(session: Session, ticket: Ticket, handoff: Handoff, *, now: dt.datetime) -> ReturnTo:
    """Who gets it back: whoever held it last, or the head of that team; raises Conflict with the reason (E-04)."""
    sender = _last_span(session, ticket, handoff)
    team = session.get_one(Team, sender.team)
    wanted = [i for i in (sender.holder, team.head_id) if i is not None]
    active = session.scalars(sa.select(Person.id).where(Person.id.in_(wanted), Person.active))
    target = custody_rules.return_to(sender, active_people=active, active_team=stands(team, now=now), head=team.head_id)
    if target.refused:
        raise Conflict(str(custody_rules.RETURN_REFUSALS[target.refused]))
    return target


def _last_span(session: Session, ticket: Ticket, handoff: Handoff) -> Span:
    """The stretch of custody before the receiver's; not accepted, it is the one that lasts."""
    if handoff.state is HandoffState.SENT:
        return custody.open_row(session, ticket).span()
    taken = (
        sa.select(sa.func.min(CustodySpan.seq))
        .where(
            CustodySpan.ticket_id == ticket.id,
            CustodySpan.team_id == handoff.to_team_id,
            CustodySpan.since >= handoff.accepted_at,
        )
        .scalar_subquery()
    )
    before = session.scalar(
        sa.select(CustodySpan)
        .where(CustodySpan.ticket_id == ticket.id, CustodySpan.seq < taken)
        .order_by(CustodySpan.seq.desc())
        .limit(1)
    )
    if before is not None:
        return before.span()
    return Span(team=handoff.from_team_id, line=handoff.from_line, since=handoff.sent_at, holder=handoff.from_holder_id)


def take_back_offer(session: Session, ticket: Ticket, handoff: Handoff, *, now: dt.datetime) -> None:
    """It was not taken over: the receiving side reads no more than it could before, nor do its people by following."""
    team = handoff.to_team
    custody.take_back_offer(session, ticket, team)
    members = sa.select(TeamMember.person_id).where(TeamMember.team_id == team.id)
    followed = session.execute(
        sa.select(TicketPrincipal, Person)
        .join(Person, Person.id == TicketPrincipal.principal_id)
        .where(
            TicketPrincipal.ticket_id == ticket.id,
            TicketPrincipal.kind == PrincipalKind.PERSON,
            TicketPrincipal.why == "watcher",
            TicketPrincipal.from_at >= handoff.sent_at,
            TicketPrincipal.until_at.is_(None),
            sa.or_(Person.unit_id == team.unit_id, Person.id.in_(members)),
        )
    ).all()
    for row, person in followed:
        row.until_at = now
        session.flush()
        seen = access.visible(viewer_for(session, person, now=now))
        if session.scalar(sa.select(Ticket.id).where(Ticket.id == ticket.id, seen)) is not None:
            row.until_at = None
