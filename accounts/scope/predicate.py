"""The one scope predicate, in SQL.

A record is visible where its unit lies in a subtree the viewer was granted, where its team or service is one the
viewer was granted, or where a principal row names the viewer, a team of theirs, their vendor or a unit in their subtree.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from accounts.models import Unit, UnitClosure
from accounts.scope.viewer import Viewer
from core.db import enum_column
from core.db.base import Id


class PrincipalKind(StrEnum):
    """What a principal row points at."""

    PERSON = "person"
    UNIT = "unit"
    TEAM = "team"
    VENDOR = "vendor"


class PrincipalRow:
    """Mixin of a room's principal table: who may see a record, since when and why.

    The table adds the record's own id column. Rows are not deleted: units that held a matter keep reading it. Only an
    offer that nobody took up is taken back whole, since it never was a holding.
    A vendor's row ends (`until_at`) when the matter is returned.
    """

    kind: Mapped[PrincipalKind] = enum_column(PrincipalKind)
    principal_id: Mapped[int] = mapped_column(Id)
    why: Mapped[str] = mapped_column(sa.String(20))  # reporter | watcher | unit | holder | offered
    from_at: Mapped[dt.datetime]
    until_at: Mapped[dt.datetime | None]


def subtree(roots: frozenset[int]) -> sa.Select[int]:
    """Ids of the units below `roots`, themselves included."""
    return sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id.in_(sorted(roots)))


def in_scope(
    viewer: Viewer,
    permission: str,
    *,
    unit: sa.ColumnElement[Any] | Any = None,
    team: Any = None,
    service: Any = None,
) -> sa.ColumnElement[bool]:
    """A condition on a record's unit, team and service columns (those it has); false where nothing is granted."""
    conditions: list[sa.ColumnElement[bool]] = []
    if unit is not None and (roots := viewer.units_for(permission)):
        conditions.append(unit.in_(subtree(roots)))
    if team is not None and (teams := viewer.teams_for(permission)):
        conditions.append(team.in_(sorted(teams)))
    if service is not None and (services := viewer.services_for(permission)):
        conditions.append(service.in_(sorted(services)))
    return sa.or_(*conditions) if conditions else sa.false()


def by_principals(
    viewer: Viewer, permission: str, rows: Any, record_id: Any, rows_record_id: Any
) -> sa.ColumnElement[bool]:
    """A condition on `record_id`: some principal row of it admits the viewer.

    `rows` is the mapped class with PrincipalRow, `rows_record_id` its record column. A person's own rows admit
    without any grant; unit and team rows need `permission` there; a vendor's row needs `vendor.work`.
    """
    condition: sa.ColumnElement[bool] = record_id.in_(
        sa.select(rows_record_id).where(_admits(viewer, permission, rows))
    )
    return condition


def admitted_one(
    viewer: Viewer, permission: str, rows: Any, of_record: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """The same condition, asked for one record after another; `of_record` joins a row to its record.

    A scalar subquery and no EXISTS, which PostgreSQL might answer by collecting everything the viewer may see.
    """
    one = sa.select(sa.literal(1)).where(of_record, _admits(viewer, permission, rows)).limit(1)
    return one.scalar_subquery().is_not(None)


def admitted_at_least(session: Session, viewer: Viewer, permission: str, rows: Any, *, least: int) -> bool:
    """Whether at least so many principal rows admit the viewer; looks at no more of them than that."""
    some = sa.select(sa.literal(1).label("one")).select_from(rows).where(_admits(viewer, permission, rows)).limit(least)
    return (session.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0) >= least


def _admits(viewer: Viewer, permission: str, rows: Any) -> sa.ColumnElement[bool]:
    admitted = [
        sa.and_(rows.kind == PrincipalKind.PERSON, rows.principal_id == viewer.person_id, rows.until_at.is_(None))
    ]
    if roots := viewer.units_for(permission):
        admitted.append(sa.and_(rows.kind == PrincipalKind.UNIT, rows.principal_id.in_(subtree(roots))))
    if teams := viewer.teams_for(permission):
        admitted.append(sa.and_(rows.kind == PrincipalKind.TEAM, rows.principal_id.in_(sorted(teams))))
    if viewer.vendor_unit_id is not None and viewer.can("vendor.work"):
        admitted.append(sa.and_(rows.kind == PrincipalKind.VENDOR, rows.principal_id == viewer.vendor_unit_id))
    return sa.or_(*admitted)


def covers(
    session: Session,
    viewer: Viewer,
    permission: str,
    *,
    unit_id: int | None = None,
    team_id: int | None = None,
    service_id: int | None = None,
) -> bool:
    """Whether the viewer holds `permission` at this unit (through any ancestor), this team or this service."""
    if team_id is not None and team_id in viewer.teams_for(permission):
        return True
    if service_id is not None and service_id in viewer.services_for(permission):
        return True
    roots = viewer.units_for(permission)
    if unit_id is None or not roots:
        return False
    if unit_id in roots:
        return True
    return not roots.isdisjoint(_above(session, unit_id))


_ABOVE = "taxops.units_above"


def _above(session: Session, unit_id: int) -> frozenset[int]:
    """The unit and all above it; asked once in a session, since one page asks for many permissions at one place."""
    known: dict[int, frozenset[int]] = session.info.setdefault(_ABOVE, {})
    if unit_id not in known:
        above = sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id == unit_id)
        known[unit_id] = frozenset(session.scalars(above))
    return known[unit_id]


@sa.event.listens_for(Session, "after_commit")
@sa.event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_ABOVE, None)


@sa.event.listens_for(Session, "after_flush")
def _units_moved(session: Session, _context: Any) -> None:
    if any(
        isinstance(thing, Unit | UnitClosure)
        for some in (session.new, session.dirty, session.deleted)
        for thing in some
    ):
        session.info.pop(_ABOVE, None)
