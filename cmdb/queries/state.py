"""Short answers for other rooms: is it failing, what changed lately, who runs it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from cmdb.models import Health, Item, ItemEvent, Service
from cmdb.queries.history import events

# What counts as a change when somebody looks for a cause; alerts and health are symptoms.
CHANGE_KINDS = ("change", "deployment", "relation", "config", "version")


def is_failing(session: Session, item_id: int | None) -> bool:
    """Whether the item (or service) is critical now. Warning, unknown and no data are not failing; nothing is not failing."""
    return health_of(session, item_id) is Health.CRITICAL


def health_of(session: Session, item_id: int | None) -> Health:
    """The item's health now; NODATA where there is no such item."""
    if item_id is None:
        return Health.NODATA
    return session.scalar(sa.select(Item.health).where(Item.id == item_id)) or Health.NODATA


def what_changed(
    session: Session, item_ids: Collection[int], *, since: dt.datetime, until: dt.datetime, limit: int = 50
) -> Sequence[ItemEvent]:
    """Changes (not symptoms) of these items in the time given, newest first."""
    return events(session, item_ids, since=since, until=until, kinds=CHANGE_KINDS, limit=limit)


def team_of_service(session: Session, service_id: int | None) -> int | None:
    """Id of the team that looks after a service."""
    return _of_service(session, service_id, Service.team_id)


def vendor_of_service(session: Session, service_id: int | None) -> int | None:
    """Id of the vendor's unit that stands behind a service."""
    return _of_service(session, service_id, Service.vendor_id)


def is_tax_system(session: Session, service_id: int | None) -> bool:
    """Whether the filing period tightens and freezes this service."""
    if service_id is None:
        return False
    return bool(session.scalar(sa.select(Service.tax_system).where(Service.item_id == service_id)))


def _of_service(session: Session, service_id: int | None, column: InstrumentedAttribute[int | None]) -> int | None:
    return None if service_id is None else session.scalar(sa.select(column).where(Service.item_id == service_id))
