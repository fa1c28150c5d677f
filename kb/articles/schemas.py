"""Articles as clients give and get them."""

from __future__ import annotations

from typing import Annotated

import pydantic

from kb.articles import rules
from kb.articles.models import Article
from kb.articles.states import State
from web.api import ApiModel, ListQuery
from web.api.schemas import Instant

Title = Annotated[str, pydantic.Field(min_length=1, max_length=200)]
Body = Annotated[str, pydantic.Field(min_length=1, max_length=100_000)]
Words = Annotated[list[Annotated[str, pydantic.Field(min_length=1, max_length=60)]], pydantic.Field(max_length=20)]
Ids = Annotated[list[Annotated[int, pydantic.Field(ge=1, le=2**53)]], pydantic.Field(max_length=20)]
Codes = Annotated[list[Annotated[str, pydantic.Field(min_length=1, max_length=40)]], pydantic.Field(max_length=200)]


class ArticleIn(ApiModel):
    """A new article. `units`: codes of the units whose subtrees may read it; default: everybody of the province."""

    title: Title
    body: Body
    category: str | None = pydantic.Field(default=None, max_length=40)
    tags: Words = pydantic.Field(default_factory=list)
    services: Ids = pydantic.Field(default_factory=list)
    error_codes: Words = pydantic.Field(default_factory=list)
    units: Codes | None = None


class ArticlePatch(ApiModel):
    """The fields to change."""

    title: Title | None = None
    body: Body | None = None
    category: str | None = pydantic.Field(default=None, max_length=40)
    tags: Words | None = None
    services: Ids | None = None
    error_codes: Words | None = None
    units: Codes | None = None
    comment: str = pydantic.Field(default="", max_length=200)


class ActionIn(ApiModel):
    """What an action may be given; sending back, and retiring a published article, need the reason."""

    reason: str = pydantic.Field(default="", max_length=2000)


class FeedbackIn(ApiModel):
    """Whether the article helped."""

    helped: bool
    comment: str = pydantic.Field(default="", max_length=500)


class DraftIn(ApiModel):
    """How a ticket becomes knowledge: a draft of its own, or part of the article `extend`."""

    extend: str | None = pydantic.Field(default=None, max_length=20)


class ArticleQuery(ListQuery):
    """Filters. `state` may be repeated; without it: what readers find."""

    state: list[State] = pydantic.Field(default_factory=list)
    tag: str | None = pydantic.Field(default=None, max_length=60)
    service: int | None = pydantic.Field(default=None, ge=1, le=2**53)
    error_code: str | None = pydantic.Field(default=None, max_length=60)
    category: str | None = pydantic.Field(default=None, max_length=40)
    author: str | None = pydantic.Field(default=None, max_length=64)


class Sections(ApiModel):
    """The body by its headings; empty where it has none."""

    symptom: str
    environment: str
    cause: str
    solution: str
    check: str
    other: str


class ArticleOut(ApiModel):
    """An article. `pending` is the version that waits for a reviewer while readers see `version`."""

    number: str
    title: str
    body: str
    sections: Sections
    state: State
    category: str | None
    tags: list[str]
    services: list[int]
    error_codes: list[str]
    units: list[str]
    unit: str
    author: str
    version: int
    latest: int
    pending: int | None
    ticket: str | None
    created_at: Instant
    updated_at: Instant
    published_at: Instant | None
    review_due_at: Instant | None
    useful: int
    not_useful: int
    used: int

    @classmethod
    def of(cls, article: Article) -> ArticleOut:
        """From the row."""
        return cls(
            number=article.number, title=article.title, body=article.body, sections=Sections(**rules.split(article.body)),
            state=article.state, category=article.category, tags=article.tags, services=article.services,
            error_codes=article.error_codes, units=[r.unit.code for r in article.readers], unit=article.unit.code,
            author=article.author.login, version=article.version, latest=article.latest, pending=article.pending,
            ticket=article.source_ticket, created_at=article.created_at, updated_at=article.updated_at,
            published_at=article.published_at, review_due_at=article.review_due_at, useful=article.useful,
            not_useful=article.not_useful, used=article.used,
        )  # fmt: skip
