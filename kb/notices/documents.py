"""Notices as documents of the search."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.scope import Viewer
from core import clock
from kb import services
from kb.notices import queries, rights
from kb.notices.models import Notice
from kb.notices.states import State
from kb.search.access import Ancestry, readers
from kb.search.documents import Document
from kb.search.fallback import holding, newest

BATCH = 500
OVER = 0.4
"""Weight of a notice that ended: found when nothing current fits."""


class NoticeSource:
    """`kb.search.registry.DocumentSource` of notices. Drafts are not in it; who may read is asked when it is found."""

    kind = "notice"

    def iterate(self, session: Session) -> Iterator[Document]:
        """All that were ever in force."""
        last = 0
        while rows := self._load(session, Notice.id > last, BATCH):
            yield from self._documents(session, rows)
            last = rows[-1].id

    def fetch(self, session: Session, keys: Sequence[str]) -> Iterable[Document]:
        """Those of these numbers."""
        return self._documents(session, self._load(session, Notice.number.in_(keys), len(keys)))

    def readable(self, session: Session, viewer: Viewer, keys: Collection[str]) -> set[str]:
        """By the room's own predicate."""
        return queries.readable_numbers(session, viewer, keys, clock.now())

    def look_up(
        self, session: Session, viewer: Viewer, key: str, words: Sequence[Sequence[str]], limit: int
    ) -> Iterable[Document]:
        """By number, or by the words of title and error codes."""
        columns = (Notice.title, sa.cast(Notice.error_codes, sa.Text))
        among = sa.and_(newest(session, Notice.id), holding(words, columns))
        wanted = sa.select(Notice.id).where(
            sa.or_(Notice.number == key.upper(), among), rights.visible(viewer, clock.now())
        )
        ids = list(session.scalars(wanted.order_by(Notice.id.desc()).limit(limit)))
        return self._documents(session, self._load(session, Notice.id.in_(ids), len(ids)))

    def _load(self, session: Session, condition: sa.ColumnElement[bool], limit: int) -> list[Notice]:
        statement = sa.select(Notice).options(selectinload(Notice.reaches))
        statement = statement.where(Notice.state != State.DRAFT, Notice.published_at.is_not(None), condition)
        return list(session.scalars(statement.order_by(Notice.id).limit(limit)))

    def _documents(self, session: Session, notices: list[Notice]) -> Iterator[Document]:
        ancestry = Ancestry(session)
        names = services.names(session, {s for n in notices for s in n.services})
        for notice in notices:
            yield Document(
                kind="notice", key=notice.number, title=notice.title, body=notice.body, url=f"/notices/{notice.number}",
                principals=readers(r.unit_id for r in notice.reaches) | ancestry.granted("notice.write", units=[notice.unit_id]),
                updated_at=notice.updated_at, tags=tuple(notice.tags), error_codes=tuple(notice.error_codes),
                services=tuple(names[s] for s in notice.services if s in names), state=str(notice.state),
                weight=OVER if notice.state is State.ENDED else 1.2,
            )  # fmt: skip
