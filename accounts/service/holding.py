"""Holding units still: who gives a right at one, and who moves or retires one, wait for each other (R-03).

Readers of a place share it; whoever changes what the place is has it alone. Neither keeps anybody from naming the unit
in a new row. Units are locked before people, and in the order of their ids. SQLite has one writer and needs no locks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Unit, UnitClosure
from accounts.validity import stands
from core.errors import Invalid
from core.i18n import gettext as _


def share(session: Session, unit_id: int, *, now: dt.datetime | None, field: str = "unit") -> Unit:
    """Keep a unit from being moved or retired until we commit. Raises Invalid where it does not stand at `now`."""
    unit = session.scalars(_fresh([unit_id]).with_for_update(read=True)).one()
    if now is not None and not stands(unit, now):
        raise Invalid.of(field, _("该机构已撤并，请改用现有机构。"))
    return unit


def alone(session: Session, unit_ids: Collection[int]) -> None:
    """Wait until nobody gives a right at these units, adds a person to them or a unit below, and let nobody begin."""
    session.scalars(_fresh(unit_ids).with_for_update(key_share=True)).all()


def subtree_alone(session: Session, unit: Unit, *others: Unit) -> list[int]:
    """Hold a unit with all below it, and others; returns the ids of the unit and all below."""
    held: set[int] = set()
    while True:
        below = list(session.scalars(sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id == unit.id)))
        if held.issuperset(below):
            return below
        held = {*below, *(other.id for other in others)}
        alone(session, held)  # while we waited, somebody may have added one below


def _fresh(unit_ids: Collection[int]) -> sa.Select[Unit]:
    wanted = sa.select(Unit).where(Unit.id.in_(sorted(unit_ids))).order_by(Unit.id)
    return wanted.execution_options(populate_existing=True)
