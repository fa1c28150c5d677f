"""Keeping the index true: changes are noted in the transaction that makes them, and indexed right after it."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from core import clock, outbox
from core.db import committed, reading, transaction
from core.errors import TaxopsError
from core.events.base import Event
from kb.dictionary import known
from kb.search.engine import SearchEngine
from kb.search.models import SearchPending
from kb.search.registry import Registry

E = TypeVar("E", bound=Event)
log = structlog.get_logger(__name__)
BATCH = 400
PATIENCE = dt.timedelta(minutes=10)
EVERYTHING = "*"

_TOUCHED = "search_touched"
on_commit: list[Callable[[], None]] = []
"""Called after a commit that noted a change; the indexer of the running program waits here."""


def touch(session: Session, kind: str, keys: Iterable[str], *, now: dt.datetime) -> None:
    """Note that documents changed, appeared or went."""
    rows = [{"kind": kind, "key": key, "at": now} for key in keys]
    if rows:
        session.execute(sa.insert(SearchPending), rows)
        session.info[_TOUCHED] = True


def request_rebuild(session: Session, *, now: dt.datetime) -> None:
    """Ask the running program to index everything anew (after bulk imports that record no events)."""
    touch(session, EVERYTHING, [EVERYTHING], now=now)


def follow(event: type[E], kind: str, key: Callable[[E], str]) -> None:
    """Index the document of `kind` that `event` names, each time it is told. For a room's wiring."""

    def note(session: Session, happened: E, now: dt.datetime) -> None:
        touch(session, kind, [key(happened)], now=now)

    def note_many(session: Session, happened: Sequence[E], now: dt.datetime) -> None:
        touch(session, kind, dict.fromkeys(key(one) for one in happened), now=now)

    name = f"search.index_{kind}"
    if f"{name}:{event.event_name()}" not in outbox.registry.listeners:
        outbox.subscribe(event, name, note, many=note_many)


@committed.on_commit
def _wake(session: Session) -> None:
    if session.info.pop(_TOUCHED, False):
        for callback in on_commit:
            callback()


def drain(database: sa.Engine, engine: SearchEngine, registry: Registry, *, now: dt.datetime | None = None) -> int:
    """Index what is noted, oldest first; returns how many notes. A crash in between only repeats work.

    A source that fails does not hold up the others: its notes are tried again, and given up after PATIENCE.
    """
    done = last = 0
    while batch := _batch(database, last):
        last = batch[-1].id
        failed = _index_all(database, engine, registry, batch)
        ready = [row for row in batch if row.kind not in failed or (now or clock.now()) - row.at > PATIENCE]
        with transaction(database) as session:
            session.execute(sa.delete(SearchPending).where(SearchPending.id.in_([row.id for row in ready])))
        done += len(ready)
    return done


def _batch(database: sa.Engine, after: int) -> list[SearchPending]:
    with reading(database) as session:
        statement = sa.select(SearchPending).where(SearchPending.id > after).order_by(SearchPending.id).limit(BATCH)
        return list(session.scalars(statement))


def _index_all(database: sa.Engine, engine: SearchEngine, registry: Registry, batch: list[SearchPending]) -> set[str]:
    """Index a batch; returns the kinds whose source could not be read."""
    failed: set[str] = set()
    wanted = sorted({(row.kind, row.key) for row in batch if row.kind != EVERYTHING})
    for kind, group in itertools.groupby(wanted, key=lambda pair: pair[0]):
        try:
            _index(database, engine, registry, kind, [key for _kind, key in group])
        except (sa.exc.SQLAlchemyError, TaxopsError, OSError):  # database or index is away: all of it waits
            raise
        except Exception:  # a fault of one room must not blind the search for the others
            log.exception("index.source-failed", kind=kind)
            failed.add(kind)
    if any(row.kind == EVERYTHING for row in batch):
        rebuild(database, engine, registry)
    return failed


def _index(database: sa.Engine, engine: SearchEngine, registry: Registry, kind: str, keys: list[str]) -> None:
    with reading(database) as session:
        known.follow(session, engine)
        docs = registry.fetch(session, kind, keys)
    engine.upsert(docs)
    engine.delete(kind, set(keys) - {doc.key for doc in docs})


def rebuild(database: sa.Engine, engine: SearchEngine, registry: Registry) -> int:
    """Index everything anew while the old index goes on answering; returns how many documents."""
    with reading(database) as session:
        known.follow(session, engine)
        return engine.rebuild(registry.everything(session))
