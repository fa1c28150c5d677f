"""Reads of articles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from accounts.scope import Viewer, subtree
from core.errors import NotFound
from core.i18n import gettext as _
from kb.articles import rights
from kb.articles.models import Article, ArticleFeedback, ArticleReader, ArticleTerm, ArticleUse, ArticleVersion
from kb.articles.states import READABLE, State
from web.paging import Key, Page, page

_WITH = (
    joinedload(Article.author),
    joinedload(Article.unit),
    selectinload(Article.readers).joinedload(ArticleReader.unit),
)


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to; empty means all."""

    states: tuple[State, ...] = READABLE
    tag: str | None = None
    service: int | None = None
    error_code: str | None = None
    category: str | None = None
    author_id: int | None = None
    numbers: tuple[str, ...] | None = None
    text: str | None = None


def get(session: Session, viewer: Viewer, number: str, *, lock: bool = False) -> Article:
    """The article of this number; raises NotFound where the viewer may not know of it."""
    statement = sa.select(Article).where(Article.number == number.upper(), rights.visible(viewer, by_number=True))
    statement = statement.with_for_update(of=Article) if lock else statement.options(*_WITH)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(_("没有这篇文章，或您无权查看。"))
    return found


def find(session: Session, viewer: Viewer, wanted: Filter, *, cursor: str | None, limit: int) -> Page[Article]:
    """A list, the latest change first."""
    statement = (
        sa.select(Article).options(*_WITH).where(rights.visible(viewer, by_number=State.RETIRED in wanted.states))
    )
    statement = statement.where(Article.state.in_(wanted.states))
    for kind, value in (("tag", wanted.tag), ("service", wanted.service), ("code", wanted.error_code)):
        if value is not None:
            having = sa.select(ArticleTerm.article_id).where(ArticleTerm.kind == kind, ArticleTerm.value == str(value))
            statement = statement.where(Article.id.in_(having))
    if wanted.category is not None:
        statement = statement.where(Article.category == wanted.category)
    if wanted.author_id is not None:
        statement = statement.where(Article.author_id == wanted.author_id)
    if wanted.numbers is not None:
        statement = statement.where(Article.number.in_(wanted.numbers))
    if wanted.text:
        statement = statement.where(_contains(wanted.text))
    keys = [Key(Article.updated_at, descending=True), Key(Article.id, descending=True)]
    return page(session, statement, keys, cursor=cursor, limit=limit)


def _contains(text: str) -> sa.ColumnElement[bool]:
    words = text.split()
    return sa.and_(*(
        sa.or_(Article.number.icontains(w, autoescape=True), Article.title.icontains(w, autoescape=True), Article.body.icontains(w, autoescape=True))
        for w in words
    ))  # fmt: skip


def by_numbers(session: Session, viewer: Viewer, numbers: Sequence[str]) -> list[Article]:
    """The readable ones of these, in the order given."""
    found = {
        a.number: a
        for a in session.scalars(
            sa.select(Article)
            .options(*_WITH)
            .where(Article.number.in_(numbers), rights.visible(viewer, by_number=True))
        )
    }
    return [found[n] for n in numbers if n in found]


def readable_numbers(session: Session, viewer: Viewer, numbers: Collection[str]) -> set[str]:
    """Those that the viewer may find."""
    statement = sa.select(Article.number).where(
        Article.number.in_(numbers), Article.state.in_(READABLE), rights.visible(viewer)
    )
    return set(session.scalars(statement))


def waiting(session: Session, viewer: Viewer, *, cursor: str | None, limit: int) -> Page[Article]:
    """What waits for a decision of this reviewer: submitted ones, revisions, those due for review; the oldest first."""
    roots = viewer.units_for("article.publish")
    if not roots:
        return Page([], None)
    outside = sa.select(ArticleReader.article_id).where(ArticleReader.unit_id.not_in(subtree(roots)))
    statement = (
        sa.select(Article).options(*_WITH)
        .where(sa.or_(Article.state.in_((State.REVIEW, State.DUE)), Article.pending.is_not(None)))
        .where(Article.unit_id.in_(subtree(roots)), Article.id.not_in(outside))
    )  # fmt: skip
    return page(session, statement, [Key(Article.updated_at), Key(Article.id)], cursor=cursor, limit=limit)


def versions(session: Session, article: Article) -> list[ArticleVersion]:
    """All versions, the newest first."""
    statement = (
        sa.select(ArticleVersion).options(joinedload(ArticleVersion.by)).where(ArticleVersion.article_id == article.id)
    )
    return list(session.scalars(statement.order_by(ArticleVersion.version.desc())))


def version(session: Session, article: Article, number: int) -> ArticleVersion:
    """One version; raises NotFound."""
    found = session.get(ArticleVersion, (article.id, number), options=[joinedload(ArticleVersion.by)])
    if found is None:
        raise NotFound(_("没有这个版本。"))
    return found


def my_feedback(session: Session, viewer: Viewer, article: Article) -> ArticleFeedback | None:
    """What the viewer said of it."""
    return session.get(ArticleFeedback, (article.id, viewer.person_id))


def complaints(session: Session, article: Article, limit: int = 10) -> list[ArticleFeedback]:
    """What people missed, the latest first; for those who can mend it."""
    statement = (
        sa.select(ArticleFeedback).options(joinedload(ArticleFeedback.person))
        .where(ArticleFeedback.article_id == article.id, ArticleFeedback.comment != "")
        .order_by(ArticleFeedback.at.desc()).limit(limit)
    )  # fmt: skip
    return list(session.scalars(statement))


def uses(session: Session, article: Article, limit: int = 20) -> list[ArticleUse]:
    """Tickets it was used for, the latest first."""
    statement = sa.select(ArticleUse).where(ArticleUse.article_id == article.id, ArticleUse.ticket.is_not(None))
    return list(session.scalars(statement.order_by(ArticleUse.id.desc()).limit(limit)))


def of_ticket(session: Session, viewer: Viewer, ticket: str) -> list[Article]:
    """Articles that came from a ticket or were used for it, also retired ones."""
    used = sa.select(ArticleUse.article_id).where(ArticleUse.ticket == ticket)
    statement = sa.select(Article).options(*_WITH).where(rights.visible(viewer, by_number=True))
    return list(
        session.scalars(statement.where(sa.or_(Article.source_ticket == ticket, Article.id.in_(used))).limit(20))
    )


def popular_tags(session: Session, viewer: Viewer, limit: int = 12) -> list[str]:
    """The tags that most readable articles carry."""
    mine = sa.select(Article.id).where(Article.state.in_(READABLE), rights.visible(viewer))
    statement = (
        sa.select(ArticleTerm.value).where(ArticleTerm.kind == "tag", ArticleTerm.article_id.in_(mine))
        .group_by(ArticleTerm.value).order_by(sa.func.count().desc(), ArticleTerm.value).limit(limit)
    )  # fmt: skip
    return list(session.scalars(statement))


def counts(session: Session, viewer: Viewer, states: Iterable[State]) -> dict[State, int]:
    """How many articles of each state the viewer may change."""
    statement = sa.select(Article.state, sa.func.count()).where(
        rights.editable(viewer), Article.state.in_(list(states))
    )
    rows: Any = session.execute(statement.group_by(Article.state)).all()
    return dict(rows)
