"""Names of services, which are items of the configuration."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.models import SERVICE_TYPE, Item, Lifecycle


def names(session: Session, ids: Collection[int]) -> dict[int, str]:
    """Item id → name, of those that exist."""
    if not ids:
        return {}
    rows = session.execute(sa.select(Item.id, Item.name).where(Item.id.in_(sorted(ids))))
    return {i: name for i, name in rows}  # noqa: C416  rows are not pairs to mypy


def options(session: Session) -> list[tuple[int, str]]:
    """Every service, by name, for choosing one."""
    live = sa.and_(Item.type_code == SERVICE_TYPE, Item.lifecycle != Lifecycle.RETIRED)
    statement = sa.select(Item.id, Item.name).where(live).order_by(Item.name)
    return [(i, name) for i, name in session.execute(statement)]


def missing(session: Session, ids: Collection[int]) -> list[int]:
    """The ids that name nothing."""
    known = names(session, ids)
    return [i for i in ids if i not in known]
