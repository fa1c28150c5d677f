"""While the index does not answer: titles, numbers and codes of the newest records, straight from the database.

Bounded on purpose: a table of a million rows is not read through because a cluster is away. Each source narrows to its
newest rows by primary key (an exact number is found however old it is) and applies its room's own predicate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from kb.search.analysis import Analyzer, Concept, Question
from kb.search.documents import Document, Hit
from kb.search.fold import fold
from kb.search.ranking import Candidate, order
from kb.search.registry import Registry

NEWEST = 5_000
"""Rows of each kind that are looked at."""
MOST_WORDS = 4
Column = sa.ColumnElement[Any] | sa.orm.InstrumentedAttribute[Any]


def look_up(
    session: Session, registry: Registry, viewer: Viewer, text: str, *, kinds: Sequence[str], limit: int
) -> list[Hit]:
    """The best hits of the kinds given, by the words of their titles and codes; only what the viewer may read."""
    question = Analyzer().question(text)
    words = [w for c in question.needed[:MOST_WORDS] if (w := _written(c))]
    if not words:
        return []
    found = [
        _candidate(doc, question)
        for doc in registry.look_up(session, viewer, text.strip(), words, kinds=kinds, limit=limit)
    ]
    return order(found, question, limit)


def newest(session: Session, key: Column) -> sa.ColumnElement[bool]:
    """The condition on a table's primary key under which a row is looked at."""
    last = session.scalar(sa.select(sa.func.max(key))) or 0
    return key > last - NEWEST


def holding(words: Sequence[Sequence[str]], columns: Iterable[Column]) -> sa.ColumnElement[bool]:
    """Every word, in one of its writings, stands in one of the columns."""
    places = list(columns)
    return sa.and_(
        *(sa.or_(*(column.icontains(form, autoescape=True) for column in places for form in forms)) for forms in words)
    )


def _written(concept: Concept) -> tuple[str, ...]:
    """How a word may be written in a column. Of a code the number alone: `ora-1653` stands there as ORA-01653."""
    if concept.code and "." not in concept.code:
        return (concept.code.rsplit("-", 1)[-1],)
    return (*concept.exact, *concept.alike)


def _candidate(doc: Document, question: Question) -> Candidate:
    title = fold(doc.title)
    score = sum(1.0 for c in question.needed if any(form in title for form in (*c.exact, *c.alike)))
    hit = Hit(
        kind=doc.kind, key=doc.key, title=doc.title, body=doc.body, question=question, score=1.0 + score, url=doc.url,
        state=doc.state, updated_at=doc.updated_at,
    )  # fmt: skip
    return Candidate(hit, doc.weight)
