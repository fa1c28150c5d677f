"""Warnings and breaches that came at night while nobody was on duty: kept, shown, and told at the next working instant.

Nobody else may be woken (T-04), but nothing may be lost either: each is told exactly once, whatever was restarted
meanwhile, since the row is ticked off in the transaction that writes its deliveries.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from core.events.clocks import ClockBreached, ClockWarned
from escalation.notify.models import PostponedNotice
from servicedesk.calendar import service as calendars
from servicedesk.clocks.models import ClockRow
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket

log = structlog.get_logger()
BATCH = 200
SHOWN = 50


def postpone(session: Session, what: str, key: str, event: ClockWarned | ClockBreached, *, now: dt.datetime) -> None:
    """Keep what nobody could be told; running again adds nothing."""
    if session.scalar(sa.select(PostponedNotice.id).where(PostponedNotice.key == key)) is not None:
        return
    row = PostponedNotice(
        key=key,
        what=what,
        ticket_id=event.ticket_id,
        clock=event.clock,
        round=event.round,
        since=now,
        tell_at=calendars.current(session).next_working(now),
    )
    session.add(row)
    session.flush()
    log.warning("clock.nobody_on_duty", ticket=event.number, clock=event.clock, what=what, tell_at=row.tell_at)


def due(session: Session, now: dt.datetime) -> Sequence[PostponedNotice]:
    """What is to be told now, locked and ticked off; the caller tells it in the same transaction."""
    rows = session.scalars(
        sa.select(PostponedNotice)
        .where(PostponedNotice.told_at.is_(None), PostponedNotice.tell_at <= now)
        .order_by(PostponedNotice.tell_at, PostponedNotice.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for row in rows:
        row.told_at = now
    return rows


def still_worth_telling(session: Session, row: PostponedNotice, ticket: Ticket) -> bool:
    """Whether it is no news of the past: the ticket goes on, its clock too, and no breach overtook the warning."""
    if ticket.ended:
        return False
    same = (ClockRow.ticket_id == row.ticket_id, ClockRow.name == row.clock, ClockRow.round == row.round)
    clock = session.scalar(sa.select(ClockRow).where(*same))
    if clock is None or clock.outcome is not None:
        return False
    return row.what == "breached" or clock.breached_at is None


def untold(session: Session, viewer: Viewer) -> Sequence[tuple[PostponedNotice, Ticket]]:
    """What waits for the morning, of the tickets the viewer may see."""
    if not viewer.can(access.READ):
        return []
    rows = session.execute(
        sa.select(PostponedNotice, Ticket)
        .join(Ticket, Ticket.id == PostponedNotice.ticket_id)
        .where(PostponedNotice.told_at.is_(None), access.visible(viewer))
        .order_by(PostponedNotice.since.desc(), PostponedNotice.id.desc())
        .limit(SHOWN)
    ).all()
    return [(row, ticket) for row, ticket in rows]


def of_ticket(session: Session, ticket_id: int) -> Sequence[PostponedNotice]:
    """Every notice of a ticket that found nobody on duty, told by now or not."""
    return session.scalars(
        sa.select(PostponedNotice).where(PostponedNotice.ticket_id == ticket_id).order_by(PostponedNotice.id)
    ).all()
