"""Shapes of the on-call API and forms."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import pydantic

from core.i18n import gettext as _
from web.api import ApiModel, ListQuery
from web.api.schemas import Instant, WallTime


class OverrideIn(ApiModel):
    """Somebody stands in."""

    person: str = pydantic.Field(min_length=1, max_length=64)
    from_at: Instant
    until_at: Instant
    reason: str = pydantic.Field(default="", max_length=200)

    @pydantic.model_validator(mode="after")
    def _in_order(self) -> OverrideIn:
        if self.until_at <= self.from_at:
            raise ValueError(_("结束时间须晚于开始时间。"))
        return self


class OverrideForm(ApiModel):
    """The same from the page: local times without a zone."""

    person: str = pydantic.Field(min_length=1, max_length=64)
    from_at: WallTime
    until_at: WallTime
    reason: str = pydantic.Field(default="", max_length=200)


class SetupQuery(ListQuery):
    """Filters of rosters and policies; retired ones only when asked for."""

    unit: str | None = pydantic.Field(default=None, max_length=40)
    team: str | None = pydantic.Field(default=None, max_length=40)
    retired: bool = False


class ScheduleIn(ApiModel):
    """A roster."""

    code: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,38}$")
    name: str = pydantic.Field(min_length=1, max_length=80)
    unit: str = pydantic.Field(max_length=40)
    team: str | None = pydantic.Field(default=None, max_length=40)
    people: list[str] = pydantic.Field(min_length=1, max_length=60)
    shift_days: int = pydantic.Field(default=7, ge=1, le=60)
    starts_on: dt.date
    handover: str = pydantic.Field(default="09:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class SchedulePatch(ApiModel):
    """What may change of a roster."""

    name: str | None = pydantic.Field(default=None, min_length=1, max_length=80)
    people: list[str] | None = pydantic.Field(default=None, min_length=1, max_length=60)
    shift_days: int | None = pydantic.Field(default=None, ge=1, le=60)
    starts_on: dt.date | None = None
    handover: str | None = pydantic.Field(default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class ScheduleOut(ApiModel):
    """A roster and who is on duty."""

    id: int
    code: str
    name: str
    unit: str
    team: str | None
    people: list[str]
    shift_days: int
    starts_on: dt.date
    handover: str
    on_call: str | None
    active: bool


class OnCallOut(ApiModel):
    """Who is on duty at an instant; null is a gap."""

    at: Instant
    person: str | None
    by_override: bool


class Target(ApiModel):
    """Whom a step pages: a schedule's code, a person's login, a team's code, or the head of the holding team."""

    kind: Literal["schedule", "person", "team", "head"]
    name: str | None = pydantic.Field(default=None, max_length=64)


class Step(ApiModel):
    """One step: whom, and how many minutes it waits for an acknowledgement."""

    delay_minutes: float = pydantic.Field(ge=0, le=1440)
    targets: list[Target] = pydantic.Field(min_length=1, max_length=20)


class PolicyIn(ApiModel):
    """An escalation policy."""

    code: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,38}$")
    name: str = pydantic.Field(min_length=1, max_length=80)
    unit: str = pydantic.Field(max_length=40)
    team: str | None = pydantic.Field(default=None, max_length=40)
    steps: list[Step] = pydantic.Field(min_length=1, max_length=20)
    loops: int = pydantic.Field(default=2, ge=0, le=10)
    max_priority: int = pydantic.Field(default=2, ge=1, le=5)


class PolicyPatch(ApiModel):
    """What may change of a policy; chains that run go on by what they began with."""

    name: str | None = pydantic.Field(default=None, min_length=1, max_length=80)
    steps: list[Step] | None = pydantic.Field(default=None, min_length=1, max_length=20)
    loops: int | None = pydantic.Field(default=None, ge=0, le=10)
    max_priority: int | None = pydantic.Field(default=None, ge=1, le=5)


class PolicyOut(PolicyIn):
    """The same with its id."""

    id: int
    active: bool
