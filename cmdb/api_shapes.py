"""Between the API's names and the room's objects: what may be referred to, and how an object is answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import scope
from accounts.models import Team, Unit
from accounts.scope import Viewer
from cmdb import queries
from cmdb.models import SERVICE_TYPE, Item, ItemType, Relation, RelationKind
from cmdb.queries.impact import Affected, Impact
from cmdb.queries.items import visible_services
from cmdb.schemas import AffectedOut, HistoryOut, ItemOut, RelationOut, ServiceOut, TypeOut, VersionOut
from cmdb.service.items import lock, type_schema
from core.errors import Forbidden, Invalid, NotFound
from core.i18n import gettext as _
from web.api import etag


@dataclass(frozen=True)
class Seen:
    """Ids of what a viewer may see by name."""

    items: frozenset[int]
    units: frozenset[int]


class Names:
    """Finds what a request refers to, as far as the viewer may refer to it."""

    def __init__(self, session: Session, viewer: Viewer) -> None:
        self.session, self.viewer = session, viewer

    def unit_to_write(self, code: str) -> Unit:
        """A unit under which the viewer may keep items; raises Invalid."""
        unit = self.session.scalar(sa.select(Unit).where(Unit.code == code))
        if unit is None or not scope.covers(self.session, self.viewer, "item.write", unit_id=unit.id):
            raise Invalid.of("unit", _("没有机构“%(code)s”，或您不能在那里登记配置项。", code=code))
        return unit

    def item(self, field: str, item_id: int) -> Item:
        """An item the viewer may see, or a service of the catalogue; raises Invalid at `field`."""
        try:
            return queries.get_item(self.session, self.viewer, item_id, catalogue=True)
        except NotFound as error:
            raise Invalid.of(field, _("没有编号为 %(id)d 的配置项，或您无权查看。", id=item_id)) from error

    def item_to_change(self, field: str, item_id: int) -> Item:
        """An item in a body that the viewer may change; raises Invalid at `field`, Forbidden."""
        item = self.item(field, item_id)
        return self._writable(item)

    def item_to_write(self, item_id: int, *, service: bool = False) -> Item:
        """The item of the address, to be changed; raises NotFound, Forbidden."""
        item = queries.get_item(self.session, self.viewer, item_id, catalogue=True)
        if service and item.type_code != SERVICE_TYPE:
            raise NotFound(_("没有这个服务，或您无权查看。"))
        return self._writable(item)

    def relation_to_write(self, relation_id: int) -> Relation:
        """A relation whose source the viewer may change; raises NotFound, Forbidden."""
        relation = queries.get_relation(self.session, self.viewer, relation_id)
        self._writable(relation.source)
        return relation

    def _writable(self, item: Item) -> Item:
        if not queries.may_write(self.session, self.viewer, item):
            raise Forbidden(_("您可以查看“%(name)s”，但不能修改。", name=item.name))
        return item

    def team(self, code: str | None) -> Team | None:
        """A team by code; raises Invalid."""
        if code is None:
            return None
        team = self.session.scalar(sa.select(Team).where(Team.code == code, Team.active))
        if team is None:
            raise Invalid.of("team", _("没有班组“%(code)s”。", code=code))
        return team

    def vendor(self, code: str | None) -> Unit | None:
        """A vendor's unit by code; raises Invalid."""
        if code is None:
            return None
        unit = self.session.scalar(sa.select(Unit).where(Unit.code == code))
        if unit is None:
            raise Invalid.of("vendor", _("没有供应商“%(code)s”。", code=code))
        return unit

    def service_changes(self, given: dict[str, Any]) -> dict[str, Any]:
        """The verb's changes from a patch: names become objects; null is kept only where a thing may be absent."""
        absent = {"team", "vendor", "address", "code"}
        changes = {key: value for key, value in given.items() if value is not None or key in absent}
        if "unit" in changes:
            changes["unit"] = self.unit_to_write(changes["unit"])
        if "team" in changes:
            changes["team"] = self.team(changes["team"])
        if "vendor" in changes:
            changes["vendor"] = self.vendor(changes["vendor"])
        return changes

    def seen(self, found: Impact) -> Seen:
        """Which entries of an impact list the viewer may see by name."""
        ids = [a.item.id for a in found.affected]
        items = set(queries.find_items(self.session, self.viewer, ids))
        items |= set(
            self.session.scalars(
                sa.select(Item.id).where(
                    Item.id.in_([a.item.id for a in found.services]), visible_services(self.viewer)
                )
            )
        )
        units = self.session.scalars(
            sa.select(Unit.id).where(
                Unit.id.in_([u.id for u in found.units]),
                sa.or_(scope.in_scope(self.viewer, "item.read", unit=Unit.id), Unit.id == self.viewer.unit_id),
            )
        )
        return Seen(frozenset(items), frozenset(units))


