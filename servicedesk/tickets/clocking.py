"""How tickets use the clocks and the calendar: one place, so that every verb keeps them in its own transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from cmdb import queries as cmdb
from core import clock
from servicedesk.calendar import service as calendars
from servicedesk.clocks import service as clocks
from servicedesk.tickets import rules
from servicedesk.tickets.models import Ticket, TicketFact

ZONE = ZoneInfo("Asia/Shanghai")


def targets_version(session: Session) -> int:
    """The version of the targets a new ticket is judged by."""
    return clocks.targets_version(session)


def is_tax(session: Session, service_id: int | None) -> bool:
    """Whether the filing period tightens this service's targets."""
    return cmdb.is_tax_system(session, service_id)


def settle(session: Session, ticket: Ticket, *, now: dt.datetime) -> None:
    """Write the ticket's clocks and its next due time anew from its facts; called at the end of every verb."""
    clocks.rebuild(session, ticket.id, now=now)


def begin(session: Session, tickets: Sequence[tuple[Ticket, TicketFact]], *, now: dt.datetime) -> list[list[Any]]:
    """The first clocks of tickets that are not stored yet, each from its first fact; sets their next due times."""
    return clocks.begin(session, tickets, now=now)


def begun(session: Session, tickets: Sequence[tuple[Ticket, list[Any]]], *, now: dt.datetime) -> None:
    """The tickets are stored: so are their clocks, and what is due at once is told."""
    clocks.begun(session, tickets, now=now)


def auto_close_at(session: Session, resolved_at: dt.datetime) -> dt.datetime:
    """When a matter resolved then closes by itself."""
    return rules.auto_close_at(resolved_at, zone=ZONE, is_working_day=calendars.current(session).is_working_day)


def may_reopen(session: Session, resolved_at: dt.datetime, now: dt.datetime) -> bool:
    """Whether the ten working days are still running."""
    return rules.may_reopen(resolved_at, now, zone=ZONE, is_working_day=calendars.current(session).is_working_day)


def today(now: dt.datetime) -> dt.date:
    """The date people here write at `now`."""
    return clock.local_date(now)


def wall(at: dt.datetime) -> str:
    """An instant as people here write it."""
    return at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
