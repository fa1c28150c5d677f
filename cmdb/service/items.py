"""Making, changing and retiring items."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Unit
from accounts.validity import stands
from cmdb import attributes as rules
from cmdb.models import SERVICE_TYPE, Health, Item, ItemHealth, ItemType, Lifecycle, Relation
from cmdb.service import membership, versions
from core.errors import Conflict, Invalid
from core.i18n import gettext as _


def item_type(session: Session, code: str) -> ItemType:
    """The type of this code; raises Invalid naming those there are."""
    if (found := session.get(ItemType, code)) is not None:
        return found
    known = "、".join(session.scalars(sa.select(ItemType.code).order_by(ItemType.position)))
    raise Invalid.of("type", _("没有这个类型。可用的有：%(known)s。", known=known))


def type_schema(session: Session, code: str, known: Mapping[str, ItemType] | None = None) -> dict[str, Any]:
    """The attributes schema of a type with what it inherits; `known`: all types, where many are asked for."""
    schemas: list[dict[str, Any]] = []
    at: str | None = code
    while at is not None and (row := known.get(at) if known is not None else session.get(ItemType, at)) is not None:
        schemas.append(row.attributes)
        at = row.parent_code
    return rules.merged(schemas)


def create_item(
    session: Session,
    *,
    name: str,
    type_code: str,
    unit: Unit,
    now: dt.datetime,
    lifecycle: Lifecycle = Lifecycle.LIVE,
    attributes: Mapping[str, Any] | None = None,
    address: str | None = None,
) -> Item:
    """Add an item. Raises Invalid for a taken name, an unknown type, attributes that don't fit; services have their own verb."""
    if type_code == SERVICE_TYPE:
        raise Invalid.of("type", _("服务请在服务目录中新建。"))
    item = _add(
        session,
        name=name,
        type_code=type_code,
        unit=unit,
        now=now,
        lifecycle=lifecycle,
        attributes=attributes,
        address=address,
    )
    versions.keep(session, item, "create", None, now)
    return item


def _add(
    session: Session,
    *,
    name: str,
    type_code: str,
    unit: Unit,
    now: dt.datetime,
    lifecycle: Lifecycle,
    attributes: Mapping[str, Any] | None,
    address: str | None,
) -> Item:
    kind = item_type(session, type_code)
    _check_unit(unit, now)
    _check_name(session, name, unit)
    given = _checked(session, type_code, attributes or {})
    item = Item(
        name=name,
        type=kind,
        unit=unit,
        lifecycle=lifecycle,
        attributes=given,
        address=address or None,
        created_at=now,
        updated_at=now,
        retired_at=now if lifecycle is Lifecycle.RETIRED else None,
    )
    session.add(item)
    flush_named(session)
    return item


def change_item(session: Session, item: Item, changes: Mapping[str, Any], *, now: dt.datetime) -> list[str]:
    """Change the fields given (name, type_code, unit, lifecycle, attributes, address); returns the names of what changed.

    `attributes` are merged key by key; None takes one away. Raises Invalid as create_item does. An item that is set to
    retired goes the way of retire_item.
    """
    lock(session, item)
    before = versions.snapshot(item)
    if changes.get("lifecycle") is Lifecycle.RETIRED and item.lifecycle is not Lifecycle.RETIRED:
        retire_item(session, item, now=now)
        return ["lifecycle"]
    apply(session, item, changes, now=now)
    return versions.keep(session, item, "change", before, now)


def apply(session: Session, item: Item, changes: Mapping[str, Any], *, now: dt.datetime) -> None:
    """Check and set fields, keeping no version (the caller's verb does)."""
    new_type = changes.get("type_code", item.type_code)
    if new_type != item.type_code:
        if SERVICE_TYPE in (new_type, item.type_code):
            raise Invalid.of("type", _("服务和其他配置项之间不能互相改类型。"))
        item.type = item_type(session, new_type)
    name, unit = changes.get("name", item.name), changes.get("unit", item.unit)
    if unit is not item.unit:
        _check_unit(unit, now)
    if (name, unit.id) != (item.name, item.unit_id) or item.lifecycle is Lifecycle.RETIRED:
        _check_name(session, name, unit, but=item.id)
    merged = {**item.attributes, **changes.get("attributes", {})}
    item.attributes = _checked(session, new_type, merged)
    item.name, item.unit = name, unit
    if "address" in changes:
        item.address = changes["address"] or None
    if "lifecycle" in changes:
        item.lifecycle = changes["lifecycle"]
        item.retired_at = None if item.lifecycle is not Lifecycle.RETIRED else item.retired_at or now
    flush_named(session)


def retire_item(session: Session, item: Item, *, now: dt.datetime) -> None:
    """End an item's life: its relations end, its health is forgotten, its history stays. Retiring twice changes nothing."""
    lock(session, item)
    if item.lifecycle is Lifecycle.RETIRED:
        return
    before = versions.snapshot(item)
    current = session.scalars(
        sa.select(Relation).where(
            sa.or_(Relation.source_id == item.id, Relation.target_id == item.id), Relation.valid_until.is_(None)
        )
    ).all()
    touched = {item.id}
    for relation in current:
        relation.valid_until = now
        touched |= {relation.source_id, relation.target_id}
    item.lifecycle, item.retired_at = Lifecycle.RETIRED, now
    session.execute(sa.delete(ItemHealth).where(ItemHealth.item_id == item.id))
    item.health, item.health_since = Health.NODATA, None
    versions.keep(session, item, "retire", before, now)
    membership.relations_changed(session, touched, now=now)


def lock(session: Session, item: Item) -> None:
    """Wait for whoever else is changing this item, then see what they wrote."""
    session.flush()
    session.execute(sa.select(Item.id).where(Item.id == item.id).with_for_update())
    session.refresh(item)


def flush_named(session: Session) -> None:
    """Write, and word the race for a name as an answer. Raises Conflict."""
    try:
        with session.begin_nested():
            session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict(_("同一单位刚刚有人登记了同名的配置项。")) from error


def _checked(session: Session, type_code: str, given: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in given.items() if value is not None}
    if errors := rules.check(type_schema(session, type_code), values):
        raise Invalid(_("属性不符合该类型的要求。"), errors)
    return values


def _check_unit(unit: Unit, now: dt.datetime) -> None:
    if not stands(unit, now):
        raise Invalid.of("unit", _("该机构已撤并，请改用现有机构。"))


def _check_name(session: Session, name: str, unit: Unit, but: int | None = None) -> None:
    taken = session.scalar(
        sa.select(Item.id).where(
            Item.unit_id == unit.id, Item.name == name, Item.lifecycle != Lifecycle.RETIRED, Item.id != (but or 0)
        )
    )
    if taken is not None:
        raise Invalid.of(
            "name",
            _("%(unit)s已有名为“%(name)s”的配置项（编号 %(id)d），请换一个名称。", unit=unit.name, name=name, id=taken),
        )
