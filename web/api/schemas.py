"""Shapes shared by all resources."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import pydantic

from core.clock import UTC
from core.i18n import gettext as _

MAX_LIMIT = 200


def _to_utc(value: dt.datetime) -> dt.datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:  # the first or last day of all time, in a zone that leads out of it
        raise ValueError(_("时间超出了可表示的范围。")) from error


Instant = Annotated[pydantic.AwareDatetime, pydantic.AfterValidator(_to_utc)]
"""An aware time, RFC 3339 in and UTC out."""


class ApiModel(pydantic.BaseModel):
    """Base of every body, query and answer: unknown fields are refused."""

    model_config = pydantic.ConfigDict(extra="forbid", str_strip_whitespace=True, from_attributes=True)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _no_null_bytes(cls, data: object) -> object:
        """PostgreSQL can't keep U+0000 in text; refuse it here, where the answer can name the field."""
        if isinstance(data, dict):
            for name, value in data.items():
                if isinstance(value, str) and "\x00" in value:
                    raise ValueError(f"{name}: U+0000")
        return data


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
