"""Tickets as the API answers them; many at once with a handful of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from accounts.models import Person
from accounts.scope import Viewer
from servicedesk.calendar import service as calendars
from servicedesk.clocks import queries as clocks
from servicedesk.custody.models import CustodySpan
from servicedesk.custody.rules import answerable_for
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket, TicketFact
from servicedesk.tickets.schemas import ClockOut, CustodyOut, TicketOut, TimelineOut


def tickets_out(session: Session, tickets: Sequence[Ticket], *, now: dt.datetime) -> list[TicketOut]:
    """The whole objects; `actions` is filled by `ticket_out` and `whole_out` alone."""
    found = clocks.clocks_of(session, [ticket.id for ticket in tickets], now=now)
    seen_by = {i for i in (ticket.acknowledged_by_id for ticket in tickets) if i}
    logins = {i: person.login for i in seen_by if (person := session.get(Person, i))}
    return [_out(ticket, found[ticket.id], logins) for ticket in tickets]


def ticket_out(session: Session, viewer: Viewer, ticket: Ticket, *, now: dt.datetime) -> TicketOut:
    """One ticket, with what the caller may do to it."""
    return whole_out(session, viewer, [ticket], now=now)[0]


def whole_out(session: Session, viewer: Viewer, tickets: Sequence[Ticket], *, now: dt.datetime) -> list[TicketOut]:
    """The same of several: those just opened."""
    found = tickets_out(session, tickets, now=now)
    for out, ticket, who in zip(found, tickets, access.standings(session, viewer, tickets), strict=True):
        out.actions = access.actions_for(ticket, who)
    return found


def _out(ticket: Ticket, found: list[clocks.ClockView], logins: dict[int, str]) -> TicketOut:
    return TicketOut(
        number=ticket.number,
        kind=ticket.kind,
        state=ticket.state,
        title=ticket.title,
        description=ticket.description,
        category=ticket.category,
        service=ticket.service_id,
        item=ticket.item_id,
        urgency=ticket.urgency,
        impact=ticket.impact,
        priority=ticket.priority,
        reporter=ticket.reporter.login if ticket.reporter else None,
        unit=ticket.unit.code,
        holder=ticket.holder.login if ticket.holder else None,
        team=ticket.team.code,
        line=ticket.line,
        major=ticket.major,
        parent=ticket.parent.number if ticket.parent else None,
        opened_at=ticket.opened_at,
        resolved_at=ticket.resolved_at,
        closed_at=ticket.closed_at,
        source=ticket.source,
        clocks=[
            ClockOut(
                name=c.name,
                started_at=c.started_at,
                due_at=c.due_at,
                paused=c.paused,
                elapsed_minutes=c.elapsed_minutes,
                state=c.state,
            )
            for c in found
        ],
        error_code=ticket.error_code,
        since=ticket.since,
        solution=ticket.solution,
        cause=ticket.cause,
        article=ticket.article,
        stars=ticket.stars,
        acknowledged_by=logins.get(ticket.acknowledged_by_id or 0),
        handoff_pending=ticket.handoff_pending,
        reopened=ticket.reopened,
        bounces=ticket.bounces,
        urged=ticket.urged,
        planned_start=ticket.planned_start,
        planned_end=ticket.planned_end,
        actual_start=ticket.actual_start,
        actual_end=ticket.actual_end,
        items=ticket.items or [],
    )


def timeline_out(facts: Sequence[TicketFact]) -> list[TimelineOut]:
    """Lines of a timeline, already narrowed to what the viewer may see."""
    return [
        TimelineOut(
            id=fact.id,
            at=fact.at,
            received_at=fact.received_at,
            actor=fact.actor.login if fact.actor else None,
            actor_name=fact.actor.name if fact.actor else None,
            what=fact.kind,
            text=fact.text,
            internal=fact.internal,
            data=fact.data,
        )
        for fact in facts
    ]


def custody_out(session: Session, rows: Sequence[CustodySpan], *, now: dt.datetime) -> list[CustodyOut]:
    """The ledger with working and calendar time."""
    calendar = calendars.current(session)
    found = []
    for row in rows:
        until = max(row.since, row.until or now)
        party = answerable_for(row.span())
        waited = row.waiting_team_id is not None and party.team == row.waiting_team_id
        found.append(
            CustodyOut(
                holder=row.holder.login if row.holder else None,
                team=row.team.code,
                line=row.line,
                since=row.since,
                until=row.until,
                working_minutes=calendar.elapsed(row.since, until) // dt.timedelta(minutes=1),
                calendar_minutes=(until - row.since) // dt.timedelta(minutes=1),
                waiting_for=row.waiting_for,
                put_down_to=_team_code(session, party.team)
                if waited
                else (row.team.code if party.team else party.kind),
            )
        )
    return found


def _team_code(session: Session, team_id: int | None) -> str:
    from accounts.models import Team

    return session.get_one(Team, team_id).code
