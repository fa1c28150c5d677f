"""How full the lines are: the busiest interfaces by their newest SNMP samples, for the wall."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import subtree
from cmdb.models import Item
from collectors.thresholds import optional
from monitor.models import Check, CheckState
from monitor.samples import SeriesInfo
from monitor.samples.access import current_store

METRIC = "if_utilisation_percent"
SHOWN = 5
#: A sample older than this says nothing about now, whatever the interval of its check.
FRESH = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Line:
    """An interface with its utilisation in percent; `tone` says which threshold of its check it passed."""

    place: str
    interface: str
    percent: float
    tone: str
    at: dt.datetime


def busiest(session: Session, roots: Collection[int], now: dt.datetime) -> dict[str, Any]:
    """The fullest interfaces of items at or below these units, and whether any interface is watched there at all."""
    store = current_store()
    newest = [info for info in (store.series_named(METRIC) if store is not None else []) if _fresh(info, now)]
    checks = _checks(session, roots, {info.key.check_id for info in newest})
    found = sorted(
        (_line(info, *checks[info.key.check_id]) for info in newest if info.key.check_id in checks),
        key=lambda line: (-line.percent, line.place, line.interface),
    )
    return {"lines": found[:SHOWN], "lines_watched": len(found)}


def _fresh(info: SeriesInfo, now: dt.datetime) -> bool:
    return info.latest is not None and info.latest.value is not None and now - info.latest.at <= FRESH


def _checks(
    session: Session, roots: Collection[int], ids: Collection[int]
) -> dict[int, tuple[str, tuple[str | None, ...]]]:
    """By check: the item it asks, and the ranges its probe judged utilisation by (warning, critical)."""
    rows = session.execute(
        sa.select(Check.id, Item.name, CheckState.evidence)
        .join(Item, Item.id == Check.item_id)
        .join(CheckState, CheckState.check_id == Check.id)
        .where(Check.id.in_(ids), Check.retired_at.is_(None), Item.unit_id.in_(subtree(frozenset(roots))))
    )
    return {key: (name, tuple((evidence or {}).get("thresholds", {}).get(METRIC, ()))) for key, name, evidence in rows}


def _line(info: SeriesInfo, place: str, ranges: tuple[str | None, ...]) -> Line:
    percent = (info.latest.value if info.latest else None) or 0.0
    tone = "ok"
    for text, name in zip(ranges, ("warning", "critical"), strict=False):
        limits = optional(text or "")
        if limits is not None and limits.alerts(percent):
            tone = name
    interface = "，".join(value for _name, value in info.key.labels)
    return Line(
        place, interface, percent, tone, info.latest.at if info.latest else dt.datetime.min.replace(tzinfo=dt.UTC)
    )
