"""What articles do when others tell something. Each may run twice."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.events.servicedesk import IncidentResolved
from kb.articles import drafting, usage
from kb.articles.models import Article, How
from kb.tickets import desk


def note_use(session: Session, event: IncidentResolved, now: dt.datetime) -> None:
    """The article a ticket was resolved with has helped once more."""
    if not event.article:
        return
    article = session.scalar(sa.select(Article).where(Article.number == event.article.upper()).with_for_update())
    if article is not None:
        usage.record_use(session, article, how=How.USED, person_id=event.by_id, ticket=event.number, now=now)


def draft_article(session: Session, event: IncidentResolved, now: dt.datetime) -> None:
    """A resolution that says how becomes a draft of who resolved it (K-02)."""
    if event.recovered or event.by_id is None:
        return
    ticket = desk().facts(session, event.number, None)
    if ticket is not None:
        drafting.draft_by_itself(session, ticket, now=now)
