"""Articles as documents of the search: only what readers may find."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.scope import Viewer
from kb import services
from kb.articles import queries, rights, rules
from kb.articles.models import Article
from kb.articles.states import READABLE, State
from kb.search.access import Ancestry, readers
from kb.search.documents import Document
from kb.search.fallback import holding, newest

BATCH = 500


class ArticleSource:
    """`kb.search.registry.DocumentSource` of articles."""

    kind = "article"

    def iterate(self, session: Session) -> Iterator[Document]:
        """All readable articles."""
        last = 0
        while rows := self._load(session, sa.and_(Article.id > last), BATCH):
            yield from self._documents(session, rows)
            last = rows[-1].id

    def fetch(self, session: Session, keys: Sequence[str]) -> Iterable[Document]:
        """The readable ones of these numbers."""
        return self._documents(session, self._load(session, Article.number.in_(keys), len(keys)))

    def readable(self, session: Session, viewer: Viewer, keys: Collection[str]) -> set[str]:
        """By the room's own predicate."""
        return queries.readable_numbers(session, viewer, keys)

    def look_up(
        self, session: Session, viewer: Viewer, key: str, words: Sequence[Sequence[str]], limit: int
    ) -> Iterable[Document]:
        """By number, or by the words of title and error codes."""
        columns = (Article.title, sa.cast(Article.error_codes, sa.Text))
        among = sa.and_(newest(session, Article.id), holding(words, columns))
        wanted = sa.select(Article.id).where(
            sa.or_(Article.number == key.upper(), among), Article.state.in_(READABLE), rights.visible(viewer)
        )
        ids = list(session.scalars(wanted.order_by(Article.id.desc()).limit(limit)))
        return self._documents(session, self._load(session, Article.id.in_(ids), len(ids)))

    def _load(self, session: Session, condition: sa.ColumnElement[bool], limit: int) -> list[Article]:
        statement = (
            sa.select(Article).options(selectinload(Article.readers)).where(Article.state.in_(READABLE), condition)
        )
        return list(session.scalars(statement.order_by(Article.id).limit(limit)))

    def _documents(self, session: Session, articles: list[Article]) -> Iterator[Document]:
        ancestry = Ancestry(session)
        names = services.names(session, {s for a in articles for s in a.services})
        for article in articles:
            writers = ancestry.granted(
                "article.write", units=[article.unit_id], teams=[article.team_id] if article.team_id else []
            )
            yield Document(
                kind="article", key=article.number, title=article.title, body=article.body, url=f"/kb/{article.number}",
                principals=readers(r.unit_id for r in article.readers) | writers | {f"person:{article.author_id}"},
                updated_at=article.updated_at, tags=tuple(article.tags), error_codes=tuple(article.error_codes),
                services=tuple(names[s] for s in article.services if s in names), state=str(article.state),
                weight=rules.weight(
                    useful=article.useful, not_useful=article.not_useful, used=article.used, readable=True,
                    due=article.state is State.DUE,
                ),
            )  # fmt: skip
