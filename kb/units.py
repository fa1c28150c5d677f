"""Units to choose from, and how a set of them reads."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries
from accounts.models import Unit, UnitLevel
from accounts.scope import Viewer, subtree
from accounts.validity import standing
from core import clock

MOST = 400


def below(session: Session, viewer: Viewer, *permissions: str) -> list[tuple[str, str]]:
    """(code, name) of the units below which the viewer holds any of the permissions, and the viewer's own; no offices."""
    roots = frozenset().union(*(viewer.units_for(p) for p in permissions))
    statement = (
        sa.select(Unit.code, Unit.name).where(
            sa.or_(Unit.id.in_(subtree(roots)), Unit.id == viewer.unit_id), standing(clock.now()),
            sa.or_(Unit.level.not_in((UnitLevel.OFFICE, UnitLevel.VENDOR)), Unit.id == viewer.unit_id),
        ).order_by(Unit.code).limit(MOST)
    )  # fmt: skip
    return [(code, name) for code, name in session.execute(statement)]


def own_chain(session: Session, viewer: Viewer) -> list[tuple[str, str]]:
    """(code, name) of the viewer's unit and all above it, the widest first: whom an article may be for."""
    return [(u.code, u.name) for u in reversed(queries.ancestors(session, viewer.unit_id))]


def joined(names: Iterable[str]) -> str:
    """`蓝田县局、周至县局`."""
    return "、".join(names)
