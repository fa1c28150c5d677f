"""What the calendar's API takes and answers, and what its page's forms hold."""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal

import pydantic

from core.calendar.model import Why, Workday
from core.i18n import gettext as _
from web.api import ApiModel
from web.api.schemas import MAX_LIMIT, Instant

MOST_MINUTES = 10_000_000
_DASH = re.compile(r"\s*[-\u2013\u2014~\uff5e\u81f3\u5230]\s*")  # dashes, tildes, and two words for “to”
_SEPARATOR = re.compile(r"[,，、;；\s]+")


class WorkdayQuery(ApiModel):
    """A range of days, both included; without `limit` all of them are answered."""

    first: dt.date = pydantic.Field(alias="from")
    last: dt.date = pydantic.Field(alias="to")
    limit: int | None = pydantic.Field(default=None, ge=1, le=MAX_LIMIT)
    cursor: str | None = pydantic.Field(default=None, max_length=1000)


class WorkdayOut(ApiModel):
    """One day. `why` is null on a plain working day; `note` names the holiday or the reason entered by hand."""

    date: dt.date
    working: bool
    segments: list[tuple[str, str]]
    why: Why | None
    filing_period: bool
    note: str

    @classmethod
    def of(cls, day: Workday) -> WorkdayOut:
        """As the core sees it."""
        segments = [segment.texts() for segment in day.segments]
        return cls(
            date=day.date,
            working=day.working,
            segments=segments,
            why=day.why,
            filing_period=day.filing_period,
            note=day.note,
        )


class MinutesQuery(ApiModel):
    """Two instants."""

    start: Instant = pydantic.Field(alias="from")
    until: Instant


class MinutesOut(ApiModel):
    """Working minutes, with a fraction if they are not whole; `warnings` names years without known holidays."""

    minutes: float
    warnings: list[str]


class DueQuery(ApiModel):
    """A start and whole working minutes."""

    start: Instant = pydantic.Field(alias="from")
    minutes: int = pydantic.Field(ge=0, le=MOST_MINUTES)


class DueOut(ApiModel):
    """When so much working time has passed; `warnings` names years without known holidays."""

    due_at: Instant
    warnings: list[str]


# --- forms ---------------------------------------------------------------------------------------------------------


def read_hours(text: str) -> list[list[str]]:
    """“09:00-12:00 13:00-17:00” as pairs; what is no pair is left for the verb to refuse, in its own words."""
    found = [_DASH.split(part) for part in _SEPARATOR.split(_DASH.sub("-", text.strip())) if part]
    if any(len(pair) != 2 for pair in found):  # noqa: PLR2004  from and until
        raise ValueError(_("请写成 09:00-12:00 13:00-17:00 这样的时段，用空格或逗号隔开。"))
    return found


def show_hours(segments: list[list[str]] | list[tuple[str, str]]) -> str:
    """Pairs as an administrator types them."""
    return " ".join(f"{start}-{end}" for start, end in segments)


class HoursIn(ApiModel):
    """The usual hours."""

    hours: str = pydantic.Field(min_length=1, max_length=200)

    @pydantic.field_validator("hours")
    @classmethod
    def _pairs(cls, value: str) -> str:
        read_hours(value)
        return value


class DaysIn(ApiModel):
    """One day or several, entered by hand. Hours only count on a working day; empty means the usual ones."""

    first: dt.date
    last: dt.date | None = None
    kind: Literal["off", "working"] = "off"
    hours: str = pydantic.Field(default="", max_length=200)
    why: str = pydantic.Field(default="", max_length=200)

    @pydantic.field_validator("hours")
    @classmethod
    def _pairs(cls, value: str) -> str:
        read_hours(value)
        return value


class FilingIn(ApiModel):
    """A month's filing period, set by hand."""

    first: dt.date
    last: dt.date


class YearIn(ApiModel):
    """Whether a year's holidays were all entered by hand."""

    year: int = pydantic.Field(ge=1900, le=2199)
    complete: bool = False
