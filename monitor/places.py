"""Where an alert belongs: the item's name, its unit, its service and the team that answers for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from accounts.models import Unit
from cmdb.models import Item, ItemService, Service


@dataclass(frozen=True, slots=True)
class Place:
    """What alerts and pages say of an item. `service_*` and `team_id` are those of the first service that needs it."""

    item_id: int
    name: str
    unit_id: int
    unit_code: str
    service_id: int | None = None
    service_name: str = ""
    team_id: int | None = None


def of_items(session: Session, item_ids: Collection[int]) -> dict[int, Place]:
    """The places of some items, in two queries."""
    wanted = sorted(item_ids)
    if not wanted:
        return {}
    rows = session.execute(
        sa.select(Item.id, Item.name, Unit.id, Unit.code).join(Unit, Unit.id == Item.unit_id).where(Item.id.in_(wanted))
    )
    found = {item_id: Place(item_id, name, unit_id, code) for item_id, name, unit_id, code in rows}
    for item_id, service_id, name, team_id in _services(session, wanted):
        if found[item_id].service_id is None:
            found[item_id] = replace(found[item_id], service_id=service_id, service_name=name, team_id=team_id)
    return found


def _services(session: Session, item_ids: list[int]) -> list[tuple[int, int, str, int | None]]:
    """(item, service, its name, its team), a service itself first, then those that need the item in their own order."""
    named = aliased(Item)
    own = (
        sa.select(Service.item_id, Service.item_id.label("service"), named.name, Service.team_id)
        .join(named, named.id == Service.item_id)
        .where(Service.item_id.in_(item_ids))
    )
    serving = (
        sa.select(ItemService.item_id, Service.item_id, named.name, Service.team_id)
        .join(Service, Service.item_id == ItemService.service_id)
        .join(named, named.id == Service.item_id)
        .where(ItemService.item_id.in_(item_ids))
        .order_by(Service.position, Service.item_id)
    )
    return [tuple(row) for row in [*session.execute(own), *session.execute(serving)]]
