"""The notice editor's form; its times are the bureau's wall clock."""

from __future__ import annotations

import datetime as dt

import pydantic

from kb.articles.forms import words
from kb.articles.schemas import Body, Title
from kb.notices.models import Notice
from kb.notices.service import Content
from web.api import ApiModel
from web.api.schemas import WallTime
from web.filters import local_input


class NoticeForm(ApiModel):
    """What the editor sends."""

    title: Title
    body: Body
    units: list[str] = pydantic.Field(min_length=1, max_length=200)
    services: list[int] = pydantic.Field(default_factory=list, max_length=20)
    starts_at: WallTime | None = None
    ends_at: WallTime | None = None
    must_read: bool = False
    confirm_again: bool = False
    ticket: str | None = pydantic.Field(default=None, max_length=20)
    error_codes: str = pydantic.Field(default="", max_length=400)

    def content(self, *, units: list[int], now: dt.datetime) -> Content:
        """As a notice."""
        return Content(
            title=self.title, body=self.body, units=tuple(units), starts_at=self.starts_at or now, ends_at=self.ends_at,
            services=tuple(self.services), error_codes=words(self.error_codes), must_read=self.must_read,
            ticket=self.ticket.upper() if self.ticket else None,
        )  # fmt: skip


def given_by(notice: Notice) -> dict[str, object]:
    """The editor's starting values for what there is."""
    return {
        "title": notice.title, "body": notice.body, "units": [r.unit.code for r in notice.reaches], "services": list(notice.services),
        "starts_at": local_input(notice.starts_at), "ends_at": local_input(notice.ends_at), "must_read": notice.must_read,
        "ticket": notice.ticket, "error_codes": "，".join(notice.error_codes),
    }  # fmt: skip
