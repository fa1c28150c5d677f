"""Verbs of readers: it helped or did not, and what it was used for (K-01, K-05)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from core import outbox
from core.errors import Forbidden
from core.events.kb import ArticleChanged, ArticleUsed
from core.i18n import gettext as _
from kb.articles.models import Article, ArticleFeedback, ArticleUse, How


def feedback(
    session: Session, viewer: Viewer, article: Article, *, helped: bool, now: dt.datetime, comment: str = ""
) -> None:
    """One word for each person; a second one replaces the first."""
    if viewer.is_service:
        raise Forbidden(_("反馈由使用者本人给出。"))
    given = session.get(ArticleFeedback, (article.id, viewer.person_id))
    if given is None:
        given = ArticleFeedback(article_id=article.id, person_id=viewer.person_id, helped=helped, at=now)
        session.add(given)
    given.helped, given.comment, given.at = helped, comment.strip()[:500], now
    session.flush()
    recount(session, article, now=now)


def record_use(
    session: Session,
    article: Article,
    *,
    how: How,
    now: dt.datetime,
    person_id: int | None = None,
    ticket: str | None = None,
    text: str = "",
) -> ArticleUse | None:
    """Note a use; the same use of the same ticket is noted once. Returns the new row, or None."""
    if ticket is not None:
        known = sa.select(ArticleUse.id).where(
            ArticleUse.article_id == article.id, ArticleUse.ticket == ticket, ArticleUse.how == how
        )
        if session.scalar(known.limit(1)) is not None:
            return None
    row = ArticleUse(article_id=article.id, how=how, person_id=person_id, ticket=ticket, text=text[:400], at=now)
    session.add(row)
    session.flush()
    outbox.record(session, ArticleUsed(
        article_id=article.id, number=article.number, how=str(how), person_id=person_id, ticket=ticket
    ), now=now)  # fmt: skip
    recount(session, article, now=now)
    return row


def recount(session: Session, article: Article, *, now: dt.datetime) -> None:
    """Take the counts again from the rows, and let the index know."""

    def count(statement: sa.Select[int]) -> int:
        return session.scalar(statement) or 0

    of = sa.select(sa.func.count()).select_from(ArticleFeedback).where(ArticleFeedback.article_id == article.id)
    article.useful = count(of.where(ArticleFeedback.helped))
    article.not_useful = count(of.where(~ArticleFeedback.helped))
    article.used = count(
        sa.select(sa.func.count()).select_from(ArticleUse)
        .where(ArticleUse.article_id == article.id, ArticleUse.how != How.EXTENDED)
    )  # fmt: skip
    session.flush()
    outbox.record(
        session,
        ArticleChanged(article_id=article.id, number=article.number, state=str(article.state), what="counted"),
        now=now,
    )
