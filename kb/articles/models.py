"""Articles, their versions, readers, feedback and uses."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person, Team, Unit
from core.db import Base, enum_column, pk
from core.db.base import Id
from kb.articles.states import State


class Article(Base):
    """An article as its readers see it. `body` is Markdown; services are ids of items.

    `version` is the version shown, `latest` the highest there is. `pending` is set while a revision of a readable
    article waits for its reviewer. The numbers at the end are counts that can be taken again from the rows below.
    """

    __tablename__ = "article"

    id: Mapped[int] = pk()
    number: Mapped[str] = mapped_column(sa.String(20), unique=True)
    state: Mapped[State] = enum_column(State, index=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    body: Mapped[str] = mapped_column(sa.Text)
    category: Mapped[str | None] = mapped_column(sa.String(40))
    tags: Mapped[list[str]]
    services: Mapped[list[Any]]
    error_codes: Mapped[list[str]]
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("team.id"), index=True)
    author_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)
    latest: Mapped[int] = mapped_column(default=1)
    pending: Mapped[int | None]
    source_ticket: Mapped[str | None] = mapped_column(sa.String(20), unique=True)
    origin: Mapped[str | None] = mapped_column(sa.String(80), unique=True)  # of a shipped or imported one
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime] = mapped_column(info={"silent": True})
    published_at: Mapped[dt.datetime | None]
    reviewed_by_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    review_due_at: Mapped[dt.datetime | None]
    reason: Mapped[str | None] = mapped_column(sa.Text)  # why it was sent back or retired
    useful: Mapped[int] = mapped_column(default=0, info={"silent": True})
    not_useful: Mapped[int] = mapped_column(default=0, info={"silent": True})
    used: Mapped[int] = mapped_column(default=0, info={"silent": True})

    unit: Mapped[Unit] = relationship()
    team: Mapped[Team | None] = relationship()
    author: Mapped[Person] = relationship(foreign_keys=[author_id])
    reviewed_by: Mapped[Person | None] = relationship(foreign_keys=[reviewed_by_id])
    readers: Mapped[list[ArticleReader]] = relationship(cascade="all, delete-orphan", order_by="ArticleReader.unit_id")

    __table_args__ = (
        sa.Index("ix_article_updated", "updated_at", "id"),
        sa.Index("ix_article_review_due", "review_due_at", sqlite_where=sa.text("state = 'published'"),
                 postgresql_where=sa.text("state = 'published'")),
    )  # fmt: skip

    @property
    def __audit_name__(self) -> str:
        return self.number


class ArticleReader(Base):
    """A unit whose whole subtree may read the article once it is published."""

    __tablename__ = "article_reader"

    article_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("article.id"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), primary_key=True, index=True)

    unit: Mapped[Unit] = relationship()


class ArticleTerm(Base):
    """Tags, services and codes of an article, one a row, so that lists can be filtered. A projection."""

    __tablename__ = "article_term"
    __audited__ = False

    article_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("article.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10), primary_key=True)  # tag | service | code
    value: Mapped[str] = mapped_column(sa.String(80), primary_key=True, index=True)


class Outcome(StrEnum):
    """What became of a version."""

    SAVED = "saved"
    PENDING = "pending"
    PUBLISHED = "published"
    RETURNED = "returned"


class ArticleVersion(Base):
    """What an article said at one time. Never changed, but for its outcome."""

    __tablename__ = "article_version"
    __audited__ = False  # the article's own rows say the same

    article_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("article.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    body: Mapped[str] = mapped_column(sa.Text)
    category: Mapped[str | None] = mapped_column(sa.String(40))
    tags: Mapped[list[str]]
    services: Mapped[list[Any]]
    error_codes: Mapped[list[str]]
    by_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    at: Mapped[dt.datetime]
    comment: Mapped[str] = mapped_column(sa.String(200), default="")
    outcome: Mapped[Outcome] = enum_column(Outcome)

    by: Mapped[Person] = relationship()


class ArticleFeedback(Base):
    """Whether it helped somebody; a person's second word replaces the first."""

    __tablename__ = "article_feedback"
    __audited__ = False

    article_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("article.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True)
    helped: Mapped[bool]
    comment: Mapped[str] = mapped_column(sa.String(500), default="")
    at: Mapped[dt.datetime]

    person: Mapped[Person] = relationship()


class How(StrEnum):
    """What an article was used for."""

    USED = "used"  # a ticket was resolved with it
    SOLVED = "solved"  # it answered before a ticket was made
    EXTENDED = "extended"  # a ticket's solution went into it


class ArticleUse(Base):
    """One use of an article (K-05); `text` is what the person had typed."""

    __tablename__ = "article_use"
    __audited__ = False

    id: Mapped[int] = pk()
    article_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("article.id"), index=True)
    how: Mapped[How] = enum_column(How)
    person_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    ticket: Mapped[str | None] = mapped_column(sa.String(20), index=True)
    text: Mapped[str] = mapped_column(sa.String(400), default="")
    at: Mapped[dt.datetime]
