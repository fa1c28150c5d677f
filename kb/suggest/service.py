"""What helps somebody who is about to report (T-08)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from kb import services
from kb.articles import queries as articles
from kb.articles import usage
from kb.articles.models import Article, ArticleUse, How
from kb.notices import queries as notices
from kb.notices.models import Notice
from kb.search import service as search
from kb.search.documents import Hit
from kb.search.engine import SearchEngine
from kb.tickets import PublicCard, desk

MOST_ARTICLES = 5
MOST_NOTICES = 3
MOST_CARDS = 5
JUST_NOW = dt.timedelta(minutes=10)
SHORTEST = 2
"""Characters; before that nobody can guess anything."""


@dataclass(frozen=True)
class Suggestion:
    """Everything that may make a report needless, the surest first."""

    solved: list[Article]
    """What the viewer said a moment ago to have helped."""
    notices: list[Notice]
    articles: list[tuple[Article, Hit]]
    cards: list[PublicCard]

    @property
    def empty(self) -> bool:
        """Nothing to offer."""
        return not (self.solved or self.notices or self.articles or self.cards)


def suggest(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    *,
    text: str,
    category: str | None,
    service_id: int | None,
    now: dt.datetime,
) -> Suggestion:
    """Articles, active notices and neighbours' open matters for what was typed so far."""
    words = text.strip()
    if service_id is not None:
        words = f"{words} {services.names(session, [service_id]).get(service_id, '')}".strip()
    hits = _hits(session, engine, viewer, text.strip(), ("article",), MOST_ARTICLES)
    found = {a.number: a for a in articles.by_numbers(session, viewer, [h.key for h in hits])}
    return Suggestion(
        solved=_just_solved(session, viewer, now),
        notices=_notices(session, engine, viewer, words, service_id, now),
        articles=[(found[h.key], h) for h in hits if h.key in found],
        cards=desk().cards(
            session, viewer, text=text.strip(), category=category, service_id=service_id, limit=MOST_CARDS
        ),
    )


def _just_solved(session: Session, viewer: Viewer, now: dt.datetime) -> list[Article]:
    recent = sa.select(ArticleUse.article_id).where(
        ArticleUse.person_id == viewer.person_id, ArticleUse.how == How.SOLVED, ArticleUse.at > now - JUST_NOW
    )
    return list(session.scalars(sa.select(Article).where(Article.id.in_(recent)).limit(1)))


def _hits(
    session: Session, engine: SearchEngine, viewer: Viewer, text: str, kinds: tuple[str, ...], limit: int
) -> list[Hit]:
    if len(text) < SHORTEST:
        return []
    return search.find(session, engine, viewer, text, kinds=kinds, limit=limit, typing=True, share=search.FOR_QUESTIONS)


def _notices(
    session: Session, engine: SearchEngine, viewer: Viewer, words: str, service_id: int | None, now: dt.datetime
) -> list[Notice]:
    """Those in force for the viewer that fit the words or the service; those of a running matter in any case."""
    active = notices.in_force(session, viewer, now=now)
    if not active:
        return []
    fitting = {h.key for h in _hits(session, engine, viewer, words, ("notice",), 20)}
    fits = [
        n for n in active
        if n.number in fitting or n.ticket is not None or (service_id is not None and service_id in n.services)
    ]  # fmt: skip
    return sorted(fits, key=lambda n: n.number not in fitting)[:MOST_NOTICES]


def solved(session: Session, viewer: Viewer, number: str, *, text: str, now: dt.datetime) -> Article:
    """“This solved it”: noted as solved without a ticket. Raises NotFound."""
    article = articles.get(session, viewer, number, lock=True)
    usage.record_use(session, article, how=How.SOLVED, person_id=viewer.person_id, text=text, now=now)
    if not viewer.is_service:
        usage.feedback(session, viewer, article, helped=True, now=now)
    return article
