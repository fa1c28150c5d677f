"""The third bounce goes to an arbiter, who decides and binds (E-03)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import Person, Team, UnitLevel
from accounts.scope import Viewer, covers
from core.errors import Conflict, Forbidden, Invalid
from core.events import handoff as events
from core.i18n import gettext as _
from core.outbox import record
from escalation.handoff import queries
from escalation.handoff.models import Arbitration, Handoff
from servicedesk.custody import rules as custody_rules
from servicedesk.custody import service as custody
from servicedesk.tickets import clocking, facts
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import FINISHED


def arbitrate(
    session: Session, viewer: Viewer, ticket: Ticket, *, team: Team, reason: str, now: dt.datetime
) -> Arbitration:
    """The arbiter names who has it; it binds. Raises Conflict where none is asked for, Forbidden for anybody else."""
    wanted = arbiter_wanted(session, ticket)
    if wanted is None or ticket.state in FINISHED:
        raise Conflict(_("没有等待裁决的退回。"))
    may = viewer.person_id == wanted.arbiter_id or covers(
        session, viewer, "ticket.arbitrate", unit_id=wanted.arbiter_unit_id
    )
    if not may:
        raise Forbidden(_("只有%(name)s可以裁决。", name=wanted.arbiter.name if wanted.arbiter else ""))
    parties = {wanted.from_team_id: wanted.to_team_id, wanted.to_team_id: wanted.from_team_id}
    if team.id not in parties:
        raise Invalid.of("team", _("请在%(a)s和%(b)s之间裁决。", a=wanted.from_team.name, b=wanted.to_team.name))
    if not reason.strip():
        raise Invalid.of("reason", _("请写明裁决的理由。"))
    holder = _answerable_in(session, team)
    wanted.decided_at = now
    made = Arbitration(
        ticket_id=ticket.id,
        team_id=team.id,
        against_id=parties[team.id],
        by_id=viewer.person_id,
        reason=reason.strip(),
        at=now,
    )
    session.add(made)
    custody.transfer(session, ticket, team=team, holder_id=holder.id, why="arbitrated", now=now, by=viewer.person_id)
    facts.append(
        session,
        ticket,
        What.ARBITRATED,
        now=now,
        by=viewer.person_id,
        text=made.reason,
        data={"team": team.name, "holder": holder.name},
    )
    facts.append(
        session,
        ticket,
        What.ACCEPTED,
        now=now,
        by=holder.id,
        data={
            "line": str(ticket.line),
            "arbitrated": True,
            "team": team.name,
        },
    )
    record(
        session,
        events.ArbiterDecided(ticket_id=ticket.id, number=ticket.number, team_id=team.id, arbiter_id=viewer.person_id),
        now=now,
    )
    clocking.settle(session, ticket, now=now)
    facts.changed(session, ticket, What.ARBITRATED, now=now)
    return made


def arbiter_wanted(session: Session, ticket: Ticket) -> Handoff | None:
    """The return that waits for an arbiter's decision, or None."""
    return session.scalar(
        sa.select(Handoff).where(Handoff.ticket_id == ticket.id, queries.UNDECIDED).order_by(Handoff.id.desc()).limit(1)
    )


def refuse_bound(session: Session, ticket: Ticket, handoff: Handoff) -> None:
    """Raises Conflict where a decision already bound the receiver."""
    bound = session.scalar(
        sa.select(Arbitration.id)
        .where(
            Arbitration.ticket_id == ticket.id,
            Arbitration.team_id == handoff.to_team_id,
            Arbitration.against_id == handoff.from_team_id,
        )
        .limit(1)
    )
    if bound is not None:
        raise Conflict(_("已有裁决，由%(team)s负责到底，不能退回。", team=handoff.to_team.name))


def call_arbiter(session: Session, ticket: Ticket, handoff: Handoff, *, now: dt.datetime) -> None:
    """Name the head of the lowest unit above both parties, or of the next above that has one."""
    paths = [_path(session, handoff.from_team, ticket), _path(session, handoff.to_team, ticket)]
    lowest = custody_rules.arbiter_unit(*paths)
    for unit in accounts.ancestors(session, lowest):
        if head := accounts.head_of_unit(session, unit.id, now=now):
            handoff.arbiter_id, handoff.arbiter, handoff.arbiter_unit_id = head.id, head, unit.id
            return


def _path(session: Session, team: Team, ticket: Ticket) -> list[int]:
    """Units from the root to the team's; a vendor is taken to stand where the matter's province stands."""
    unit_id = team.unit_id
    if team.unit.level is UnitLevel.VENDOR:
        unit_id = accounts.ancestors(session, ticket.unit_id)[-1].id
    return [unit.id for unit in reversed(accounts.ancestors(session, unit_id))]


def _answerable_in(session: Session, team: Team) -> Person:
    head = session.get(Person, team.head_id) if team.head_id else None
    if head is None or not head.active:
        raise Conflict(_("%(team)s没有可用的负责人，请先指定组长。", team=team.name))
    return head
