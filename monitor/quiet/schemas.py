"""What the API takes and gives of silences and inhibition rules."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from monitor.am.matchers import Matcher, Op
from monitor.quiet.models import SilenceState
from monitor.quiet.rules import MOST_MATCHERS
from web.api import ApiModel, ListQuery
from web.api.schemas import Instant


class MatcherIn(ApiModel):
    """One condition on one label; `=~` and `!~` are RE2 and must fit the whole value; a missing label is empty."""

    model_config = pydantic.ConfigDict(extra="forbid", str_strip_whitespace=False, from_attributes=True)

    name: str = pydantic.Field(min_length=1, max_length=200)
    op: Literal["=", "!=", "=~", "!~"]
    value: str = pydantic.Field(max_length=2000)

    def matcher(self) -> Matcher:
        """As matching needs it."""
        return Matcher(self.name, Op(self.op), self.value)


Matchers = Annotated[list[MatcherIn], pydantic.Field(min_length=1, max_length=MOST_MATCHERS)]


class SilenceFields(ApiModel):
    """What may be changed on a silence; all optional, so that a PATCH gives what it changes."""

    matchers: Matchers | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    comment: str | None = pydantic.Field(default=None, min_length=1, max_length=2000)


class SilenceIn(ApiModel):
    """A new silence. Without `starts_at` it begins now; without `unit` it reaches wherever its maker may silence."""

    matchers: Matchers
    starts_at: Instant | None = None
    ends_at: Instant
    comment: str = pydantic.Field(min_length=1, max_length=2000)
    unit: str | None = pydantic.Field(default=None, max_length=40)


class SilenceOut(ApiModel):
    """A silence. `by`: login of who made it; `author`: the name a client gave; `units`: what it reaches, with all below."""

    id: str
    matchers: list[MatcherIn]
    starts_at: Instant
    ends_at: Instant
    by: str
    author: str
    comment: str
    state: SilenceState
    units: list[str]
    alerts: int
    """How many alerts that the viewer may read it keeps quiet now."""
    created_at: Instant
    updated_at: Instant


class SilenceQuery(ListQuery):
    """Filters of the list of silences; without `state`, those that are over are left out."""

    id: str | None = pydantic.Field(default=None, max_length=36)
    state: SilenceState | None = None
    by: str | None = pydantic.Field(default=None, max_length=120)
    unit: str | None = pydantic.Field(default=None, max_length=40)


class InhibitionFields(ApiModel):
    """What may be changed on an inhibition rule."""

    name: str | None = pydantic.Field(default=None, min_length=1, max_length=90)
    source: Matchers | None = None
    target: Matchers | None = None
    equal: list[Annotated[str, pydantic.Field(min_length=1, max_length=200)]] | None = pydantic.Field(
        default=None, max_length=20
    )
    across_units: bool | None = None
    active: bool | None = None


class InhibitionIn(InhibitionFields):
    """A new inhibition rule: while a `source` fires, each `target` with equal `equal` labels is quiet."""

    name: str = pydantic.Field(min_length=1, max_length=90)
    source: Matchers
    target: Matchers
    equal: list[Annotated[str, pydantic.Field(min_length=1, max_length=200)]] = pydantic.Field(
        default_factory=list, max_length=20
    )


class InhibitionOut(ApiModel):
    """An inhibition rule."""

    id: int
    name: str
    source: list[MatcherIn]
    target: list[MatcherIn]
    equal: list[str]
    across_units: bool
    active: bool
