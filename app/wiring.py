"""What only the room that knows all others can connect: documents of every room for the search, teams' services."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.documents import AlertSource, ItemSource, TicketSource
from app.run import memory
from cmdb.models import Service
from core import outbox
from core.events import cmdb, monitor, servicedesk
from kb.search import index
from kb.search.registry import sources
from monitor import links
from servicedesk import queries as desk

JOBS = (memory.JOB,)


def services_of_team(session: Session, team_id: int) -> list[int]:
    """Ids of the services a team looks after; given to accounts, which lies below cmdb."""
    return list(session.scalars(sa.select(Service.item_id).where(Service.team_id == team_id).order_by(Service.item_id)))


def _index_items(session: Session, event: cmdb.ItemsChanged, now: dt.datetime) -> None:
    index.touch(session, "item", [str(i) for i in event.item_ids], now=now)


def subscribe() -> None:
    """Fill the registries; repeating it changes nothing."""
    links.set_tickets(desk.tickets_of_alerts)
    links.set_incidents(desk.wall_counts)
    for source in (TicketSource(), ItemSource(), AlertSource()):
        sources.add(source)
    index.follow(servicedesk.TicketChanged, "ticket", lambda e: e.number)
    index.follow(monitor.AlertRaised, "alert", lambda e: e.fingerprint)
    index.follow(monitor.AlertResolved, "alert", lambda e: e.fingerprint)
    outbox.subscribe(cmdb.ItemsChanged, "search.index_item", _index_items)
