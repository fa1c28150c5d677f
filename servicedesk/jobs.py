"""Periodic duties of the service desk."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from servicedesk.tickets import service
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import MACHINES, Action, State

BATCH = 200
CLOSABLE = [kind for kind, machine in MACHINES.items() if (State.RESOLVED, Action.CLOSE) in machine.table]


def auto_close(session: Session, now: dt.datetime) -> int:
    """Close what was solved three working days ago and nobody answered; returns how many."""
    due = session.scalars(
        sa.select(Ticket)
        .where(Ticket.auto_close_at <= now, Ticket.state == State.RESOLVED, Ticket.kind.in_(CLOSABLE))
        .order_by(Ticket.auto_close_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for ticket in due:
        service.close_unanswered(session, ticket, now=now)
    return len(due)
