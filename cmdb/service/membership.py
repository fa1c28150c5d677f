"""Which services need which items: a projection kept in step with the relations, and what follows from a change."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.graph import chunks
from cmdb.models import Item, ItemService, Lifecycle, Relation, Service
from core import outbox
from core.events.cmdb import RelationsChanged


def relations_changed(session: Session, item_ids: Collection[int], *, now: dt.datetime) -> None:
    """Bring services, their health and the listeners in step after relations of these items began or ended."""
    from cmdb.service.health import refresh_services

    session.flush()
    services = services_needing(session, item_ids)
    rebuild(session, services)
    refresh_services(session, services, now=now)
    outbox.record(session, RelationsChanged(item_ids=sorted(item_ids), at=now), now=now)


def services_needing(session: Session, item_ids: Collection[int]) -> set[int]:
    """Services among the items, and those known to need them (as the projection stands)."""
    found: set[int] = set()
    for ids in chunks(item_ids):
        found |= set(session.scalars(sa.select(Service.item_id).where(Service.item_id.in_(ids))))
        found |= set(session.scalars(sa.select(ItemService.service_id).where(ItemService.item_id.in_(ids))))
    return found


def rebuild(session: Session, service_ids: Iterable[int]) -> None:
    """Compute anew what these services need."""
    for service_id in sorted(service_ids):
        wanted = needed_by(session, service_id)
        known = set(session.scalars(sa.select(ItemService.item_id).where(ItemService.service_id == service_id)))
        for ids in chunks(known - wanted):
            session.execute(
                sa.delete(ItemService).where(ItemService.service_id == service_id, ItemService.item_id.in_(ids))
            )
        if fresh := sorted(wanted - known):
            session.execute(sa.insert(ItemService), [{"item_id": item, "service_id": service_id} for item in fresh])


def needed_by(session: Session, root: int) -> set[int]:
    """Everything `root` needs, directly or through others, without itself."""
    seen = {root}
    front: set[int] = {root}
    while front:
        found: set[int] = set()
        for ids in chunks(front):
            found |= set(
                session.scalars(
                    sa.select(Relation.needed_id).where(Relation.needer_id.in_(ids), Relation.valid_until.is_(None))
                )
            )
        front = {item for item in found if item is not None} - seen
        seen |= front
    return seen - {root}


def rebuild_all(session: Session) -> int:
    """Compute the whole projection anew, in memory (after a bulk load); returns how many rows it has."""
    needs: dict[int, list[int]] = defaultdict(list)
    rows = session.execute(
        sa.select(Relation.needer_id, Relation.needed_id).where(
            Relation.valid_until.is_(None), Relation.needer_id.is_not(None)
        )
    )
    for needer, needed in rows:
        if needer is not None and needed is not None:
            needs[needer].append(needed)
    services = session.scalars(
        sa.select(Service.item_id).join(Item, Item.id == Service.item_id).where(Item.lifecycle != Lifecycle.RETIRED)
    ).all()
    session.execute(sa.delete(ItemService))
    made = []
    for service in services:
        seen, stack = {service}, [service]
        while stack:
            for needed in needs.get(stack.pop(), ()):
                if needed not in seen:
                    seen.add(needed)
                    stack.append(needed)
        made += [{"item_id": item, "service_id": service} for item in seen - {service}]
    for start in range(0, len(made), 5000):
        session.execute(sa.insert(ItemService), made[start : start + 5000])
    return len(made)
