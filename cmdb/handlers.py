"""What follows from the CMDB's own events: open pages hear that an item's state differs."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.queries import principals_of_unit
from cmdb.models import ItemService, Service
from core.events.cmdb import ItemHealthChanged
from web.live import Notice, hub


def tell_pages(session: Session, event: ItemHealthChanged, now: dt.datetime) -> None:  # noqa: ARG001  a handler's shape
    """Tell the pages of whoever may see the item: its units, and the teams that run the services which need it."""
    teams = session.scalars(
        sa.select(Service.team_id)
        .distinct()
        .where(
            Service.team_id.is_not(None),
            sa.or_(
                Service.item_id == event.item_id,
                Service.item_id.in_(sa.select(ItemService.service_id).where(ItemService.item_id == event.item_id)),
            ),
        )
    )
    audience = principals_of_unit(session, event.unit_id) | {f"team:{team}" for team in teams}
    hub.publish(Notice("item", str(event.item_id), audience))
