"""Notices as clients give and get them."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import pydantic

from kb.articles.schemas import Body, Codes, Ids, Title, Words
from kb.notices import rules
from kb.notices.models import Notice
from kb.notices.queries import Receipt
from kb.notices.states import State
from web.api import ApiModel, ListQuery
from web.api.schemas import Instant


class NoticeIn(ApiModel):
    """A new notice. `units`: roots of the subtrees it reaches (default: the caller's own); `from` defaults to now.

    It is in force at once where the caller may publish to all of them, else a draft; `state` asks for one of the two.
    """

    title: Title
    body: Body
    units: Codes = pydantic.Field(default_factory=list)
    services: Ids = pydantic.Field(default_factory=list)
    tags: Words = pydantic.Field(default_factory=list)
    error_codes: Words = pydantic.Field(default_factory=list)
    from_: Instant | None = pydantic.Field(default=None, alias="from")
    until: Instant | None = None
    must_read: bool = False
    ticket: str | None = pydantic.Field(default=None, max_length=20)
    state: Literal["draft", "published"] | None = None


class NoticePatch(ApiModel):
    """The fields to change. `confirm_again`: receipts given so far no longer count."""

    title: Title | None = None
    body: Body | None = None
    units: Codes | None = None
    services: Ids | None = None
    tags: Words | None = None
    error_codes: Words | None = None
    from_: Instant | None = pydantic.Field(default=None, alias="from")
    until: Instant | None = None
    must_read: bool | None = None
    ticket: str | None = pydantic.Field(default=None, max_length=20)
    confirm_again: bool = False


class NoticeQuery(ListQuery):
    """Filters. `active`: in force now, or not."""

    active: bool | None = None
    state: State | None = None
    must_read: bool | None = None
    ticket: str | None = pydantic.Field(default=None, max_length=20)
    service: int | None = pydantic.Field(default=None, ge=1, le=2**53)


class NoticeOut(ApiModel):
    """A notice. `active`: in force now. Notices take no feedback; the two counts are for clients that expect them."""

    model_config = pydantic.ConfigDict(populate_by_name=True, serialize_by_alias=True)

    number: str
    title: str
    body: str
    state: State
    active: bool
    tags: list[str]
    services: list[int]
    error_codes: list[str]
    units: list[str]
    from_: Instant = pydantic.Field(alias="from")
    until: Instant | None
    must_read: bool
    ticket: str | None
    unit: str
    author: str
    version: int
    created_at: Instant
    updated_at: Instant
    published_at: Instant | None
    ended_at: Instant | None
    useful: int = 0
    not_useful: int = 0

    @classmethod
    def of(cls, notice: Notice, now: dt.datetime) -> NoticeOut:
        """From the row."""
        phase = rules.phase(notice.state, starts_at=notice.starts_at, ends_at=notice.ends_at, now=now)
        return cls(
            number=notice.number, title=notice.title, body=notice.body, state=notice.state, active=phase is rules.Phase.ACTIVE,
            tags=notice.tags, services=notice.services, error_codes=notice.error_codes,
            units=[r.unit.code for r in notice.reaches], from_=notice.starts_at, until=notice.ends_at,
            must_read=notice.must_read, ticket=notice.ticket, unit=notice.unit.code, author=notice.author.login,
            version=notice.version, created_at=notice.created_at, updated_at=notice.updated_at,
            published_at=notice.published_at, ended_at=notice.ended_at,
        )  # fmt: skip


class ReceiptQuery(ListQuery):
    """Filters. `read`: who has, or who has not; `unit`: a subtree."""

    read: bool | None = None
    unit: str | None = pydantic.Field(default=None, max_length=40)


class ReceiptOut(ApiModel):
    """One person the notice reaches; `read_at` is null while it was not confirmed."""

    person: str
    name: str
    unit: str
    read_at: Instant | None

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptOut:
        """From the row."""
        return cls(
            person=receipt.person.login, name=receipt.person.name, unit=receipt.unit.code, read_at=receipt.read_at
        )
