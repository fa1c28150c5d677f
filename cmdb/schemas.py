"""Shapes of the CMDB's API and forms. References are names: types, units, teams and vendors by code, items by id."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import pydantic

from cmdb.attributes import MOST_ATTRIBUTES
from cmdb.models import Health, Lifecycle, Mark, Origin, Reach, RelationKind
from web.api import ApiModel, ListQuery
from web.api.schemas import Instant

Name = Annotated[str, pydantic.Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]*$")]
Code = Annotated[str, pydantic.Field(min_length=1, max_length=60)]
ItemId = Annotated[int, pydantic.Field(ge=1, le=2**53)]
Attributes = Annotated[dict[str, Any], pydantic.Field(max_length=MOST_ATTRIBUTES)]
Address = Annotated[str, pydantic.Field(max_length=200)]


class TypeIn(ApiModel):
    """A kind of item; `attributes` is a JSON Schema object (see cmdb.attributes for what is understood)."""

    name: Annotated[str, pydantic.Field(min_length=2, max_length=40)]
    label: Annotated[str, pydantic.Field(min_length=1, max_length=60)] | None = None
    parent: Code | None = None
    attributes: dict[str, Any] = pydantic.Field(default_factory=dict)
    reach: Reach = Reach.NONE


class TypePatch(ApiModel):
    """What may change of a type."""

    label: Annotated[str, pydantic.Field(min_length=1, max_length=60)] | None = None
    parent: Code | None = None
    attributes: dict[str, Any] | None = None
    reach: Reach | None = None


class TypeOut(ApiModel):
    """A type; `attributes` its own schema, `schema_merged` with what it inherits."""

    name: str
    label: str
    parent: str | None
    attributes: dict[str, Any]
    schema_merged: dict[str, Any]
    reach: Reach
    shipped: bool


class ItemIn(ApiModel):
    """A new item."""

    name: Name
    type: Code
    unit: Code
    lifecycle: Lifecycle = Lifecycle.LIVE
    attributes: Attributes = pydantic.Field(default_factory=dict)
    address: Address | None = None


class ItemPatch(ApiModel):
    """The fields to change; attributes are merged by name, null takes one away."""

    name: Name | None = None
    type: Code | None = None
    unit: Code | None = None
    lifecycle: Lifecycle | None = None
    attributes: Attributes | None = None
    address: Address | None = None


class ItemOut(ApiModel):
    """An item."""

    id: int
    name: str
    type: str
    unit: str
    lifecycle: Lifecycle
    attributes: dict[str, Any]
    address: str | None
    health: Health
    health_since: dt.datetime | None
    services: list[int]
    created_at: dt.datetime
    updated_at: dt.datetime
    revision: int


class ItemQuery(ListQuery):
    """Filters of a list of items; `under` is a unit with everything below it. Retired ones come only when asked for."""

    type: Code | None = None
    unit: Code | None = None
    under: Code | None = None
    health: Health | None = None
    lifecycle: Lifecycle | None = None
    service: ItemId | None = None
    address: Address | None = None
    name: Annotated[str, pydantic.Field(max_length=120)] | None = None


class ServiceIn(ApiModel):
    """A new service; `items` are what it is made of: it depends on each of them."""

    name: Name
    unit: Code
    team: Code | None = None
    vendor: Code | None = None
    parts: list[ItemId] = pydantic.Field(
        default_factory=list, max_length=500, alias="items"
    )  # {"items": …} alone is a bulk
    targets: Attributes = pydantic.Field(default_factory=dict)
    code: Annotated[str, pydantic.Field(min_length=1, max_length=60)] | None = None
    group: Annotated[str, pydantic.Field(max_length=60)] = ""
    summary: Annotated[str, pydantic.Field(max_length=300)] = ""
    tax_system: bool = False
    user_facing: bool = True
    lifecycle: Lifecycle = Lifecycle.LIVE
    attributes: Attributes = pydantic.Field(default_factory=dict)
    address: Address | None = None


class ServicePatch(ApiModel):
    """The fields to change; `items`, where given, replaces what the service depends on directly."""

    name: Name | None = None
    unit: Code | None = None
    team: Code | None = None
    vendor: Code | None = None
    parts: list[ItemId] | None = pydantic.Field(default=None, max_length=500, alias="items")
    targets: Attributes | None = None
    code: Annotated[str, pydantic.Field(min_length=1, max_length=60)] | None = None
    group: Annotated[str, pydantic.Field(max_length=60)] | None = None
    summary: Annotated[str, pydantic.Field(max_length=300)] | None = None
    tax_system: bool | None = None
    user_facing: bool | None = None
    lifecycle: Lifecycle | None = None
    attributes: Attributes | None = None
    address: Address | None = None


class ServiceOut(ApiModel):
    """A service of the catalogue."""

    id: int
    name: str
    unit: str
    team: str | None
    vendor: str | None
    items: list[int]
    targets: dict[str, Any]
    health: Health
    health_since: dt.datetime | None
    code: str | None
    group: str
    summary: str
    tax_system: bool
    user_facing: bool
    lifecycle: Lifecycle
    attributes: dict[str, Any]
    address: str | None
    revision: int


class ServiceQuery(ListQuery):
    """Filters of the catalogue."""

    unit: Code | None = None
    health: Health | None = None
    lifecycle: Lifecycle | None = None
    name: Annotated[str, pydantic.Field(max_length=120)] | None = None


class RelationIn(ApiModel):
    """A new relation: the source needs the target."""

    source: ItemId
    kind: RelationKind
    target: ItemId
    redundancy_group: Annotated[str, pydantic.Field(max_length=60)] | None = None
    origin: Origin = Origin.DECLARED


class RelationPatch(ApiModel):
    """Another group of stand-ins, or null for none."""

    redundancy_group: Annotated[str, pydantic.Field(max_length=60)] | None = None


class RelationOut(ApiModel):
    """A relation, while it stood."""

    id: int
    source: int
    kind: RelationKind
    target: int
    redundancy_group: str | None
    origin: Origin
    valid_from: dt.datetime
    valid_until: dt.datetime | None


class RelationQuery(ListQuery):
    """Filters of a list of relations; those that ended come only when asked for."""

    source: ItemId | None = None
    kind: RelationKind | None = None
    target: ItemId | None = None
    ended: bool = False


class ImpactQuery(ApiModel):
    """How many steps to follow."""

    depth: Annotated[int, pydantic.Field(ge=0, le=20)] = 10


class AffectedOut(ApiModel):
    """One entry of an impact list; `mark` says whether it was computed, or declared or excluded by a person."""

    id: int
    name: str
    type: str
    unit: str
    health: Health
    depth: int
    through: int
    mark: Mark
    reason: str


class NamedUnit(ApiModel):
    """A unit by code and name."""

    code: str
    name: str


class ImpactOut(ApiModel):
    """What fails with an item. `hidden` entries lie outside what the asker may see; they are counted, not named."""

    item: int
    depth: int
    summary: str
    services: list[AffectedOut]
    items: list[AffectedOut]
    unreachable_services: list[int]
    units: list[NamedUnit]
    people: int
    systems: int
    hidden: int


class MarkIn(ApiModel):
    """A person's word on an impact list."""

    affected: ItemId
    mark: Mark
    reason: Annotated[str, pydantic.Field(min_length=1, max_length=300)]


class HistoryQuery(ApiModel):
    """A date to show; without one, all versions."""

    at: Instant | None = None


class VersionOut(ApiModel):
    """The item as it was from `at` on."""

    at: dt.datetime
    by: str
    verb: str
    changed: list[str]
    item: dict[str, Any]


class HistoryOut(ApiModel):
    """The item as it was at a date with the relations that held then, and every version (newest first)."""

    id: int
    at: dt.datetime
    item: dict[str, Any]
    relations: list[RelationOut]
    items: list[VersionOut]
    next: None = None


class RestoreIn(ApiModel):
    """The date to go back to."""

    at: Instant


class EventOut(ApiModel):
    """Something that happened to an item."""

    at: dt.datetime
    kind: str
    text: str
    ref: str | None
    actor: str | None


class EventQuery(ApiModel):
    """Which part of an item's log."""

    since: Instant | None = None
    until: Instant | None = None
    limit: Annotated[int, pydantic.Field(ge=1, le=200)] = 50


class EventsOut(ApiModel):
    """What happened, newest first."""

    items: list[EventOut]
    next: None = None
