"""When a grant or a unit counts: the one predicate that every read and every refusal asks (R-03).

A grant's `valid_until` is an instant at which it no longer counts; a unit's is the day from which it stands no more. Only
a vendor's is the last day that still counts: that of its contract.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from accounts.models import Grant, Unit, UnitLevel
from core import clock


def lasting(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Grants that have not ended, those that begin later included: what a refusal must ask."""
    return sa.or_(Grant.valid_until.is_(None), Grant.valid_until > now)


def in_force(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Grants that give their rights at `now`."""
    return sa.and_(Grant.valid_from <= now, lasting(now))


def ending_by(now: dt.datetime, by: dt.datetime) -> sa.ColumnElement[bool]:
    """Grants that count still and end by then."""
    return sa.and_(Grant.valid_until > now, Grant.valid_until <= by)


def ends() -> sa.ColumnElement[bool]:
    """Grants that will end by themselves, or have."""
    return Grant.valid_until.is_not(None)


def standing(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Units not retired at `now`; a vendor stands until its contract's last day has passed here."""
    today = clock.local_date(now)
    last_day = sa.and_(Unit.level == UnitLevel.VENDOR, Unit.valid_until == today)
    return sa.or_(Unit.valid_until.is_(None), Unit.valid_until > today, last_day)


def stands(unit: Unit, now: dt.datetime) -> bool:
    """The same of one unit."""
    today, end = clock.local_date(now), unit.valid_until
    return end is None or end > today or (end == today and unit.level is UnitLevel.VENDOR)