def check_match(session: Session, item: Item) -> None:
    """Raise Stale unless the If-Match header (if any) names the item's revision, locked."""
    if etag.named() is not None:
        lock(session, item)
    etag.must_match(item.revision)


def type_out(session: Session, kind: ItemType, known: Mapping[str, ItemType] | None = None) -> TypeOut:
    """A type as answered; `known`: all types, where many are asked for."""
    return TypeOut(
        name=kind.code,
        label=kind.label,
        parent=kind.parent_code,
        attributes=kind.attributes,
        schema_merged=type_schema(session, kind.code, known),
        reach=kind.reach,
        shipped=kind.shipped,
    )


def item_out(item: Item, services: Sequence[int]) -> ItemOut:
    """An item as answered."""
    return ItemOut(
        id=item.id,
        name=item.name,
        type=item.type_code,
        unit=item.unit.code,
        lifecycle=item.lifecycle,
        attributes=item.attributes,
        address=item.address,
        health=item.health,
        health_since=item.health_since,
        services=list(services),
        created_at=item.created_at,
        updated_at=item.updated_at,
        revision=item.revision,
    )


def items_out(session: Session, items: Sequence[Item], *, tag: bool = False) -> list[ItemOut]:
    """Items with the services that need them; `tag` sets the ETag of the only one."""
    if tag:
        etag.tagged(items[0].revision)
    services = queries.services_of(session, [item.id for item in items])
    return [item_out(item, services.get(item.id, [])) for item in items]


def services_out(session: Session, items: Sequence[Item]) -> list[ServiceOut]:
    """Services with what they are made of: what they need directly, and what is part of them."""
    ids = {item.id for item in items}
    parts: dict[int, set[int]] = {item_id: set() for item_id in ids}
    for relation in queries.current_relations(session, ids):
        if relation.source_id in ids and relation.kind is not RelationKind.BACKED_UP_BY:
            parts[relation.source_id].add(relation.target_id)
        if relation.target_id in ids and relation.kind is RelationKind.PART_OF:
            parts[relation.target_id].add(relation.source_id)
    return [_service_out(item, sorted(parts[item.id])) for item in items]


def service_out(session: Session, item: Item, *, tag: bool = False) -> ServiceOut:
    """One service; raises NotFound where the item is none."""
    if item.service is None:
        raise NotFound(_("没有这个服务，或您无权查看。"))
    if tag:
        etag.tagged(item.revision)
    return services_out(session, [item])[0]


def _service_out(item: Item, parts: list[int]) -> ServiceOut:
    if (detail := item.service) is None:
        raise NotFound(_("没有这个服务，或您无权查看。"))
    return ServiceOut(
        id=item.id,
        name=item.name,
        unit=item.unit.code,
        team=detail.team.code if detail.team else None,
        vendor=detail.vendor.code if detail.vendor else None,
        items=parts,
        targets=detail.targets,
        health=item.health,
        health_since=item.health_since,
        code=detail.code,
        group=detail.group,
        summary=detail.summary,
        tax_system=detail.tax_system,
        user_facing=detail.user_facing,
        lifecycle=item.lifecycle,
        attributes=item.attributes,
        address=item.address,
        revision=item.revision,
    )


def relation_out(relation: Relation) -> RelationOut:
    """A relation as answered."""
    return RelationOut(
        id=relation.id,
        source=relation.source_id,
        kind=relation.kind,
        target=relation.target_id,
        redundancy_group=relation.redundancy_group,
        origin=relation.origin,
        valid_from=relation.valid_from,
        valid_until=relation.valid_until,
    )


def affected_out(entry: Affected) -> AffectedOut:
    """One entry of an impact list as answered."""
    item = entry.item
    return AffectedOut(
        id=item.id,
        name=item.name,
        type=item.type_code,
        unit=item.unit.code,
        health=item.health,
        depth=entry.depth,
        through=entry.through,
        mark=entry.mark,
        reason=entry.reason,
    )


def history_out(session: Session, item: Item, at: dt.datetime) -> HistoryOut:
    """The item at a date, and its versions. Raises NotFound for a date before it existed."""
    then = queries.version_at(session, item.id, at)
    if then is None:
        raise NotFound(_("当时还没有这个配置项。"))
    return HistoryOut(
        id=item.id,
        at=at,
        item=then.snapshot,
        relations=[relation_out(relation) for relation in queries.relations_at(session, item.id, at)],
        items=[
            VersionOut(at=v.at, by=v.actor, verb=v.verb, changed=v.changed, item=v.snapshot)
            for v in queries.versions(session, item.id)
        ],
    )
