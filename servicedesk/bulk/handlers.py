"""A run's page hears that it moved: only whoever ordered it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from core.events.servicedesk import BulkMoved
from web.live import Notice, hub


def show(_session: Session, event: BulkMoved, _now: dt.datetime) -> None:
    """After the commit of the part that it tells of."""
    hub.publish(Notice("bulk", str(event.run_id), frozenset({f"person:{event.by_id}"})))
