"""What monitoring does when other rooms tell it something. Each handler may run twice."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.events.cmdb import ItemsChanged
from monitor.checks import service
from monitor.models import Check


def items_changed(session: Session, event: ItemsChanged, now: dt.datetime) -> None:
    """The checks of a retired item are retired too: nobody watches what is not there."""
    if event.what != "retired":
        return
    mine = sa.select(Check).where(Check.item_id.in_(event.item_ids), Check.retired_at.is_(None)).order_by(Check.id)
    for check in session.scalars(mine).all():
        service.retire(session, check, now=now)
