"""How tickets use the clocks and the calendar: one place, so that every verb keeps them in its own transaction."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.calendar import DEFAULT_CALENDAR, WorkCalendar
from servicedesk import catalogue
from servicedesk.clocks import rules as clock_rules
from servicedesk.clocks.facts import Fact
from servicedesk.clocks.targets import DEFAULT_TARGETS, DEFAULT_VERSION
from servicedesk.tickets import rules
from servicedesk.tickets.models import Ticket, TicketFact
from servicedesk.tickets.states import Kind

ZONE = ZoneInfo("Asia/Shanghai")


def calendar(session: Session) -> WorkCalendar:  # noqa: ARG001
    """The working calendar in force."""
    return DEFAULT_CALENDAR


def targets_version(session: Session) -> int:  # noqa: ARG001
    """The version of the targets a new ticket is judged by."""
    return DEFAULT_VERSION


def is_tax(session: Session, service_id: int | None) -> bool:
    """Whether the filing period tightens this service's targets."""
    return catalogue.is_tax_system(session, service_id)


def settle(session: Session, ticket: Ticket, *, now: dt.datetime) -> None:
    """Compute the ticket's clocks anew from its facts; called at the end of every verb."""
    if ticket.kind is not Kind.INCIDENT:
        return
    session.flush()
    running = [c for c in clocks_of(session, ticket, now=now) if c.running_since is not None]
    ticket.next_due_at = min((c.due_at for c in running), default=None)


def clocks_of(session: Session, ticket: Ticket, *, now: dt.datetime) -> list[clock_rules.Clock]:
    """The ticket's clocks as they stand at `now`."""
    rows = session.execute(
        sa.select(TicketFact.at, TicketFact.kind, TicketFact.data)
        .where(TicketFact.ticket_id == ticket.id).order_by(TicketFact.seq)
    )
    facts = [Fact(at, kind, data) for at, kind, data in rows]
    return clock_rules.clocks(facts, now=now, calendar=calendar(session), targets=DEFAULT_TARGETS)


def auto_close_at(session: Session, resolved_at: dt.datetime) -> dt.datetime:
    """When a matter resolved then closes by itself."""
    return rules.auto_close_at(resolved_at, zone=ZONE, is_working_day=calendar(session).is_working_day)


def may_reopen(session: Session, resolved_at: dt.datetime, now: dt.datetime) -> bool:
    """Whether the ten working days are still running."""
    return rules.may_reopen(resolved_at, now, zone=ZONE, is_working_day=calendar(session).is_working_day)


def wall(at: dt.datetime) -> str:
    """An instant as people here write it."""
    return at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
