"""How the search does: the index, and the changes that wait for it. For /readyz, the doctor and the administrator's home."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kb.search.engine import SearchEngine, SearchEngineError
from kb.search.models import SearchPending


@dataclass(frozen=True)
class Backlog:
    """Changes noted but not indexed yet."""

    waiting: int
    oldest: dt.datetime | None


@dataclass(frozen=True)
class Health:
    """Whether the index answers, and what it says or why not; `building`: it waits for its first build."""

    ok: bool
    detail: str
    building: bool = False


def backlog(session: Session) -> Backlog:
    """What waits now."""
    count, oldest = session.execute(sa.select(sa.func.count(), sa.func.min(SearchPending.at))).one()
    return Backlog(count, oldest)


def of(engine: SearchEngine) -> Health:
    """Ask the index; takes two seconds at most."""
    try:
        return Health(ok=True, detail=engine.describe(), building=engine.stale)
    except SearchEngineError as trouble:
        return Health(ok=False, detail=trouble.message)
