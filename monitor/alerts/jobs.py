"""Periodic duties of alerts: what was not seen again ends (A-06), forgotten acknowledgements expire (M-08)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from monitor.alerts import service
from monitor.alerts.book import book_of, move
from monitor.alerts.models import Alert, Member
from monitor.alerts.telling import Told

_AT_ONCE = 500


def expire(session: Session, now: dt.datetime) -> int:
    """End label sets whose time has come; returns how many."""
    book = book_of(session.get_bind())
    write_seen(session, now)
    members = session.scalars(
        sa.select(Member)
        .where(Member.resolved_at.is_(None), Member.expires_at <= now)
        .options(selectinload(Member.alert).selectinload(Alert.members))
        .order_by(Member.expires_at, Member.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    told = Told()
    for member in members:
        if book is not None and not book.claim(session, member.fingerprint, now):
            continue  # it was seen again while we looked
        if member.resolved_at is None:
            at = member.expires_at or now
            service.end_member(member.alert, member, at=at, why="timed-out", told=told, timed_out=True)
    session.flush()
    told.record(session, now=now)
    return len(members)


def write_seen(session: Session, _now: dt.datetime) -> int:
    """Bring to the disk what the book knows of alerts that came again; returns how many."""
    book = book_of(session.get_bind())
    return book.write(session) if book is not None else 0


def move_book(session: Session, by: dt.timedelta) -> None:
    """The clock was set: what the book knows moves as its rows do."""
    move(session, by)


def forget_acknowledgements(session: Session, now: dt.datetime) -> int:
    """Open again what was acknowledged for a time that is over; returns how many."""
    alerts = session.scalars(
        sa.select(Alert)
        .where(Alert.resolved_at.is_(None), Alert.acknowledged_until <= now)
        .limit(_AT_ONCE)
        .with_for_update()
    ).all()
    for alert in alerts:
        service.unacknowledge(session, alert, why="expired", now=now)
    return len(alerts)
