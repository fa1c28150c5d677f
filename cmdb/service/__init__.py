"""The verbs of the CMDB. Each takes a session and `now`, checks, writes and never commits.

Other rooms write here: `set_health`, `clear_health` (monitor) and `log_event` (everybody).
"""

from cmdb.service.events import log_event
from cmdb.service.health import clear_health, set_health, set_health_many
from cmdb.service.items import change_item, create_item, retire_item
from cmdb.service.marks import mark_impact, unmark_impact
from cmdb.service.membership import rebuild_all
from cmdb.service.relations import change_relation, end_relation, relate
from cmdb.service.restore import restore_item
from cmdb.service.services import change_service, create_service, set_parts
from cmdb.service.types import save_type

__all__ = [
    "change_item",
    "change_relation",
    "change_service",
    "clear_health",
    "create_item",
    "create_service",
    "end_relation",
    "log_event",
    "mark_impact",
    "rebuild_all",
    "relate",
    "restore_item",
    "retire_item",
    "save_type",
    "set_health",
    "set_health_many",
    "set_parts",
    "unmark_impact",
]
