"""What only the room that knows all others can connect: documents of every room for the search, teams' services."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.admin.places import ServicePlace
from app.documents import AlertSource, ItemSource, TicketSource, files_of_tickets
from app.run import memory
from cmdb.models import Item, Lifecycle, Service
from core import outbox
from core.db import statistics
from core.events import cmdb, monitor, servicedesk
from escalation.outside import queries as receivers
from kb.search import index
from kb.search.registry import sources
from monitor import links
from servicedesk import queries as desk

JOBS = (memory.JOB, statistics.JOB)


def services_of_teams(session: Session, team_ids: Sequence[int]) -> dict[int, list[int]]:
    """Team id → ids of the services it looks after; given to accounts, which lies below cmdb."""
    found: dict[int, list[int]] = {i: [] for i in team_ids}
    rows = session.execute(
        sa.select(Service.team_id, Service.item_id).where(Service.team_id.in_(team_ids)).order_by(Service.item_id)
    )
    for team_id, item_id in rows:
        if team_id is not None:
            found[team_id].append(item_id)
    return found


def service_places(session: Session, ids: Sequence[int] | None) -> dict[int, ServicePlace]:
    """Service id → name and unit, of these or of all that live; given to accounts as the places of grants."""
    statement = sa.select(Item.id, Item.name, Item.unit_id).join(Service, Service.item_id == Item.id)
    statement = statement.where(Item.lifecycle != Lifecycle.RETIRED if ids is None else Item.id.in_(ids))
    return {row.id: ServicePlace(row.name, row.unit_id) for row in session.execute(statement.order_by(Item.name))}


def _index_items(session: Session, event: cmdb.ItemsChanged, now: dt.datetime) -> None:
    index.touch(session, "item", [str(i) for i in event.item_ids], now=now)


def subscribe() -> None:
    """Fill the registries; repeating it changes nothing."""
    links.set_tickets(desk.tickets_of_alerts)
    links.set_incidents(desk.wall_counts)
    links.set_routes(receivers.routes)
    sources.add(TicketSource(), files=files_of_tickets)
    for source in (ItemSource(), AlertSource()):
        sources.add(source)
    index.follow(servicedesk.TicketChanged, "ticket", lambda e: e.number)
    index.follow(monitor.AlertRaised, "alert", lambda e: e.fingerprint)
    index.follow(monitor.AlertResolved, "alert", lambda e: e.fingerprint)
    outbox.subscribe(cmdb.ItemsChanged, "search.index_item", _index_items)
