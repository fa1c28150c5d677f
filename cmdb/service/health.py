"""Health as others report it, and what it makes of services.

Each source (a check, an outside alert) speaks for itself; the item's health is the worst of them; a service's is derived
from its parts. Nothing else sets health, so an item nobody monitors stays at NODATA.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.graph import chunks, needs_below
from cmdb.health import derived, worst
from cmdb.models import Health, Item, ItemHealth, Lifecycle, Service
from cmdb.service.events import LogLine, log_events
from cmdb.service.membership import services_needing
from core import outbox
from core.events.cmdb import ItemHealthChanged


@dataclass(frozen=True, slots=True)
class Report:
    """What one source says of one item; `since`: when that state began (None: now)."""

    item_id: int
    source: str
    state: Health
    since: dt.datetime | None = None


def set_health(
    session: Session,
    item_id: int,
    source: str,
    state: Health | str,
    since: dt.datetime | None = None,
    *,
    now: dt.datetime,
) -> None:
    """Take what `source` (such as "check:12") says of an item. Saying the same again changes nothing."""
    set_health_many(session, [Report(item_id, source, Health(state), since)], now=now)


def clear_health(session: Session, item_id: int, source: str, *, now: dt.datetime) -> None:
    """The source says nothing of the item any more (a check was retired)."""
    session.execute(sa.delete(ItemHealth).where(ItemHealth.item_id == item_id, ItemHealth.source == source))
    _settle(session, [item_id], {}, now)


def set_health_many(session: Session, reports: Iterable[Report], *, now: dt.datetime) -> None:
    """As set_health for a batch: services are derived once, at its end. Items that are retired or gone are passed over."""
    batch = list(reports)
    known = _said(session, batch)
    monitorable = _monitorable(session, {r.item_id for r in batch if (r.item_id, r.source) not in known})
    changed: dict[int, dt.datetime] = {}
    for report in batch:
        since = report.since or now
        row = known.get((report.item_id, report.source))
        if row is not None and row.state is report.state:
            continue
        if row is not None:
            row.state, row.since = report.state, since
        elif report.item_id not in monitorable:
            continue
        else:
            row = ItemHealth(item_id=report.item_id, source=report.source, state=report.state, since=since)
            session.add(row)
            known[report.item_id, report.source] = row
        changed[report.item_id] = max(since, changed.get(report.item_id, since))
    if changed:
        session.flush()
        _settle(session, list(changed), changed, now)


def _said(session: Session, reports: Collection[Report]) -> dict[tuple[int, str], ItemHealth]:
    """What these sources said last, by (item, source)."""
    items, sources = {r.item_id for r in reports}, {r.source for r in reports}
    found: dict[tuple[int, str], ItemHealth] = {}
    for ids in chunks(items):
        rows = session.scalars(sa.select(ItemHealth).where(ItemHealth.item_id.in_(ids)))
        found |= {(row.item_id, row.source): row for row in rows if row.source in sources}
    return found


def _monitorable(session: Session, item_ids: Collection[int]) -> set[int]:
    """Those that are there and not retired; loaded whole, since their health is written next."""
    found: set[int] = set()
    for ids in chunks(item_ids):
        rows = session.scalars(sa.select(Item).where(Item.id.in_(ids)))
        found |= {item.id for item in rows if item.lifecycle is not Lifecycle.RETIRED}
    return found


def _settle(session: Session, item_ids: list[int], since: dict[int, dt.datetime], now: dt.datetime) -> None:
    """Bring items in step with their sources, then the services that need them."""
    session.execute(sa.select(Item.id).where(Item.id.in_(item_ids)).order_by(Item.id).with_for_update())
    states: dict[int, list[Health]] = {item_id: [] for item_id in item_ids}
    rows = session.execute(sa.select(ItemHealth.item_id, ItemHealth.state).where(ItemHealth.item_id.in_(item_ids)))
    for item_id, state in rows:
        states[item_id].append(state)
    services = set(session.scalars(sa.select(Service.item_id).where(Service.item_id.in_(item_ids))))
    wanted = [(i, worst(states[i]), since.get(i, now)) for i in item_ids if i not in services]
    moved = _set(session, wanted, now)
    needing = services_needing(session, moved) if moved else set()
    refresh_services(session, services | needing, now=now, since=max(since.values(), default=now))


def refresh_services(
    session: Session, service_ids: Collection[int], *, now: dt.datetime, since: dt.datetime | None = None
) -> None:
    """Derive the health of these services from their parts."""
    wanted = []
    for service_id in sorted(service_ids):
        needs = needs_below(session, service_id)
        items = {service_id} | {need.needed for need in needs} | {need.needer for need in needs}
        own: dict[int, list[Health]] = {}
        for ids in chunks(items):
            rows = session.execute(sa.select(ItemHealth.item_id, ItemHealth.state).where(ItemHealth.item_id.in_(ids)))
            for item_id, state in rows:
                own.setdefault(item_id, []).append(state)
        state = derived(service_id, needs, {item_id: worst(found) for item_id, found in own.items()})
        wanted.append((service_id, state, since or now))
    _set(session, wanted, now)


def _set(session: Session, wanted: Sequence[tuple[int, Health, dt.datetime]], now: dt.datetime) -> list[int]:
    """Write items' health where it differs, with a line in their logs and an event; returns the ids of those."""
    lines: list[LogLine] = []
    events: list[ItemHealthChanged] = []
    for item_id, state, since in wanted:
        item = session.get(Item, item_id)
        if item is None or item.health is state:
            continue
        before, item.health, item.health_since = item.health, state, since
        lines.append(LogLine(item_id, "health", f"{before}>{state}", since, actor="monitor"))
        events.append(
            ItemHealthChanged(
                item_id=item_id,
                unit_id=item.unit_id,
                item_name=item.name,
                type=item.type_code,
                before=str(before),
                after=str(state),
                at=since,
            )
        )
    log_events(session, lines)
    outbox.record_many(session, events, now=now)
    session.flush()
    return [line.item_id for line in lines]
