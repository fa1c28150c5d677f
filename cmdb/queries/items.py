"""Items a viewer may see: by the subtree of their unit, or by the team that runs their services."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts import scope
from accounts.models import Unit, UnitClosure
from accounts.scope import Viewer
from cmdb.models import SERVICE_TYPE, Health, Item, ItemService, Lifecycle, Service
from core.errors import NotFound
from core.i18n import gettext as _
from web.paging import Key, Page, page

BIGGEST_ID = 2**53


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to. `unit` is one unit's code, `under` a unit with everything below it."""

    type: str | None = None
    unit: str | None = None
    under: str | None = None
    health: Health | None = None
    lifecycle: Lifecycle | None = None
    service: int | None = None
    address: str | None = None
    name: str | None = None
    q: str | None = None


def visible(viewer: Viewer, permission: str = "item.read") -> sa.ColumnElement[bool]:
    """The condition "the viewer holds `permission` on this item": its unit, or the team or grant of a service that needs it."""
    conditions = [scope.in_scope(viewer, permission, unit=Item.unit_id)]
    if viewer.teams_for(permission) or viewer.services_for(permission):
        mine = scope.in_scope(viewer, permission, team=Service.team_id, service=Service.item_id)
        conditions.append(Item.id.in_(sa.select(Service.item_id).where(mine)))
        conditions.append(
            Item.id.in_(
                sa.select(ItemService.item_id).join(Service, Service.item_id == ItemService.service_id).where(mine)
            )
        )
    return sa.or_(*conditions)


def visible_services(viewer: Viewer) -> sa.ColumnElement[bool]:
    """The catalogue is open to everybody whom its services serve; besides, whoever may read the item."""
    conditions = [visible(viewer)]
    if viewer.can("service.read"):
        above = sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id == viewer.unit_id)
        conditions.append(Item.unit_id.in_(above))
    return sa.and_(Item.type_code == SERVICE_TYPE, sa.or_(*conditions))


def get_item(session: Session, viewer: Viewer, item_id: int, *, catalogue: bool = False) -> Item:
    """One item; with `catalogue` also a service the viewer may only find in the catalogue.

    Raises NotFound where there is none, or the viewer may not know of it.
    """
    allowed = sa.or_(visible(viewer), visible_services(viewer)) if catalogue else visible(viewer)
    found = session.scalar(_with_names(sa.select(Item)).where(Item.id == min(item_id, BIGGEST_ID), allowed))
    if found is None:
        raise NotFound(_("没有这个配置项，或您无权查看。"))
    return found


def may_write(session: Session, viewer: Viewer, item: Item) -> bool:
    """Whether the viewer may change this item."""
    return session.scalar(sa.select(Item.id).where(Item.id == item.id, visible(viewer, "item.write"))) is not None


def find_items(session: Session, viewer: Viewer, ids: Collection[int]) -> dict[int, Item]:
    """Those of the items that the viewer may see."""
    wanted = sorted(i for i in set(ids) if 0 < i <= BIGGEST_ID)
    rows = session.scalars(_with_names(sa.select(Item)).where(Item.id.in_(wanted), visible(viewer)))
    return {item.id: item for item in rows}


def items_page(
    session: Session, viewer: Viewer, wanted: Filter, *, cursor: str | None, limit: int, services: bool = False
) -> Page[Item]:
    """A page of items by name; `services` asks for the catalogue's services only."""
    statement = _with_names(sa.select(Item)).where(visible_services(viewer) if services else visible(viewer))
    return page(session, _narrowed(statement, wanted), [Key(Item.name), Key(Item.id)], cursor=cursor, limit=limit)


def readable_services(session: Session, viewer: Viewer) -> list[Item]:
    """Every live service the viewer may see, in the catalogue's order."""
    return list(
        session.scalars(
            _with_names(sa.select(Item))
            .join(Service, Service.item_id == Item.id)
            .where(visible_services(viewer), Item.lifecycle != Lifecycle.RETIRED)
            .order_by(Service.position, Item.name, Item.id)
        )
    )


def services_of(session: Session, item_ids: Collection[int]) -> dict[int, list[int]]:
    """Item id → the services that need it (directly or through others)."""
    found: dict[int, list[int]] = defaultdict(list)
    rows = session.execute(
        sa.select(ItemService.item_id, ItemService.service_id)
        .where(ItemService.item_id.in_(sorted(item_ids)))
        .order_by(ItemService.service_id)
    )
    for item_id, service_id in rows:
        found[item_id].append(service_id)
    return found


def units_with_items(session: Session, viewer: Viewer) -> Sequence[tuple[str, str, str]]:
    """(code, name, level) of the units a list can be narrowed to: those of visible items, offices left out."""
    rows = session.execute(
        sa.select(Unit.code, Unit.name, Unit.level)
        .where(
            Unit.id.in_(
                sa.select(UnitClosure.ancestor_id)
                .join(Item, Item.unit_id == UnitClosure.descendant_id)
                .where(visible(viewer))
            ),
            sa.or_(
                scope.in_scope(viewer, "item.read", unit=Unit.id), sa.literal(value=bool(viewer.teams_for("item.read")))
            ),
            Unit.level.in_(("province", "city", "county")),
        )
        .order_by(Unit.code)
    )
    return [(code, name, str(level)) for code, name, level in rows]


def _with_names(statement: sa.Select[Item]) -> sa.Select[Item]:
    """Load with each item what a row shows, in the same query."""
    return statement.options(
        joinedload(Item.unit),
        joinedload(Item.type),
        joinedload(Item.service).joinedload(Service.team),
        joinedload(Item.service).joinedload(Service.vendor),
    )


def _narrowed(statement: sa.Select[Any], wanted: Filter) -> sa.Select[Any]:
    lifecycle = Item.lifecycle == wanted.lifecycle if wanted.lifecycle else Item.lifecycle != Lifecycle.RETIRED
    conditions = [lifecycle]
    if wanted.type:
        conditions.append(Item.type_code == wanted.type)
    if wanted.unit:
        conditions.append(Item.unit_id.in_(sa.select(Unit.id).where(Unit.code == wanted.unit)))
    if wanted.under:
        below = (
            sa.select(UnitClosure.descendant_id)
            .join(Unit, Unit.id == UnitClosure.ancestor_id)
            .where(Unit.code == wanted.under)
        )
        conditions.append(Item.unit_id.in_(below))
    if wanted.health:
        conditions.append(Item.health == wanted.health)
    if wanted.service is not None:
        conditions.append(Item.id.in_(sa.select(ItemService.item_id).where(ItemService.service_id == wanted.service)))
    if wanted.address:
        conditions.append(Item.address == wanted.address)
    if wanted.name:
        conditions.append(Item.name == wanted.name)
    if wanted.q:
        conditions.append(
            sa.or_(Item.name.icontains(wanted.q, autoescape=True), Item.address.icontains(wanted.q, autoescape=True))
        )
    return statement.where(*conditions)
