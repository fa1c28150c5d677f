"""Items, services and relations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team, Unit
from app.demo.estate import DemoItem, DemoRelation, Key, estate
from app.demo.load.bulk import add, add_with_ids, ids_by
from app.demo.units import Scale
from cmdb import service as cmdb
from cmdb.models import SERVICE_TYPE, Health, Item, ItemVersion, Lifecycle, Origin, Relation, RelationKind, Service
from core import outbox
from core.db import transaction
from core.events.cmdb import ItemsChanged

ACTOR = "demo"


def load(
    engine: sa.Engine, *, now: dt.datetime, scale: Scale, seed: int, progress: Callable[[str, int, int], None]
) -> dict[str, int]:
    """Add what is missing of the estate; returns how many of each kind were added."""
    things = list(estate(scale, seed))
    items = [thing for thing in things if isinstance(thing, DemoItem)]
    relations = [thing for thing in things if isinstance(thing, DemoRelation)]
    progress("items", 0, len(things))
    with transaction(engine) as session:
        added = {"items": _items(session, items, now)}
    progress("items", len(items), len(things))
    with transaction(engine) as session:
        added["relations"] = _relations(session, relations, now)
        if added["relations"]:
            cmdb.rebuild_all(session)
    progress("items", len(things), len(things))
    return added


def _known(session: Session) -> dict[Key, int]:
    rows = session.execute(
        sa.select(Unit.code, Item.name, Item.id)
        .join(Unit, Unit.id == Item.unit_id)
        .where(Item.lifecycle != Lifecycle.RETIRED)
    )
    return {(code, name): number for code, name, number in rows}


def _items(session: Session, items: list[DemoItem], now: dt.datetime) -> int:
    known = _known(session)
    missing = [item for item in items if item.key not in known]
    places = ids_by(session, Unit.code, Unit.id)
    ids = add_with_ids(session, Item, [
        {
            "name": item.name, "type_code": item.type, "unit_id": places[item.unit], "lifecycle": Lifecycle.LIVE,
            "attributes": item.attributes, "address": item.address, "revision": 1, "created_at": now, "updated_at": now,
            "health": Health.NODATA,
        }
        for item in missing
    ])  # fmt: skip
    numbered = list(zip(ids, missing, strict=True))
    groups = ids_by(session, Team.code, Team.id)
    add(session, Service, [_service(number, item.service, places, groups) for number, item in numbered if item.service])
    add(session, ItemVersion, [
        {"item_id": number, "at": now, "actor": ACTOR, "verb": "create", "changed": [], "snapshot": _snapshot(item)}
        for number, item in numbered
    ])  # fmt: skip
    for start in range(0, len(ids), 1000):
        outbox.record(session, ItemsChanged(item_ids=ids[start : start + 1000], what="created", at=now), now=now)
    return len(missing)


def _service(number: int, detail: dict[str, Any], places: dict[str, int], groups: dict[str, int]) -> dict[str, Any]:
    own = {key: value for key, value in detail.items() if key not in ("team", "vendor")}
    return {**own, "item_id": number, "team_id": groups[detail["team"]], "vendor_id": places[detail["vendor"]]}


def _snapshot(item: DemoItem) -> dict[str, Any]:
    """As cmdb.service.versions keeps it."""
    found: dict[str, Any] = {
        "name": item.name, "type": item.type, "unit": item.unit, "lifecycle": str(Lifecycle.LIVE),
        "attributes": item.attributes, "address": item.address,
    }  # fmt: skip
    return {**found, "service": item.service} if item.service else found


def _relations(session: Session, relations: list[DemoRelation], now: dt.datetime) -> int:
    known = _known(session)
    standing = {tuple(row) for row in session.execute(
        sa.select(Relation.source_id, Relation.kind, Relation.target_id).where(Relation.valid_until.is_(None))
    )}  # fmt: skip
    services = set(session.scalars(sa.select(Item.id).where(Item.type_code == SERVICE_TYPE)))
    rows = []
    for relation in relations:
        source, kind, target = known[relation.source], RelationKind(relation.kind), known[relation.target]
        if (source, kind, target) in standing:
            continue
        copy = kind is RelationKind.BACKED_UP_BY
        if kind is RelationKind.PART_OF and target in services:
            raise ValueError(f"{relation}: the demo says depends-on for what a service is made of")
        rows.append({
            "source_id": source, "kind": kind, "target_id": target, "redundancy_group": relation.group,
            "origin": Origin.DECLARED, "needer_id": None if copy else source, "needed_id": None if copy else target,
            "valid_from": now,
        })  # fmt: skip
    add(session, Relation, rows)
    return len(rows)
