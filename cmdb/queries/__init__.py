"""Reads of the CMDB. What returns somebody's data takes the viewer; what other rooms' verbs ask does not."""

from cmdb.queries.history import events, relations_at, version_at, versions
from cmdb.queries.impact import Affected, Impact, impact_of
from cmdb.queries.items import (
    find_items,
    get_item,
    items_page,
    may_write,
    readable_services,
    services_of,
    visible,
)
from cmdb.queries.relations import current_relations, get_relation, relations_page
from cmdb.queries.state import health_of, is_failing, is_tax_system, team_of_service, vendor_of_service, what_changed

__all__ = [
    "Affected",
    "Impact",
    "current_relations",
    "events",
    "find_items",
    "get_item",
    "get_relation",
    "health_of",
    "impact_of",
    "is_failing",
    "is_tax_system",
    "items_page",
    "may_write",
    "readable_services",
    "relations_at",
    "relations_page",
    "services_of",
    "team_of_service",
    "vendor_of_service",
    "version_at",
    "versions",
    "visible",
    "what_changed",
]
