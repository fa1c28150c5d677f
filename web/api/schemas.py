"""Shapes shared by all resources."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Self

import pydantic
import pydantic_core

from core.clock import UTC
from core.i18n import gettext as _
from web import storable
from web.filters import ZONE

MAX_LIMIT = 200


# The first and last days of all time have no yesterday or no tomorrow, in some zone not even themselves.
EARLIEST, LATEST = dt.datetime(1900, 1, 1, tzinfo=UTC), dt.datetime(9999, 1, 1, tzinfo=UTC)


def _no_number(value: object) -> object:
    """A bare number would be read as seconds since 1970, which nobody means who writes `2026`."""
    if isinstance(value, int | float) or (isinstance(value, str) and value.strip().lstrip("+-").isdecimal()):
        raise ValueError(_("须为 RFC 3339 时间，例如 2026-11-23T09:00:00+08:00。"))
    return value


def to_utc(value: dt.datetime) -> dt.datetime:
    """An aware time in UTC; raises ValueError outside the years 1900 to 9998."""
    if not EARLIEST <= value < LATEST:
        raise ValueError(_("时间超出了可表示的范围。"))
    return value.astimezone(UTC)


Instant = Annotated[pydantic.AwareDatetime, pydantic.BeforeValidator(_no_number), pydantic.AfterValidator(to_utc)]
"""An aware time of the years 1900 to 9998, RFC 3339 in and UTC out."""


def here(value: dt.datetime) -> dt.datetime:
    """A time somebody typed into a page: without a zone it is the bureau's wall clock."""
    return value.replace(tzinfo=ZONE) if value.tzinfo is None else value


WallTime = Annotated[
    dt.datetime, pydantic.BeforeValidator(_no_number), pydantic.AfterValidator(here), pydantic.AfterValidator(to_utc)
]
"""What a date-and-time field of a page holds, in UTC."""


class ApiModel(pydantic.BaseModel):
    """Base of every body, query and answer: unknown fields are refused."""

    model_config = pydantic.ConfigDict(extra="forbid", str_strip_whitespace=True, from_attributes=True)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """As pydantic's, and nothing in it that a database can't keep (see web/storable.py)."""
        found = super().model_validate(obj, **options)
        if wrong := list(storable.faults(found)):
            raise pydantic_core.ValidationError.from_exception_data(
                cls.__name__,
                [
                    {"type": "value_error", "loc": f.loc, "input": None, "ctx": {"error": ValueError(f.message)}}
                    for f in wrong
                ],
            )
        return found


class NoQuery(ApiModel):
    """An operation without query parameters."""


class ListQuery(ApiModel):
    """What every list takes; resources add their filters."""

    limit: int = pydantic.Field(default=50, ge=1, le=MAX_LIMIT)
    cursor: str | None = pydantic.Field(default=None, max_length=1000)
    q: str | None = pydantic.Field(default=None, max_length=200)


class Reason(ApiModel):
    """A body with nothing but a reason."""

    reason: str = pydantic.Field(min_length=1, max_length=2000)


class ProblemError(pydantic.BaseModel):
    """One wrong field."""

    field: str
    message: str


class Problem(pydantic.BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemError] = []
