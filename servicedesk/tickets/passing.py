"""Custody inside one line goes to another team or person, and the timeline says so. Whoever calls has judged it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from accounts.models import Person, Team
from servicedesk.custody import service as custody
from servicedesk.tickets import clocking, facts
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import State


def pass_on(
    session: Session, ticket: Ticket, team: Team, holder: Person | None, *, now: dt.datetime, by: int
) -> Ticket:
    """Give the matter to `team` and `holder`; in a new one nobody has accepted it yet."""
    custody.transfer(
        session,
        ticket,
        team=team,
        holder_id=holder.id if holder else None,
        why="assigned",
        now=now,
        by=by,
        accepted=ticket.state is not State.NEW,
    )
    given = {
        "team": team.id,
        "team_name": team.name,
        "holder": holder.id if holder else None,
        "holder_name": holder.name if holder else None,
    }
    facts.append(session, ticket, What.ASSIGNED, now=now, by=by, data=given)
    clocking.settle(session, ticket, now=now)
    facts.changed(session, ticket, What.ASSIGNED, now=now)
    return ticket
