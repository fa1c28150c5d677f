"""Articles of somebody who changes their post that nobody reads yet: the heir goes on with them, else the team's head (E-13)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries
from accounts.models import Person
from accounts.moving.registry import Held
from core.i18n import gettext as _
from core.i18n import lazy
from kb.articles.models import Article
from kb.articles.states import State


class UnfinishedArticles:
    """Drafts, and what waits for its reviewer."""

    code = "4-articles"
    label = lazy("未发布的知识")

    def held(self, session: Session, person: Person, heir: Person | None, *, now: dt.datetime) -> Sequence[Held]:
        """By number only."""
        found = []
        for article in session.scalars(_unfinished(person)):
            taker = _taker(session, article, person, heir, now)
            stays = _("留在机构，由审核人处理")
            found.append(Held(article.number, _("转给%(name)s", name=taker.name) if taker else stays))
        return found

    def hand_over(self, session: Session, person: Person, heir: Person | None, *, by: int, now: dt.datetime) -> None:  # noqa: ARG002
        """A new author; versions keep who wrote them."""
        for article in session.scalars(_unfinished(person).with_for_update(of=Article)).all():
            if (taker := _taker(session, article, person, heir, now)) is not None:
                article.author_id, article.author = taker.id, taker
        session.flush()


def _unfinished(person: Person) -> sa.Select[Article]:
    states = Article.state.in_((State.DRAFT, State.REVIEW))
    return sa.select(Article).where(Article.author_id == person.id, states).order_by(Article.id)


def _taker(session: Session, article: Article, person: Person, heir: Person | None, now: dt.datetime) -> Person | None:
    if heir is not None:
        return heir
    head = session.get(Person, article.team.head_id) if article.team is not None and article.team.head_id else None
    head = head or queries.head_of_unit(session, article.unit_id, now=now)
    return head if head is not None and head.active and head.id != person.id else None
