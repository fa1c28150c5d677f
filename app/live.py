"""Who may listen to the live feed, and to what."""

from __future__ import annotations

from flask import Flask

from accounts.scope import Viewer, viewer_for
from accounts.signin import queries
from core import clock
from core.db import reading
from web.db import engine_of

LISTENED = ("ticket.read", "alert.read", "wall.read")


def principals(viewer: Viewer) -> frozenset[str]:
    """Every principal string this viewer answers to: itself, its unit, teams, granted units, its vendor."""
    found = {f"person:{viewer.person_id}", f"at:{viewer.unit_id}"}
    for permission in LISTENED:
        found |= {f"unit:{u}" for u in viewer.units_for(permission)}
        found |= {f"team:{t}" for t in viewer.teams_for(permission)}
    if viewer.vendor_unit_id is not None:
        found.add(f"vendor:{viewer.vendor_unit_id}")
    return frozenset(found)


def authenticate(app: Flask, cookie: str) -> tuple[int, frozenset[str]] | None:
    """Person and principals behind a session cookie, or None."""
    now = clock.now()
    with reading(engine_of(app)) as session:
        found = queries.by_cookie(session, cookie, now=now)
        if found is None:
            return None
        return found[1].id, principals(viewer_for(session, found[1], now=now))
