"""Who may listen to the live feed, and to what."""

from __future__ import annotations

from flask import Flask

from accounts.scope import Viewer, viewer_for
from accounts.signin import queries
from core import clock
from core.db import reading
from web.db import engine_of
from web.live import Ears

#: topic of the feed → the permission that reads what it tells of
TOPICS = {"ticket": "ticket.read", "alert": "alert.read", "item": "item.read"}
WALL = "wall.read"


def ears(viewer: Viewer) -> Ears:
    """What this viewer hears: each topic where its permission is granted, and whatever is addressed to themselves.

    The wall shows counts and no names, so it only learns that it should look again.
    """
    topics = {topic: _granted(viewer, permission) for topic, permission in TOPICS.items()}
    if viewer.can("notice.read"):
        topics["notice"] = frozenset({f"at:{viewer.unit_id}"})
    if viewer.vendor_unit_id is not None and viewer.can("vendor.work"):
        topics["ticket"] |= {f"vendor:{viewer.vendor_unit_id}"}
    wall = _granted(viewer, WALL)
    return Ears(frozenset({f"person:{viewer.person_id}"}), topics, dict.fromkeys(TOPICS, wall) if wall else {})


def _granted(viewer: Viewer, permission: str) -> frozenset[str]:
    """The principals of where this permission is held; a record names its unit with all units above."""
    units = {f"unit:{u}" for u in viewer.units_for(permission)}
    return frozenset(units | {f"team:{t}" for t in viewer.teams_for(permission)})


def authenticate(app: Flask, cookie: str) -> tuple[int, Ears] | None:
    """Person and ears behind a session cookie, or None."""
    now = clock.now()
    with reading(engine_of(app)) as session:
        found = queries.by_cookie(session, cookie, now=now)
        if found is None:
            return None
        return found[1].id, ears(viewer_for(session, found[1], now=now))
