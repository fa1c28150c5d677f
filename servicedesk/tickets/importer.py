"""Matters of the past written in bulk: tickets, facts, custody, readers and clocks, through Core in batches.

Nobody is notified and nothing is paged: what is imported is over, or known. The search index is rebuilt by the caller.
Very many are packed and written by core.db.bulk instead, from the same rows (see app/demo/load).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team, UnitLevel
from servicedesk.calendar import service as calendars
from servicedesk.clocks import service as clocks
from servicedesk.tickets import clocking, opening, rules
from servicedesk.tickets.imported_rows import TABLES, Desk, Imported, Place, Places, Written, rows_of
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import Kind

__all__ = ["Imported", "Written", "bulk", "desk_of", "write_one"]
BATCH = 500


def desk_of(session: Session, versions: Iterable[int] = ()) -> Desk:
    """What rows of imported matters are made by, as it stands; with the targets of these versions."""
    calendar, revision = calendars.counting(session)
    return Desk(_places(session), calendar, revision, {v: clocks.targets_of(session, v) for v in set(versions)})


def bulk(session: Session, tickets: Iterable[Imported], *, now: dt.datetime) -> Iterator[list[Written]]:
    """Write all of them, a batch at a time; yields each batch as it is written. The caller commits between batches."""
    source = iter(tickets)
    while batch := list(islice(source, BATCH)):
        yield _batch(session, batch, now)
        session.expunge_all()


def _batch(session: Session, batch: list[Imported], now: dt.datetime) -> list[Written]:
    desk = desk_of(session, (one.past.targets for one in batch))
    numbers = _numbers(session, batch)
    made = [rows_of(desk, one, ident=0, number=number, now=now) for one, number in zip(batch, numbers, strict=True)]
    tickets = [{k: v for k, v in rows.by_table[Ticket][0].items() if k != "id"} for rows in made]
    ids = session.scalars(sa.insert(Ticket).returning(Ticket.id, sort_by_parameter_order=True), tickets).all()
    for table in TABLES[1:]:
        rows = [row | {"ticket_id": ident} for ident, one in zip(ids, made, strict=True) for row in one.by_table[table]]
        if rows:
            session.execute(sa.insert(table), rows)
    return [replace(one.written, id=ident) for ident, one in zip(ids, made, strict=True)]


def write_one(session: Session, one: Imported, *, now: dt.datetime) -> Written:
    """Write a single one."""
    return _batch(session, [one], now)[0]


def _places(session: Session) -> Places:
    """Where each team stands, by its id."""
    teams = session.scalars(sa.select(Team).options(sa.orm.joinedload(Team.unit))).unique()
    return {team.id: Place(team.name, team.unit_id, team.unit.level is UnitLevel.VENDOR) for team in teams}


def _numbers(session: Session, batch: Sequence[Imported]) -> list[str]:
    wanted = Counter((one.kind, rules.local_year(one.past.opened_at, clocking.ZONE)) for one in batch)
    upcoming: dict[tuple[Kind, int], int] = {}
    for (kind, year), count in wanted.items():
        at = dt.datetime(year, 7, 1, tzinfo=dt.UTC)
        upcoming[kind, year] = opening.take_numbers(session, kind, at, count=count)[1] - count
    numbers = []
    for one in batch:
        key = (one.kind, rules.local_year(one.past.opened_at, clocking.ZONE))
        upcoming[key] += 1
        numbers.append(rules.number(one.kind, key[1], upcoming[key]))
    return numbers
