"""What the knowledge base tells: for the index, notifications, figures and the live page."""

from __future__ import annotations

from core.events.base import Event


class ArticleChanged(Event, frozen=True, kw_only=True):
    """Anything about an article changed, once for each verb; `state` draft|review|published|due|retired."""

    article_id: int
    number: str
    state: str
    what: str


class ArticleSubmitted(Event, frozen=True, kw_only=True):
    """An article, or a revision of a published one, waits for a reviewer of `unit_id`."""

    article_id: int
    number: str
    title: str
    unit_id: int
    by_id: int | None = None


class ArticlePublished(Event, frozen=True, kw_only=True):
    """Readers see it, or a new version of it. `ticket` is the number of the matter it came from."""

    article_id: int
    number: str
    title: str
    version: int
    ticket: str | None = None
    by_id: int | None = None


class ArticleUsed(Event, frozen=True, kw_only=True):
    """It solved something: `how` is used (a ticket was resolved with it) or solved (no ticket was needed)."""

    article_id: int
    number: str
    how: str
    person_id: int | None = None
    ticket: str | None = None


class NoticeChanged(Event, frozen=True, kw_only=True):
    """Anything about a notice changed, once for each verb; `state` draft|published|ended."""

    notice_id: int
    number: str
    state: str
    what: str


class NoticePublished(Event, frozen=True, kw_only=True):
    """A notice to the subtrees of `unit_ids`; nobody sees it before `starts_at` (RFC 3339)."""

    notice_id: int
    number: str
    title: str
    must_read: bool
    unit_ids: list[int]
    starts_at: str
    ticket: str | None = None
