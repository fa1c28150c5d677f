"""What the CMDB tells: items that changed, and their health, for the search index, the live pages and the wall."""

from __future__ import annotations

import datetime as dt

from core.events.base import Event


class ItemsChanged(Event, frozen=True, kw_only=True):
    """Items were created, changed, retired or restored. `what` created|changed|retired|restored; one event per batch."""

    item_ids: list[int]
    what: str
    at: dt.datetime


class RelationsChanged(Event, frozen=True, kw_only=True):
    """Relations of these items began, changed or ended; impact and services of what hangs on them may differ now."""

    item_ids: list[int]
    at: dt.datetime


class ItemHealthChanged(Event, frozen=True, kw_only=True):
    """An item's (or service's) health differs. `before` and `after`: ok|warning|critical|unknown|nodata."""

    item_id: int
    unit_id: int
    item_name: str
    type: str
    before: str
    after: str
    at: dt.datetime
