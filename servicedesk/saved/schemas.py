"""Shapes of /api/v1/ticket-filters and of the forms on the pages."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic

from servicedesk.tickets.schemas import Name
from web.api import ApiModel, ListQuery

FilterName = Annotated[str, pydantic.Field(min_length=1, max_length=40)]
Key = Annotated[str, pydantic.Field(min_length=1, max_length=40)]
Query = Annotated[dict[str, Any], pydantic.Field(max_length=60)]


class FilterIn(ApiModel):
    """A filter to keep. `query`: the fields of `GET /tickets`; `team`: one that the caller leads."""

    name: FilterName
    query: Query
    team: Name | None = None
    default: bool = False


class FilterPatch(ApiModel):
    """The fields to change."""

    name: FilterName | None = None
    query: Query | None = None


class FilterOut(ApiModel):
    """A filter. `count` goes up to 1000; 1001 means more, null that counting would take too long."""

    key: str
    id: int | None
    name: str
    query: dict[str, Any]
    team: str | None
    may_change: bool
    default: bool
    url: str
    count: int | None = None


class FilterQuery(ListQuery):
    """`counts` asks for the counts too."""

    counts: bool = False


class ChoiceIn(ApiModel):
    """The caller's own order of keys, and what their list opens with; null: everything."""

    order: Annotated[list[Key], pydantic.Field(max_length=500)] | None = None
    default: Key | None = None


class FormIn(ApiModel):
    """The form under the list."""

    name: FilterName
    team: Name | None = None
    default: bool = False
