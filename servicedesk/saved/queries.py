"""The filters a viewer has before them, in their own order, with a bounded count of each."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pydantic
import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts.models import Team
from accounts.scope import Viewer
from core.db.patience import within
from kb.search.engine import SearchEngine
from servicedesk import queries
from servicedesk.saved.models import FilterChoice, SavedFilter
from servicedesk.saved.shipped import shipped_for
from servicedesk.tickets.asking import filter_of
from servicedesk.tickets.schemas import TicketQuery

COUNTED = 1000
"""More than so many are “1,000+”."""
COUNT_S, COUNTS_S = 0.2, 0.6
"""Seconds that one count may take, and all of a page; what takes longer is left uncounted."""


@dataclass(frozen=True)
class Entry:
    """One filter as its viewer sees it. `key`: of a shipped one its name, of a saved one “f” and its id."""

    key: str
    name: str
    query: Mapping[str, Any]
    id: int | None = None
    team: Team | None = None
    mine: bool = False  # the viewer may change it
    default: bool = False

    @property
    def address(self) -> str:
        """The list with this filter; `view` tells the page which tab it is."""
        return "/desk/tickets?" + urlencode([("view", self.key), *pairs(self.query)])


def pairs(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The filter as the parameters of an address."""
    for name, value in sorted(query.items()):
        for each in value if isinstance(value, list) else [value]:
            yield name, str(each).lower() if isinstance(each, bool) else str(each)


def key_of(row: SavedFilter) -> str:
    """What the page and the choices call a saved filter."""
    return f"f{row.id}"


def teams_led(session: Session, viewer: Viewer) -> Sequence[Team]:
    """Teams that the viewer leads: with these they may share."""
    return session.scalars(
        sa.select(Team).where(Team.head_id == viewer.person_id, Team.active).order_by(Team.name)
    ).all()


def seen_by(viewer: Viewer) -> sa.ColumnElement[bool]:
    """The condition on SavedFilter under which the viewer sees it: their own, their teams', those of teams they lead."""
    led = sa.select(Team.id).where(Team.head_id == viewer.person_id, Team.active)
    own = sa.and_(SavedFilter.team_id.is_(None), SavedFilter.owner_id == viewer.person_id)
    return sa.or_(own, SavedFilter.team_id.in_(sorted(viewer.member_of)), SavedFilter.team_id.in_(led))


def changeable(row: SavedFilter, viewer: Viewer) -> bool:
    """A team's filter is its head's to change, one's own one's own."""
    if row.team is not None:
        return row.team.head_id == viewer.person_id
    return row.owner_id == viewer.person_id


def entries(session: Session, viewer: Viewer) -> list[Entry]:
    """What the viewer has, in their order; what they never ordered comes last."""
    choice = session.get(FilterChoice, viewer.person_id)
    default = choice.default if choice else None
    found = [Entry(s.key, str(s.name), s.query, default=s.key == default) for s in shipped_for(viewer)]
    rows = session.scalars(
        sa.select(SavedFilter)
        .options(joinedload(SavedFilter.team))
        .where(SavedFilter.deleted_at.is_(None), seen_by(viewer))
        .order_by(SavedFilter.id)
    )
    found += [entry_of(row, viewer, default=key_of(row) == default) for row in rows]
    place = {key: i for i, key in enumerate(choice.order if choice else ())}
    return sorted(found, key=lambda e: place.get(e.key, len(place)))


def entry_of(row: SavedFilter, viewer: Viewer, *, default: bool = False) -> Entry:
    """A saved filter as the viewer sees it."""
    return Entry(key_of(row), row.name, row.query, row.id, row.team, changeable(row, viewer), default)


def default_of(session: Session, viewer: Viewer) -> Entry | None:
    """What the viewer's list opens with, if they chose something they still see."""
    key = session.scalar(sa.select(FilterChoice.default).where(FilterChoice.person_id == viewer.person_id))
    return next((e for e in entries(session, viewer) if e.key == key), None) if key else None


def counts(
    session: Session, viewer: Viewer, wanted: Sequence[Entry], *, now: dt.datetime, engine: SearchEngine | None = None
) -> dict[str, int]:
    """Key → how many tickets, up to COUNTED + 1; without those that can't be counted quickly."""
    found: dict[str, int] = {}
    until = time.monotonic() + COUNTS_S
    for entry in wanted:
        left = until - time.monotonic()
        if left <= 0:
            break
        query = query_of(entry.query)
        number = within(session, min(COUNT_S, left), lambda q=query: _count(session, viewer, q, now, engine))  # type: ignore[misc]
        if number is not None:
            found[entry.key] = number
    return found


def _count(
    session: Session, viewer: Viewer, query: TicketQuery, now: dt.datetime, engine: SearchEngine | None
) -> int | None:
    return queries.count(session, viewer, filter_of(query, viewer), now=now, most=COUNTED + 1, engine=engine)


def count_words(number: int | None) -> str:
    """“12”, “1,000+”, or nothing."""
    if number is None:
        return ""
    return f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"


def query_of(stored: Mapping[str, Any]) -> TicketQuery:
    """The query that was kept; a value that this version does not know any more is left out."""
    given = dict(stored)
    try:
        return TicketQuery.model_validate(given)
    except pydantic.ValidationError as error:
        for problem in error.errors():
            given.pop(str(problem["loc"][0]), None)
        return TicketQuery.model_validate(given)
