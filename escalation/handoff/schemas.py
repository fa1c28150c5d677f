"""Shapes of /api/v1/tickets/N/handoffs."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import pydantic

from escalation.handoff.models import Handoff
from escalation.handoff.rules import HandoffState
from servicedesk.custody.rules import Line
from web.api import ApiModel

Text = Annotated[str, pydantic.Field(max_length=20_000)]
Needed = Annotated[str, pydantic.Field(min_length=1, max_length=20_000)]


class HandoffIn(ApiModel):
    """To whom (a unit's or team's code; default: the next line up), why, the sheet, the search on record.

    The platform fills the lines of `sheet` it knows; `GET /tickets/N/handoffs/sheet` shows which are left.
    """

    to: Annotated[str, pydantic.Field(min_length=1, max_length=64)] | None = None
    reason: Annotated[str, pydantic.Field(max_length=20_000)] = ""
    sheet: dict[str, Any] = pydantic.Field(default_factory=dict)
    search: dict[str, Any] | None = None


class AcceptIn(ApiModel):
    """How clear the sheet was, 1–5."""

    clarity: int | None = None
    comment: Text | None = None


class ReturnIn(ApiModel):
    """Why, and what is missing."""

    reason: Text | None = None
    missing: Text | None = None


class ArbitrateIn(ApiModel):
    """The team that has it from now on."""

    team: Annotated[str, pydantic.Field(min_length=1, max_length=64)]
    reason: Needed


class HandoffOut(ApiModel):
    """A hand-off."""

    model_config = pydantic.ConfigDict(extra="forbid", validate_by_name=True, serialize_by_alias=True)

    id: int
    state: HandoffState
    sender: str = pydantic.Field(serialization_alias="from")
    to: str
    from_holder: str | None
    to_line: Line
    reason: str
    sheet: dict[str, Any]
    search: dict[str, Any]
    sent_at: dt.datetime
    accepted_at: dt.datetime | None
    accepted_by: str | None
    returned_at: dt.datetime | None
    withdrawn_at: dt.datetime | None
    clarity: int | None
    clarity_comment: str | None
    return_reason: str | None
    missing: str | None
    arbiter: str | None

    @classmethod
    def of(cls, row: Handoff, *, with_sheet: bool = True) -> HandoffOut:
        """From the row; who only reported the matter gets no sheet (it may quote internal lines)."""
        return cls(
            id=row.id,
            state=row.state,
            sender=row.from_team.code,
            to=row.to_team.code,
            from_holder=row.sent_by.login if row.sent_by else None,
            to_line=row.to_line,
            reason=row.reason,
            sheet=row.sheet if with_sheet else {},
            search=row.search if with_sheet else {},
            sent_at=row.sent_at,
            accepted_at=row.accepted_at,
            accepted_by=row.accepted_by.login if row.accepted_by else None,
            returned_at=row.returned_at,
            withdrawn_at=row.withdrawn_at,
            clarity=row.clarity,
            clarity_comment=row.clarity_comment,
            return_reason=row.return_reason,
            missing=row.missing,
            arbiter=row.arbiter.login if row.arbiter else None,
        )


class SheetLineOut(ApiModel):
    """A line of the sheet: its question in plain words, and what the platform filled."""

    key: str
    label: str
    help: str
    required: bool
    value: str


class SheetOut(ApiModel):
    """The sheet of this ticket's category, filled as far as the platform can."""

    category: str
    to: str | None
    lines: list[SheetLineOut]
    missing: list[str]
