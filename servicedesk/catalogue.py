"""What the service desk asks the CMDB: who runs a service, what an item is called, whom a failure hits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from cmdb import queries as cmdb
from cmdb.models import Item, ItemEvent, ItemService, Lifecycle, Service


@dataclass(frozen=True)
class Brief:
    """An item (or service) in a few words."""

    id: int
    name: str
    type: str
    unit_id: int
    health: str


def brief(session: Session, item_id: int | None) -> Brief | None:
    """The item in a few words, or None where there is none."""
    item = session.get(Item, item_id) if item_id is not None else None
    if item is None:
        return None
    return Brief(item.id, item.name, item.type_code, item.unit_id, str(item.health))


def names(session: Session, item_ids: Iterable[int | None]) -> dict[int, str]:
    """Item id → name."""
    wanted = sorted({i for i in item_ids if i is not None})
    if not wanted:
        return {}
    rows = session.execute(sa.select(Item.id, Item.name).where(Item.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def services_needing(session: Session, item_id: int) -> list[int]:
    """Services that need an item directly or through others; a service itself counts."""
    found = list(
        session.scalars(
            sa.select(ItemService.service_id).where(ItemService.item_id == item_id).order_by(ItemService.service_id)
        )
    )
    if session.get(Service, item_id) is not None and item_id not in found:
        found.insert(0, item_id)
    return found


def offered(session: Session) -> list[tuple[int, str, str]]:
    """The services a reporter can choose from: (id, name, group), in the catalogue's order."""
    rows = session.execute(
        sa.select(Item.id, Item.name, Service.group)
        .join(Service, Service.item_id == Item.id)
        .where(Item.lifecycle == Lifecycle.LIVE)
        .order_by(Service.position, Item.name)
    )
    return [(i, name, group) for i, name, group in rows]


def items_of_unit(session: Session, unit_id: int, most: int = 200) -> list[tuple[int, str]]:
    """The equipment of a unit that a reporter there can name: (id, name); no services."""
    rows = session.execute(
        sa.select(Item.id, Item.name)
        .outerjoin(Service, Service.item_id == Item.id)
        .where(Item.unit_id == unit_id, Item.lifecycle == Lifecycle.LIVE, Service.item_id.is_(None))
        .order_by(Item.name)
        .limit(most)
    )
    return [(i, name) for i, name in rows]


def readable(session: Session, viewer: Viewer, item_ids: Iterable[int | None]) -> list[int]:
    """Those of the items whose own page the viewer may open."""
    wanted = [i for i in item_ids if i is not None]
    return sorted(cmdb.find_items(session, viewer, wanted)) if wanted and viewer.can("item.read") else []


def changes(session: Session, item_ids: Sequence[int], *, until: dt.datetime) -> Sequence[ItemEvent]:
    """What changed about these items in the last week, newest first."""
    if not item_ids:
        return []
    return cmdb.what_changed(session, item_ids, since=until - CHANGES_BACK, until=until, limit=CHANGES_SHOWN)


CHANGES_BACK = dt.timedelta(days=7)
CHANGES_SHOWN = 5
