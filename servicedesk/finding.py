"""Words in a list of tickets: the search index says which tickets have them, the database all the rest.

The index knows a ticket by its place in the list (`place_of`), so that it can hand out those with the words newest first.
Its newest ones are tried first, which is right where the other filters let much through; where they let few through,
those few are read first and the index is asked which of them have the words. Either way the list keeps its order, its
cursor and the viewer's scope, and no request looks at more than it says here: a page may then be short, and its cursor
goes on from where it looked. While the index is away, the table itself is looked through in the same manner.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from core.clock import UTC
from kb.dictionary import known
from kb.search import access as held_by
from kb.search.engine import SearchEngine, SearchEngineError
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.rules import PREFIXES
from web.paging import Key, after, decode, encode

NEWEST_FIRST = (Key(Ticket.opened_at, descending=True), Key(Ticket.id, descending=True))
FIRST, LARGEST = 500, 8_000
"""Tickets that the index is asked for: at first, and at most."""
FEW = 2_000
"""So many that the other filters let through are read first."""
STEP = 20_000
"""Rows of the table that are looked through at once while the index is away."""
KIND = "ticket"
_ORDER = (Ticket.opened_at.desc(), Ticket.id.desc())
_IDS = 2**31  # a place fits into 63 bits until 2106
_NUMBER = re.compile(rf"({'|'.join(PREFIXES.values())})-?(\d{{4}})-?(\d{{1,7}})", re.ASCII | re.IGNORECASE)
_BARE = re.compile(r"(\d{4})-(\d{1,7})", re.ASCII)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger(__name__)


def place_of(opened_at: dt.datetime, ticket_id: int) -> int:
    """Where a ticket stands in the list, newest first: by the second it was opened in, then by its id."""
    return max(1, _second(opened_at) * _IDS + ticket_id)


def written_forms(number: str) -> tuple[str, ...]:
    """How people type part of a number; each finds the ticket in the index.

    >>> written_forms("INC-2026-000123")
    ('INC-2026', '2026-000123', '2026-123', '123')
    """
    prefix, year, sequence = number.split("-")
    short = str(int(sequence))
    return (f"{prefix}-{year}", f"{year}-{sequence}", f"{year}-{short}", short)


def _second(at: dt.datetime) -> int:
    return max(0, int((at - _EPOCH).total_seconds()))


@dataclass(frozen=True)
class Slice:
    """Part of what has the words, in the list's order: `condition` finds it.

    `until`: the cursor of what was not looked at yet, None at the end; `indexed`: the index told it, not the table.
    """

    condition: sa.ColumnElement[bool]
    until: str | None = None
    indexed: bool = True


@dataclass(frozen=True)
class Words:
    """What is looked for in which list. `rows`: a statement → the same with all other filters and the viewer's scope."""

    session: Session
    viewer: Viewer
    text: str
    rows: Callable[[Any], Any]
    engine: SearchEngine | None

    def slices(self, cursor: str | None = None) -> Iterator[Slice]:
        """Slices after the cursor, each read only when it is asked for. Raises Invalid for a cursor that is none of ours."""
        if number := _NUMBER.fullmatch(self.text.strip()):
            yield Slice(_numbered(*number.groups()))
            return
        reached = cursor
        if self.engine is not None and self.viewer.vendor_unit_id is None:  # a vendor's episodes are not indexed
            try:
                for some in () if self.engine.stale else self._by_index(self.engine, cursor):
                    yield some
                    if some.until is None:
                        return
                    reached = some.until
            except SearchEngineError as away:
                log.warning("tickets.find-fell-back", why=away.message)
        yield from self._looked_through(reached)

    # --- by the index

    def _by_index(self, engine: SearchEngine, cursor: str | None) -> Iterator[Slice]:
        known.follow(self.session, engine)
        principals = held_by.held(self.session, self.viewer)
        ask = partial(engine.places, self.text, principals=principals, kind=KIND)
        size, most, tried = FIRST, _most(cursor), False
        while True:
            found = ask(limit=size, most=most)
            if len(found) == size < LARGEST and _same_second(found):
                size = LARGEST
                found = ask(limit=size, most=most)
            if len(found) == size and _same_second(found):  # imported with one time for all
                most = found[0] // _IDS * _IDS - 1
                for some in self._crowded(ask, found[0] // _IDS, cursor):
                    cursor = some.until
                    yield some
                continue
            if len(found) < size:
                yield Slice(_with_ids(found))
                return
            whole = _whole_seconds(found)
            cursor = encode([_EPOCH + dt.timedelta(seconds=whole[-1] // _IDS), 0])
            yield Slice(_with_ids(whole), cursor)
            if not tried and (few := self._few(cursor)) is not None:
                yield Slice(_with_ids(ask(limit=len(few), among=few) if few else []))
                return
            tried, size, most = True, min(size * 4, LARGEST), whole[-1] // _IDS * _IDS - 1

    def _crowded(self, ask: Callable[..., list[int]], second: int, cursor: str | None) -> Iterator[Slice]:
        """The tickets of a second with more hits than are asked for at once: the table tells them in pieces, the index
        which of a piece have the words."""
        start = _EPOCH + dt.timedelta(seconds=second)
        rows = self.rows(sa.select(Ticket.opened_at, Ticket.id))
        rows = rows.where(Ticket.opened_at >= start, Ticket.opened_at < start + dt.timedelta(seconds=1))
        full = True
        while full:
            left = rows if cursor is None else rows.where(_after(cursor))
            some = self.session.execute(left.order_by(*_ORDER).limit(LARGEST)).all()
            full = len(some) == LARGEST
            cursor = encode(list(some[-1]) if full else [start, 0])
            places = [place_of(*row) for row in some]
            yield Slice(_with_ids(ask(limit=len(places), among=places) if places else []), cursor)

    def _few(self, cursor: str) -> list[int] | None:
        """Places of all that the other filters let through, or None where that is many."""
        statement = self.rows(sa.select(Ticket.opened_at, Ticket.id)).where(_after(cursor))
        rows = self.session.execute(statement.order_by(*_ORDER).limit(FEW + 1)).all()
        return [place_of(*row) for row in rows] if len(rows) <= FEW else None

    # --- without it

    def _looked_through(self, cursor: str | None) -> Iterator[Slice]:
        """Whoever sees few: all of it. Whoever sees many: the table from its newest end, piece by piece."""
        while True:
            until = self._step(cursor) if "ticket" in self.viewer.sees_many else None
            condition = _written(self.text)
            if cursor is not None:
                condition = sa.and_(condition, _after(cursor))
            if until is not None:
                condition = sa.and_(condition, ~_after(until))
            yield Slice(condition, until, indexed=False)
            if until is None:
                return
            cursor = until

    def _step(self, cursor: str | None) -> str | None:
        statement = sa.select(Ticket.opened_at, Ticket.id)
        if cursor is not None:
            statement = statement.where(_after(cursor))
        statement = statement.order_by(*_ORDER)
        last = self.session.execute(statement.offset(STEP - 1).limit(1)).first()
        return encode(list(last)) if last else None


def _most(cursor: str | None) -> int | None:
    """The greatest place that may come after the cursor: any within its second."""
    if cursor is None:
        return None
    opened_at, _ident = decode(cursor, NEWEST_FIRST)
    return _second(opened_at) * _IDS + _IDS - 1


def _after(cursor: str) -> sa.ColumnElement[bool]:
    return after(NEWEST_FIRST, decode(cursor, NEWEST_FIRST))


def _same_second(places: Sequence[int]) -> bool:
    return places[0] // _IDS == places[-1] // _IDS


def _whole_seconds(places: Sequence[int]) -> list[int]:
    """Without the last second, of which there may be more."""
    last = places[-1] // _IDS
    return list(takewhile(lambda place: place // _IDS != last, places))


def _with_ids(places: Sequence[int]) -> sa.ColumnElement[bool]:
    return Ticket.id.in_([place % _IDS for place in places])


def _numbered(prefix: str, year: str, sequence: str) -> sa.ColumnElement[bool]:
    """By number, also without the zeros that nobody types."""
    return Ticket.number == f"{prefix.upper()}-{year}-{int(sequence):06d}"


def _written(text: str) -> sa.ColumnElement[bool]:
    columns = (Ticket.number, Ticket.title, Ticket.description, Ticket.error_code)
    found = [column.icontains(text, autoescape=True) for column in columns]
    if number := _BARE.fullmatch(text.strip()):
        found += [_numbered(prefix, *number.groups()) for prefix in PREFIXES.values()]
    return sa.or_(*found)
