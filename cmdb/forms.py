"""The item editor's form: the item's own fields, and those its type's schema names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

from cmdb import attributes as rules
from cmdb.models import Item, Lifecycle
from cmdb.schemas import Address, Code, Name
from core.errors import FieldError
from core.i18n import gettext as _
from web.api import ApiModel
from web.forms import Form

PREFIX = "attributes."
EXTRA = "extra"


class ItemFields(ApiModel):
    """What every item has."""

    name: Name
    unit: Code
    lifecycle: Lifecycle = Lifecycle.LIVE
    address: Address | None = None


class ServiceFields(ItemFields):
    """What a service has besides."""

    code: Annotated[str, pydantic.Field(max_length=60)] | None = None
    group: Annotated[str, pydantic.Field(max_length=60)] = ""
    summary: Annotated[str, pydantic.Field(max_length=300)] = ""
    team: Code | None = None
    vendor: Code | None = None
    tax_system: bool = False
    user_facing: bool = False
    availability: Annotated[float, pydantic.Field(ge=0, le=100)] | None = None


class RelationFields(ApiModel):
    """A relation typed on the item's page; `target` is an item's number or its whole name."""

    kind: Annotated[str, pydantic.Field(max_length=20)]
    target: Annotated[str, pydantic.Field(min_length=1, max_length=120)]
    redundancy_group: Annotated[str, pydantic.Field(max_length=60)] | None = None


def starting_values(item: Item) -> dict[str, Any]:
    """What the editor shows of an item before anything is typed."""
    given: dict[str, Any] = {
        "name": item.name,
        "unit": item.unit.code,
        "lifecycle": str(item.lifecycle),
        "address": item.address or "",
    }
    given |= {PREFIX + name: value for name, value in item.attributes.items()}
    if (service := item.service) is not None:
        given |= {
            "code": service.code or "",
            "group": service.group,
            "summary": service.summary,
            "team": service.team.code if service.team else "",
            "vendor": service.vendor.code if service.vendor else "",
            "tax_system": service.tax_system,
            "user_facing": service.user_facing,
            "availability": service.targets.get("availability", ""),
        }
    return given


def with_extra(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Starting values with what no schema names gathered as lines "name=value"."""
    known = schema.get("properties", {})
    loose = {k: v for k, v in given.items() if k.startswith(PREFIX) and k.removeprefix(PREFIX) not in known}
    kept = {k: v for k, v in given.items() if k not in loose}
    return {**kept, EXTRA: "\n".join(f"{k.removeprefix(PREFIX)}={v}" for k, v in loose.items())}


def typed_attributes(
    form: Form[Any], given: Mapping[str, str], schema: Mapping[str, Any], item: Item | None
) -> dict[str, Any]:
    """The attributes typed, as changes: what was emptied is None, so that the verb takes it away."""
    found = rules.from_text(schema, {k.removeprefix(PREFIX): v for k, v in given.items() if k.startswith(PREFIX)})
    found |= rules.from_text(schema, _lines(form, given.get(EXTRA, "")))
    gone = {name: None for name in (item.attributes if item else {}) if name not in found}
    return {**found, **gone}


def _lines(form: Form[Any], text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            form.errors.append(FieldError(EXTRA, _("“%(line)s”不是“名称=值”的形式。", line=line[:40])))
        else:
            found[name.strip()] = value
    return found
