"""What the room hears."""

from __future__ import annotations

from cmdb import handlers
from core import outbox
from core.events.cmdb import ItemHealthChanged


def subscribe() -> None:
    """Fill the outbox's registry; repeating it changes nothing."""
    outbox.subscribe(ItemHealthChanged, "cmdb.tell_pages", handlers.tell_pages)
