"""Services of the catalogue: items with a team, a vendor and targets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team, Unit, UnitLevel
from cmdb import attributes as rules
from cmdb.models import SERVICE_TYPE, Item, Lifecycle, Relation, RelationKind, Service
from cmdb.service import items, versions
from cmdb.service.membership import relations_changed
from cmdb.service.relations import begin, stop
from core.errors import FieldError, Invalid
from core.i18n import gettext as _

FIELDS = ("code", "group", "position", "summary", "team", "vendor", "tax_system", "user_facing", "targets")


def create_service(
    session: Session,
    *,
    name: str,
    unit: Unit,
    now: dt.datetime,
    lifecycle: Lifecycle = Lifecycle.LIVE,
    attributes: Mapping[str, Any] | None = None,
    address: str | None = None,
    **details: Any,
) -> Item:
    """Add a service; `details` are FIELDS. Raises Invalid for a taken name or code, or a vendor that is none."""
    item = items._add(  # noqa: SLF001  the two verbs of one concept
        session,
        name=name,
        type_code=SERVICE_TYPE,
        unit=unit,
        now=now,
        lifecycle=lifecycle,
        attributes=attributes,
        address=address,
    )
    item.service = Service(item_id=item.id, targets={})
    _set(session, item.service, details)
    session.flush()
    versions.keep(session, item, "create", None, now)
    return item


def change_service(session: Session, item: Item, changes: Mapping[str, Any], *, now: dt.datetime) -> list[str]:
    """Change an item's fields and those of its service side; returns the names of what changed."""
    if item.service is None:
        raise Invalid.of("id", _("这个配置项不是服务。"))
    items.lock(session, item)
    before = versions.snapshot(item)
    if changes.get("lifecycle") is Lifecycle.RETIRED:
        items.retire_item(session, item, now=now)
        return ["lifecycle"]
    own = {key: value for key, value in changes.items() if key in FIELDS}
    items.apply(session, item, {key: value for key, value in changes.items() if key not in FIELDS}, now=now)
    _set(session, item.service, own)
    session.flush()
    return versions.keep(session, item, "change", before, now)


def set_parts(session: Session, item: Item, parts: Collection[Item], *, now: dt.datetime) -> None:
    """Make the service depend directly on exactly these items; groups of those that stay are kept."""
    standing = {
        relation.target_id: relation
        for relation in session.scalars(
            sa.select(Relation).where(
                Relation.source_id == item.id, Relation.kind == RelationKind.DEPENDS_ON, Relation.valid_until.is_(None)
            )
        )
    }
    wanted = {part.id: part for part in parts}
    for target_id, relation in standing.items():
        if target_id not in wanted:
            stop(session, relation, now=now)
    for part_id, part in wanted.items():
        if part_id not in standing:
            begin(session, source=item, kind=RelationKind.DEPENDS_ON, target=part, now=now)
    if touched := standing.keys() ^ wanted.keys():
        relations_changed(session, {item.id, *touched}, now=now)


def _set(session: Session, service: Service, details: Mapping[str, Any]) -> None:
    if unknown := sorted(details.keys() - set(FIELDS)):
        raise TypeError(f"a service has no {', '.join(unknown)}")
    team: Team | None = details.get("team", service.team)
    vendor: Unit | None = details.get("vendor", service.vendor)
    if vendor is not None and vendor.level is not UnitLevel.VENDOR:
        raise Invalid.of("vendor", _("“%(name)s”不是供应商。", name=vendor.name))
    service.team, service.vendor = team, vendor
    if details.get("code"):
        _check_code(session, service, str(details["code"]))
    for key in ("code", "group", "position", "summary", "tax_system", "user_facing"):
        if key in details:
            setattr(service, key, details[key])
    if "targets" in details:
        service.targets = _targets(details["targets"] or {})


def _check_code(session: Session, service: Service, code: str) -> None:
    taken = session.scalar(
        sa.select(Service.item_id)
        .join(Item, Item.id == Service.item_id)
        .where(
            Service.code == code,
            Service.item_id != service.item_id,
            Item.lifecycle != Lifecycle.RETIRED,
            Item.unit_id == sa.select(Item.unit_id).where(Item.id == service.item_id).scalar_subquery(),
        )
    )
    if taken is not None:
        raise Invalid.of("code", _("服务代码“%(code)s”已被占用。", code=code))


def _targets(given: Mapping[str, Any]) -> dict[str, Any]:
    errors = [FieldError(e.field.replace("attributes", "targets", 1), e.message) for e in rules.check({}, given)]
    if errors:
        raise Invalid(_("服务目标只能是文字、数字或是/否。"), errors)
    return {name: value for name, value in given.items() if value is not None}
