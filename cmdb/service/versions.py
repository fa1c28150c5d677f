"""Keeping every state an item was in (C-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session

from cmdb.models import Item, ItemVersion
from core import outbox
from core.events.cmdb import ItemsChanged

_WHAT = {"create": "created", "change": "changed", "retire": "retired", "restore": "restored"}


def snapshot(item: Item) -> dict[str, Any]:
    """Everything a person can change about an item, with names that outlive ids."""
    found: dict[str, Any] = {
        "name": item.name,
        "type": item.type_code,
        "unit": item.unit.code,
        "lifecycle": str(item.lifecycle),
        "attributes": dict(item.attributes),
        "address": item.address,
    }
    if (service := item.service) is not None:
        found["service"] = {
            "code": service.code,
            "group": service.group,
            "summary": service.summary,
            "position": service.position,
            "team": service.team.code if service.team else None,
            "vendor": service.vendor.code if service.vendor else None,
            "tax_system": service.tax_system,
            "user_facing": service.user_facing,
            "targets": dict(service.targets),
        }
    return found


def flat(state: dict[str, Any]) -> dict[str, Any]:
    """A snapshot with dotted names, to compare two of them field by field."""
    found: dict[str, Any] = {}
    for key, value in state.items():
        if key in ("attributes", "service", "targets") and isinstance(value, dict):
            found.update({f"{key}.{name}": inner for name, inner in flat(value).items()})
        else:
            found[key] = value
    return found


def changed_fields(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Dotted names of the fields that differ."""
    one, other = flat(before), flat(after)
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def keep(session: Session, item: Item, verb: str, before: dict[str, Any] | None, now: dt.datetime) -> list[str]:
    """Write the item's new version, if it differs from `before`; returns what changed."""
    after = snapshot(item)
    changed = changed_fields(before or {}, after)
    if before is not None and not changed:
        return []
    if before is not None:
        item.revision += 1
    item.updated_at = now
    session.add(
        ItemVersion(
            item_id=item.id,
            at=now,
            actor=str(session.info.get("actor", "system")),
            verb=verb,
            changed=changed if before is not None else [],
            snapshot=after,
        )
    )
    session.flush()
    outbox.record(session, ItemsChanged(item_ids=[item.id], what=_WHAT[verb], at=now), now=now)
    return changed
