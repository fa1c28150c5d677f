"""Shapes of /api/v1/bulk-runs."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import pydantic

from servicedesk.bulk.actions import BulkAction
from servicedesk.bulk.models import ItemState
from servicedesk.tickets.schemas import Number, SideQuery
from web.api import ApiModel


class RunIn(ApiModel):
    """An action on many tickets: those named in `tickets`, or the newest that `filter` (fields of `GET /tickets`) finds.

    `values` is what the action asks for: `assign {team, holder}`, `priority {urgency, impact, reason}`, `comment {text,
    internal}`; nothing for `accept` and `close`. At most 500 tickets; a filter that finds more is refused unless `first`
    says how many of them.
    """

    action: BulkAction
    tickets: Annotated[list[Number], pydantic.Field(max_length=500)] | None = None
    filter: Annotated[dict[str, Any], pydantic.Field(max_length=60)] | None = None
    first: Annotated[int, pydantic.Field(ge=1, le=500)] | None = None
    values: Annotated[dict[str, Any], pydantic.Field(max_length=20)] = pydantic.Field(default_factory=dict)


class RunOut(ApiModel):
    """A run; over once `finished_at` is set. `done`, `failed` and `skipped` add up to `total` then."""

    id: int
    action: BulkAction
    values: dict[str, Any]
    total: int
    done: int
    failed: int
    skipped: int
    created_at: dt.datetime
    stopped_at: dt.datetime | None
    finished_at: dt.datetime | None


class ItemOut(ApiModel):
    """What became of one ticket; `reason` of a failure in the caller's language."""

    ticket: str
    state: ItemState
    reason: str
    at: dt.datetime | None


class ItemQuery(SideQuery):
    """Items of one state, or all."""

    state: ItemState | None = None
