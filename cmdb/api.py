"""The CMDB's API: item types, items, relations, services, impact and history."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from accounts.current import viewer
from cmdb import queries, service
from cmdb.api_shapes import (
    Names,
    affected_out,
    check_match,
    history_out,
    item_out,
    items_out,
    relation_out,
    service_out,
    services_out,
    type_out,
)
from cmdb.models import ItemType, Mark
from cmdb.queries.items import Filter
from cmdb.schemas import (
    EventOut,
    EventQuery,
    EventsOut,
    HistoryOut,
    HistoryQuery,
    ImpactOut,
    ImpactQuery,
    ItemIn,
    ItemOut,
    ItemPatch,
    ItemQuery,
    MarkIn,
    NamedUnit,
    RelationIn,
    RelationOut,
    RelationPatch,
    RelationQuery,
    RestoreIn,
    ServiceIn,
    ServiceOut,
    ServicePatch,
    ServiceQuery,
    TypeIn,
    TypeOut,
    TypePatch,
)
from core import clock
from core.errors import NotFound
from core.i18n import gettext as _
from web.api import Api, Created, ListQuery
from web.db import db
from web.paging import Key, Page, page

api = Api("items", __name__)
SEE = ("item.read", "service.read")


@api.get("/item-types", needs=SEE, query=ListQuery, answer=TypeOut, listing=True)
def list_types(query: ListQuery) -> Page[TypeOut]:
    """The kinds of item there are."""
    statement = sa.select(ItemType)
    if query.q:
        statement = statement.where(
            sa.or_(
                ItemType.code.icontains(query.q, autoescape=True), ItemType.label.icontains(query.q, autoescape=True)
            )
        )
    keys = [Key(ItemType.position), Key(ItemType.code)]
    found = page(db.session(), statement, keys, cursor=query.cursor, limit=query.limit)
    known = {kind.code: kind for kind in db.session().scalars(sa.select(ItemType))}
    return Page([type_out(db.session(), kind, known) for kind in found.items], found.next)


@api.post("/item-types", needs="settings.write", body=TypeIn, answer=TypeOut, many=True)
def create_type(body: TypeIn) -> Created:
    """Add a kind of item."""
    kind = service.save_type(
        db.session(),
        code=body.name,
        label=body.label,
        parent_code=body.parent,
        attributes=body.attributes,
        reach=body.reach,
        new=True,
    )
    return Created(type_out(db.session(), kind), f"/api/v1/item-types/{kind.code}")


@api.get("/item-types/<name>", needs=SEE, answer=TypeOut)
def show_type(name: str) -> TypeOut:
    """One kind of item."""
    return type_out(db.session(), _type(name))


@api.patch("/item-types/<name>", needs="settings.write", body=TypePatch, answer=TypeOut)
def change_type(name: str, body: TypePatch) -> TypeOut:
    """Change a kind of item."""
    _type(name)
    kind = service.save_type(
        db.session(), code=name, label=body.label, parent_code=body.parent, attributes=body.attributes, reach=body.reach
    )
    return type_out(db.session(), kind)


def _type(name: str) -> ItemType:
    if (kind := db.session().get(ItemType, name)) is None:
        raise NotFound(_("没有这个类型。"))
    return kind


@api.get("/items", needs="item.read", query=ItemQuery, answer=ItemOut, listing=True)
def list_items(query: ItemQuery) -> Page[ItemOut]:
    """Items by name; retired ones only when asked for."""
    wanted = Filter(**query.model_dump(exclude={"limit", "cursor"}))
    found = queries.items_page(db.session(), viewer(), wanted, cursor=query.cursor, limit=query.limit)
    return Page(items_out(db.session(), found.items), found.next)


@api.post("/items", needs="item.write", body=ItemIn, answer=ItemOut, many=True)
def create_item(body: ItemIn) -> Created:
    """Add an item (or up to 1,000)."""
    session = db.session()
    unit = Names(session, viewer()).unit_to_write(body.unit)
    item = service.create_item(
        session,
        name=body.name,
        type_code=body.type,
        unit=unit,
        now=clock.now(),
        lifecycle=body.lifecycle,
        attributes=body.attributes,
        address=body.address,
    )
    return Created(item_out(item, []), f"/api/v1/items/{item.id}")


@api.get("/items/<int:item_id>", needs=SEE, answer=ItemOut)
def show_item(item_id: int) -> ItemOut:
    """One item."""
    item = queries.get_item(db.session(), viewer(), item_id, catalogue=True)
    return items_out(db.session(), [item], tag=True)[0]


@api.patch("/items/<int:item_id>", needs="item.write", body=ItemPatch, answer=ItemOut)
def change_item(item_id: int, body: ItemPatch) -> ItemOut:
    """Change the fields given; with If-Match only if nobody else changed it meanwhile."""
    session = db.session()
    names = Names(session, viewer())
    item = names.item_to_write(item_id)
    check_match(session, item)
    given: dict[str, Any] = body.model_dump(exclude_unset=True)
    changes = {key: value for key, value in given.items() if value is not None or key == "address"}
    if "type" in changes:
        changes["type_code"] = changes.pop("type")
    if "unit" in changes:
        changes["unit"] = names.unit_to_write(changes["unit"])
    service.change_item(session, item, changes, now=clock.now())
    return items_out(session, [item], tag=True)[0]


@api.delete("/items/<int:item_id>", needs="item.write")
def retire_item(item_id: int) -> None:
    """Retire an item: its relations end, its history stays."""
    session = db.session()
    item = Names(session, viewer()).item_to_write(item_id)
    check_match(session, item)
    service.retire_item(session, item, now=clock.now())


@api.get("/items/<int:item_id>/impact", needs=SEE, query=ImpactQuery, answer=ImpactOut)
def show_impact(item_id: int, query: ImpactQuery) -> ImpactOut:
    """What fails when this item fails: services, units and people within `depth` steps, respecting stand-ins."""
    session, me = db.session(), viewer()
    item = queries.get_item(session, me, item_id, catalogue=True)
    found = queries.impact_of(session, item, depth=query.depth)
    seen = Names(session, me).seen(found)
    return ImpactOut(
        item=item.id,
        depth=found.depth,
        summary=found.sentence,
        services=[affected_out(a) for a in found.services if a.item.id in seen.items],
        items=[affected_out(a) for a in found.affected if a.item.id in seen.items],
        unreachable_services=[s.id for s in found.cut_off],
        people=found.people,
        systems=found.systems,
        units=[NamedUnit(code=u.code, name=u.name) for u in found.units if u.id in seen.units],
        hidden=sum(a.item.id not in seen.items for a in found.affected),
    )


@api.post("/items/<int:item_id>/impact/marks", needs="item.write", body=MarkIn, status=204)
def mark_impact(item_id: int, body: MarkIn) -> None:
    """Declare something hit, or exclude it; mark `computed` takes the word back."""
    session = db.session()
    names = Names(session, viewer())
    item, affected = names.item_to_write(item_id), names.item("affected", body.affected)
    if body.mark is Mark.COMPUTED:
        service.unmark_impact(session, item, affected, now=clock.now())
    else:
        service.mark_impact(session, item, affected, body.mark, body.reason, now=clock.now())


@api.get("/items/<int:item_id>/history", needs="item.read", query=HistoryQuery, answer=HistoryOut)
def show_history(item_id: int, query: HistoryQuery) -> HistoryOut:
    """The item as it was at a date (now, without one) with its relations then, and all its versions."""
    item = queries.get_item(db.session(), viewer(), item_id)
    return history_out(db.session(), item, query.at or clock.now())


@api.post("/items/<int:item_id>/restore", needs="item.write", body=RestoreIn, answer=ItemOut, status=200)
def restore_item(item_id: int, body: RestoreIn) -> ItemOut:
    """Bring the item back to how it was at a date."""
    session = db.session()
    item = Names(session, viewer()).item_to_write(item_id)
    check_match(session, item)
    service.restore_item(session, item, body.at, now=clock.now())
    return items_out(session, [item], tag=True)[0]


@api.get("/items/<int:item_id>/events", needs="item.read", query=EventQuery, answer=EventsOut)
def list_events(item_id: int, query: EventQuery) -> EventsOut:
    """What happened to this item lately, newest first."""
    item = queries.get_item(db.session(), viewer(), item_id)
    found = queries.events(db.session(), [item.id], since=query.since, until=query.until, limit=query.limit)
    return EventsOut(items=[EventOut.model_validate(event) for event in found])


@api.get("/relations", needs="item.read", query=RelationQuery, answer=RelationOut, listing=True)
def list_relations(query: RelationQuery) -> Page[RelationOut]:
    """Relations that stand; those that ended only when asked for."""
    found = queries.relations_page(
        db.session(),
        viewer(),
        cursor=query.cursor,
        limit=query.limit,
        source=query.source,
        target=query.target,
        kind=query.kind,
        ended=query.ended,
        q=query.q,
    )
    return Page([relation_out(relation) for relation in found.items], found.next)


@api.post("/relations", needs="item.write", body=RelationIn, answer=RelationOut, many=True)
def create_relation(body: RelationIn) -> Created:
    """Say that one item needs another."""
    session = db.session()
    names = Names(session, viewer())
    relation = service.relate(
        session,
        source=names.item_to_change("source", body.source),
        kind=body.kind,
        target=names.item("target", body.target),
        now=clock.now(),
        redundancy_group=body.redundancy_group,
        origin=body.origin,
    )
    return Created(relation_out(relation), f"/api/v1/relations/{relation.id}")


@api.get("/relations/<int:relation_id>", needs="item.read", answer=RelationOut)
def show_relation(relation_id: int) -> RelationOut:
    """One relation."""
    return relation_out(queries.get_relation(db.session(), viewer(), relation_id))


@api.patch("/relations/<int:relation_id>", needs="item.write", body=RelationPatch, answer=RelationOut)
def change_relation(relation_id: int, body: RelationPatch) -> RelationOut:
    """Move the target into another group of stand-ins; the answer is the relation that stands now, with its own id."""
    session = db.session()
    relation = Names(session, viewer()).relation_to_write(relation_id)
    if "redundancy_group" not in body.model_fields_set:
        return relation_out(relation)
    made = service.change_relation(session, relation, redundancy_group=body.redundancy_group, now=clock.now())
    return relation_out(made)


@api.delete("/relations/<int:relation_id>", needs="item.write")
def end_relation(relation_id: int) -> None:
    """The relation holds no longer; it stays in the history."""
    session = db.session()
    service.end_relation(session, Names(session, viewer()).relation_to_write(relation_id), now=clock.now())


@api.get("/services", needs=SEE, query=ServiceQuery, answer=ServiceOut, listing=True)
def list_services(query: ServiceQuery) -> Page[ServiceOut]:
    """The service catalogue."""
    wanted = Filter(**query.model_dump(exclude={"limit", "cursor"}))
    found = queries.items_page(db.session(), viewer(), wanted, cursor=query.cursor, limit=query.limit, services=True)
    return Page(services_out(db.session(), found.items), found.next)


@api.post("/services", needs="item.write", body=ServiceIn, answer=ServiceOut, many=True)
def create_service(body: ServiceIn) -> Created:
    """Add a service and, with `items`, what it depends on."""
    session = db.session()
    names = Names(session, viewer())
    parts = [names.item("items", part) for part in body.parts]
    item = service.create_service(
        session,
        name=body.name,
        unit=names.unit_to_write(body.unit),
        now=clock.now(),
        lifecycle=body.lifecycle,
        attributes=body.attributes,
        address=body.address,
        code=body.code,
        group=body.group,
        summary=body.summary,
        team=names.team(body.team),
        vendor=names.vendor(body.vendor),
        tax_system=body.tax_system,
        user_facing=body.user_facing,
        targets=body.targets,
    )
    if parts:
        service.set_parts(session, item, parts, now=clock.now())
    return Created(services_out(session, [item])[0], f"/api/v1/services/{item.id}")


@api.get("/services/<int:item_id>", needs=SEE, answer=ServiceOut)
def show_service(item_id: int) -> ServiceOut:
    """One service."""
    item = queries.get_item(db.session(), viewer(), item_id, catalogue=True)
    return service_out(db.session(), item, tag=True)


@api.patch("/services/<int:item_id>", needs="item.write", body=ServicePatch, answer=ServiceOut)
def change_service(item_id: int, body: ServicePatch) -> ServiceOut:
    """Change the fields given."""
    session = db.session()
    names = Names(session, viewer())
    item = names.item_to_write(item_id, service=True)
    check_match(session, item)
    changes = names.service_changes(body.model_dump(exclude_unset=True))
    parts = changes.pop("parts", None)
    service.change_service(session, item, changes, now=clock.now())
    if parts is not None:
        service.set_parts(session, item, [names.item("items", part) for part in parts], now=clock.now())
    return service_out(session, item, tag=True)


@api.delete("/services/<int:item_id>", needs="item.write")
def retire_service(item_id: int) -> None:
    """Retire a service."""
    session = db.session()
    item = Names(session, viewer()).item_to_write(item_id, service=True)
    check_match(session, item)
    service.retire_item(session, item, now=clock.now())
