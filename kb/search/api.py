"""/api/v1/search."""

from __future__ import annotations

from typing import Literal

import pydantic

from accounts.current import viewer
from kb.search import service
from kb.search.current import engine
from web.api import Api, ApiModel
from web.api.schemas import Instant
from web.db import db

api = Api("search", __name__)
Kind = Literal["article", "ticket", "notice", "item", "alert"]


class SearchQuery(ApiModel):
    """What is sought; `kind` may be repeated."""

    q: str = pydantic.Field(min_length=1, max_length=400)
    kind: list[Kind] = pydantic.Field(default_factory=list)
    limit: int = pydantic.Field(default=20, ge=1, le=100)

    @pydantic.field_validator("kind", mode="before")
    @classmethod
    def _blank_is_all(cls, value: object) -> object:
        """`&kind=` of a form that chose nothing means every kind."""
        return [kind for kind in value if kind] if isinstance(value, list) else value


class HitOut(ApiModel):
    """One hit; `snippet` is safe HTML with <mark>, higher scores are better within one answer."""

    kind: Kind
    key: str
    title: str
    snippet: str
    score: float
    url: str
    updated_at: Instant
    file: str = ""
    """Name of the attachment that has the words; `snippet` is then of it."""


class SearchOut(ApiModel):
    """The hits, the best first; empty when nothing fits."""

    items: list[HitOut]
    incomplete: str | None = None
    """Set while the index is away: why; the hits are then the newest records by title, number and code only."""


@api.get("/search", needs=(), query=SearchQuery, answer=SearchOut)
def search(query: SearchQuery) -> SearchOut:
    """Search articles, tickets, notices, items and alerts the caller may read."""
    found = service.answer(db.session(), engine(), viewer(), query.q, kinds=query.kind, limit=query.limit)
    hits = service.shown(db.session(), found.hits)
    items = [HitOut.model_validate(h, from_attributes=True, extra="ignore") for h in hits]
    return SearchOut(items=items, incomplete=found.trouble or None)
