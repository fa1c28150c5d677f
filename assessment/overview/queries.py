"""Reads of the overview: two scoped queries over tickets, one over services."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Unit, UnitClosure
from accounts.scope import Viewer
from assessment.overview.rules import DoneRow, OpenRow
from cmdb.models import Item, Service
from cmdb.queries import items as item_queries
from servicedesk.tickets import access
from servicedesk.tickets.models import UNFINISHED, Ticket

DAYS = 30


def open_rows(session: Session, viewer: Viewer) -> list[OpenRow]:
    """Everything in the viewer's scope that somebody has to work on."""
    t = Ticket
    statement = sa.select(
        t.number, t.title, t.state, t.priority, t.unit_id, t.holder_id, t.team_id, t.next_due_at, t.opened_at, t.updated_at,
        t.bounces, t.urged,
    ).where(UNFINISHED, access.visible(viewer))  # fmt: skip
    rows: Any = session.execute(statement)
    return [OpenRow(*row) for row in rows]


def done_rows(session: Session, viewer: Viewer, *, since: dt.datetime) -> list[DoneRow]:
    """Everything in scope resolved since then."""
    t = Ticket
    statement = sa.select(t.line, t.opened_at, t.resolved_at, t.reopened, t.bounces, t.stars).where(
        t.resolved_at >= since, access.visible(viewer)
    )
    rows: Any = session.execute(statement)
    return [DoneRow(*row) for row in rows]


def opened_since(session: Session, viewer: Viewer, *, since: dt.datetime) -> list[dt.datetime]:
    """When each ticket in scope was opened since then."""
    return list(session.scalars(sa.select(Ticket.opened_at).where(Ticket.opened_at >= since, access.visible(viewer))))


def branches(session: Session, viewer: Viewer) -> tuple[dict[int, int], dict[int, tuple[str, str]]]:
    """(unit → the child of the viewer's root above it, child → (code, name)). A root is its own branch."""
    roots = sorted(viewer.units_for("figures.read"))
    children = session.execute(
        sa.select(Unit.id, Unit.code, Unit.name).where(sa.or_(Unit.parent_id.in_(roots), Unit.id.in_(roots)))
    ).all()
    names = {i: (code, name) for i, code, name in children}
    below = session.execute(
        sa.select(UnitClosure.descendant_id, UnitClosure.ancestor_id).where(
            UnitClosure.ancestor_id.in_([i for i in names if i not in roots])
        )
    )
    found = {root: root for root in roots}
    found |= dict(below.all())
    return found, names


def services(session: Session, viewer: Viewer) -> list[Any]:
    """Services that are not well or not seen, worst first: (Item, Service)."""
    worst = sa.case({"critical": 0, "warning": 1, "unknown": 2, "nodata": 3}, value=Item.health, else_=4)
    return list(
        session.execute(
            sa.select(Item, Service)
            .join(Service, Service.item_id == Item.id)
            .where(item_queries.visible_services(viewer), Item.retired_at.is_(None))
            .order_by(worst, Item.name)
        ).all()
    )
