"""Searching on behalf of a person, and remembering what was sought in vain (K-05)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from core.i18n import gettext as _
from kb.dictionary import known
from kb.search import access, attached, fallback
from kb.search.documents import Hit
from kb.search.engine import SearchEngine, SearchEngineError
from kb.search.fold import fold
from kb.search.models import MissedSearch
from kb.search.registry import sources

log = structlog.get_logger(__name__)


class How(TypedDict, total=False):
    """How to search, as `answer` takes it."""

    kinds: Collection[str]
    limit: int
    typing: bool
    share: float


SPARE = 2
"""How many times the hits asked for are fetched, because the database may take some out again."""
SHORTEST_MISS, LONGEST_MISS = 2, 200
FOR_QUESTIONS = 0.4
"""Share of the words that is enough where somebody tells a story instead of typing key words."""


@dataclass(frozen=True)
class Answer:
    """What was found, and why it may not be everything."""

    hits: list[Hit]
    trouble: str = ""
    """The index could not answer, for this reason; the hits are the database's, by title, number and code only."""


def answer(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    query: str,
    *,
    kinds: Collection[str] = (),
    limit: int = 20,
    typing: bool = False,
    share: float = 0.6,
) -> Answer:
    """The best hits that the viewer may read, by the index and again by each room's own predicate.

    While the index is away or not built yet, the database is asked instead, within bounds, and the answer says so.
    """
    wanted = [k for k in sources.kinds if not kinds or k in kinds]
    if not query.strip() or not wanted:
        return Answer([])
    principals = access.held(session, viewer)
    known.follow(session, engine)
    trouble = ""
    try:
        hits = engine.search(
            query, principals=principals, kinds=wanted, limit=limit * SPARE, typing=typing, share=share
        )
        if not hits and engine.stale:
            trouble = _("索引正在建立")
    except SearchEngineError as away:
        trouble = away.message
    if trouble:
        log.warning("search.fell-back", why=trouble)
        return Answer(fallback.look_up(session, sources, viewer, query, kinds=wanted, limit=limit), trouble)
    allowed = {
        (kind, key)
        for kind in {h.kind for h in hits}
        for key in sources.readable(session, viewer, kind, [h.key for h in hits if h.kind == kind])
    }
    kept = [h for h in hits if (h.kind, h.key) in allowed][:limit]
    return Answer(kept)


def find(session: Session, engine: SearchEngine, viewer: Viewer, query: str, **how: Unpack[How]) -> list[Hit]:
    """The hits of `answer`, for a place that has no room to say that they may not be all."""
    return answer(session, engine, viewer, query, **how).hits


def shown(session: Session, hits: Sequence[Hit], *, typing: bool = False) -> list[Hit]:
    """The hits as they are shown: with the attachment each was found by. Only for those that somebody gets to see."""
    return attached.with_files(session, sources, hits, typing=typing)


def record_miss(session: Session, text: str, *, unit_id: int, now: dt.datetime) -> None:
    """Count words that found nothing; personal numbers and pasted texts are not kept."""
    words = " ".join(fold(text).split())
    if not SHORTEST_MISS <= len(words) <= LONGEST_MISS or _personal(words):
        return
    changed = session.execute(
        sa.update(MissedSearch).where(MissedSearch.text == words)
        .values(count=MissedSearch.count + 1, last_at=now, last_unit_id=unit_id, done_at=None)
    )  # fmt: skip
    if getattr(changed, "rowcount", 0):
        return
    try:
        with session.begin_nested():
            row = {"text": words, "count": 1, "first_at": now, "last_at": now, "last_unit_id": unit_id}
            session.execute(sa.insert(MissedSearch), [row])
    except sa.exc.IntegrityError:  # somebody sought the same at the same time
        session.execute(
            sa.update(MissedSearch).where(MissedSearch.text == words).values(count=MissedSearch.count + 1, last_at=now)
        )


LONGEST_DIGITS = 10


def _personal(words: str) -> bool:
    """Telephone, identity and taxpayer numbers do not belong on a list that writers read."""
    return any(len("".join(c for c in word if c.isdigit())) > LONGEST_DIGITS for word in words.split())


def missed(session: Session, *, limit: int = 50) -> list[MissedSearch]:
    """What writers should write about: the most sought first."""
    statement = sa.select(MissedSearch).where(MissedSearch.done_at.is_(None))
    return list(
        session.scalars(statement.order_by(MissedSearch.count.desc(), MissedSearch.last_at.desc()).limit(limit))
    )


def settle_miss(session: Session, miss_id: int, *, now: dt.datetime) -> None:
    """Somebody wrote about it, or it needs nothing."""
    session.execute(sa.update(MissedSearch).where(MissedSearch.id == miss_id).values(done_at=now))
