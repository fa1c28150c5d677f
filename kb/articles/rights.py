"""Who may see, edit and review an article."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import UnitClosure
from accounts.scope import Viewer, covers, in_scope
from core.errors import Forbidden
from core.i18n import gettext as _
from kb.articles.models import Article, ArticleReader
from kb.articles.states import ARTICLE, BY_NUMBER, BY_SYSTEM, BY_WRITER, READABLE, Action, State


def above(unit_id: int) -> sa.Select[int]:
    """Ids of a unit and all above it."""
    return sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id == unit_id)


def everybody(session: Session, unit_id: int) -> list[int]:
    """The topmost unit above: whoever belongs to the province reads."""
    top = session.scalar(above(unit_id).order_by(UnitClosure.depth.desc()).limit(1))
    return [unit_id if top is None else top]


def visible(viewer: Viewer, *, by_number: bool = False) -> sa.ColumnElement[bool]:
    """Condition on Article: what the viewer may read; `by_number` also what is retired."""
    conditions: list[sa.ColumnElement[bool]] = []
    if viewer.can("knowledge.read"):
        for_me = sa.select(ArticleReader.article_id).where(ArticleReader.unit_id.in_(above(viewer.unit_id)))
        conditions.append(sa.and_(Article.state.in_(BY_NUMBER if by_number else READABLE), Article.id.in_(for_me)))
    conditions.append(editable(viewer))
    return sa.or_(*conditions)


def editable(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Condition on Article: what the viewer may see in every state and change."""
    conditions: list[Any] = [
        in_scope(viewer, "article.write", unit=Article.unit_id, team=Article.team_id),
        in_scope(viewer, "article.publish", unit=Article.unit_id, team=Article.team_id),
    ]
    if viewer.can("article.write"):
        conditions.append(Article.author_id == viewer.person_id)
    return sa.or_(*conditions)


def may_edit(session: Session, viewer: Viewer, article: Article) -> bool:
    """Whether the viewer may save a version."""
    if article.author_id == viewer.person_id and viewer.can("article.write"):
        return True
    return any(
        covers(session, viewer, p, unit_id=article.unit_id, team_id=article.team_id)
        for p in ("article.write", "article.publish")
    )


def may_review(session: Session, viewer: Viewer, article: Article, *, also: Collection[int] = ()) -> bool:
    """Whether the viewer may decide on it: reviewer of its unit and of every subtree it is shown to."""
    if not viewer.can("article.publish"):
        return False
    units = {article.unit_id, *(r.unit_id for r in article.readers), *also}
    return all(covers(session, viewer, "article.publish", unit_id=unit) for unit in units)


def may_do(session: Session, viewer: Viewer, article: Article, action: Action) -> bool:
    """Whether the viewer may do what the state table lists."""
    if action in BY_SYSTEM:
        return False
    if action in BY_WRITER or (action is Action.RETIRE and article.state is State.DRAFT):
        return may_edit(session, viewer, article)
    return may_review(session, viewer, article)


def actions(session: Session, viewer: Viewer, article: Article) -> list[Action]:
    """The buttons: what the table lists and the viewer may do."""
    listed = ARTICLE.allowed(article.state)
    if article.state in READABLE and article.pending is None:
        listed = [
            a
            for a in listed
            if a is not Action.SEND_BACK and not (a is Action.PUBLISH and article.state is State.PUBLISHED)
        ]
    return [a for a in listed if may_do(session, viewer, article, a)]


def require_edit(session: Session, viewer: Viewer, article: Article) -> None:
    """Raises Forbidden."""
    if not may_edit(session, viewer, article):
        raise Forbidden(_("您只能阅读这篇文章。"))


def require_action(session: Session, viewer: Viewer, article: Article, action: Action) -> None:
    """Raises Forbidden, saying whose turn it is."""
    if not may_do(session, viewer, article, action):
        raise Forbidden(_("这一步由负责该范围的知识审核人完成。"))
