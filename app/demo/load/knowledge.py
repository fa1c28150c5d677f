"""The starter articles, published, so that the first search finds something true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person
from accounts.scope import viewer_for
from app.demo.texts import StarterArticle, articles
from cmdb.models import Service
from core.db import reading, transaction
from kb.articles import service
from kb.articles.models import Article
from kb.articles.states import Action

AUTHOR = "lijianguo"
REVIEWER = "zhouwenbin"


def load(engine: sa.Engine, *, now: dt.datetime, progress: Callable[[str, int, int], None]) -> dict[str, int]:
    """Add the starter articles that are missing; returns how many."""
    with reading(engine) as session:
        origins = set(session.scalars(sa.select(Article.origin).where(Article.origin.is_not(None))))
    missing = [article for article in articles() if _origin(article) not in origins]
    if missing:
        progress("articles", 0, len(missing))
    for number, article in enumerate(missing, start=1):
        with transaction(engine) as session:  # one each: others write in between
            _publish(session, article, now)
        progress("articles", number, len(missing))
    return {"articles": len(missing)}


def _origin(article: StarterArticle) -> str:
    return f"demo:{article.slug}"[:80]


def _publish(session: Session, starter: StarterArticle, now: dt.datetime) -> None:
    author = session.scalars(sa.select(Person).where(Person.login == AUTHOR)).one()
    reviewer = session.scalars(sa.select(Person).where(Person.login == REVIEWER)).one()
    services = session.scalars(
        sa.select(Service.item_id).where(Service.code.in_(starter.services)).order_by(Service.position)
    ).all()
    content = service.Content(
        title=starter.title, body=starter.body, category=starter.category, tags=starter.tags, services=tuple(services),
        error_codes=starter.error_codes,
    )  # fmt: skip
    session.info["actor"] = author.login
    article = service.create_for(
        session, person_id=author.id, unit_id=author.unit_id, content=content, now=now, origin=_origin(starter)
    )
    session.info["actor"] = reviewer.login
    service.act(session, viewer_for(session, reviewer, now=now), article, Action.PUBLISH, now=now)
