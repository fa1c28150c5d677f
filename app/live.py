"""Who may listen to the live feed, and to what."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import sqlalchemy as sa
from flask import Flask

from accounts.models import Person
from accounts.scope import Viewer, viewer_for
from accounts.signin import queries
from core import clock
from core.db import reading
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.rules import NUMBER
from web.db import reading_engine_of
from web.live import Ears
from web.presence import presence

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


def authenticate(app: Flask, cookies: Sequence[str]) -> dict[str, tuple[int, Ears]]:
    """Person and ears behind each session cookie; strangers are left out.

    One statement for five hundred cookies. Who they are comes from the viewers that are kept for reading requests, so a
    right that nobody changed costs nothing for a minute, and what a viewer hears is computed once for all their pages.
    """
    now = clock.now()
    known: dict[int, Ears] = {}
    found: dict[str, tuple[int, Ears]] = {}
    with reading(reading_engine_of(app)) as session:
        for cookie, (_session, person) in queries.by_cookies(session, cookies, now=now).items():
            if person.id not in known:
                known[person.id] = ears(viewer_for(session, person, now=now))
            found[cookie] = person.id, known[person.id]
    return found


def attend(app: Flask, person_id: int, subject: str) -> contextlib.AbstractContextManager[None]:
    """Being seen at `ticket:NUMBER` by the others there, for whoever may see that ticket; else nothing at all."""
    sort, _, number = subject.partition(":")
    if sort != "ticket" or not NUMBER.match(number):
        return contextlib.nullcontext()
    with reading(reading_engine_of(app)) as session:
        person = session.get_one(Person, person_id)
        seen = access.visible(viewer_for(session, person, now=clock.now()))
        if session.scalar(sa.select(Ticket.id).where(Ticket.number == number, seen)) is None:
            return contextlib.nullcontext()
        return presence.stays(subject, (person.id, person.name))
