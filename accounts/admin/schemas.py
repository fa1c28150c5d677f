"""Shapes of units, people and teams."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pydantic

from accounts.models import UnitLevel
from web.api import ApiModel, ListQuery
from web.api.schemas import Instant

CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,38}$"
LOGIN = r"^[a-z0-9][a-z0-9._-]{1,62}$"


class UnitQuery(ListQuery):
    """Filters."""

    level: UnitLevel | None = None
    parent: str | None = pydantic.Field(default=None, max_length=40)
    retired: bool = False


class UnitIn(ApiModel):
    """A unit. The code is global and never changes."""

    code: str = pydantic.Field(pattern=CODE)
    name: str = pydantic.Field(min_length=1, max_length=80)
    level: UnitLevel
    parent: str | None = pydantic.Field(default=None, max_length=40)
    valid_from: dt.date | None = None
    valid_until: dt.date | None = None


class UnitChange(ApiModel):
    """What may change."""

    name: str | None = pydantic.Field(default=None, min_length=1, max_length=80)
    parent: str | None = pydantic.Field(default=None, max_length=40)
    valid_until: dt.date | None = None


class UnitOut(ApiModel):
    """A unit."""

    code: str
    name: str
    level: UnitLevel
    parent: str | None
    valid_from: dt.date | None
    valid_until: dt.date | None


class PersonQuery(ListQuery):
    """Filters."""

    unit: str | None = pydantic.Field(default=None, max_length=40)
    role: str | None = pydantic.Field(default=None, max_length=40)
    active: bool | None = True


class PersonIn(ApiModel):
    """A person. Roles are granted separately."""

    login: str = pydantic.Field(pattern=LOGIN)
    name: str = pydantic.Field(min_length=1, max_length=80)
    unit: str = pydantic.Field(min_length=1, max_length=40)
    email: str | None = pydantic.Field(default=None, max_length=160, pattern=r"^[^@\s]+@[^@\s]+$")
    phone: str | None = pydantic.Field(default=None, max_length=40)


class PersonChange(ApiModel):
    """What may change."""

    name: str | None = pydantic.Field(default=None, min_length=1, max_length=80)
    email: str | None = pydantic.Field(default=None, max_length=160, pattern=r"^[^@\s]+@[^@\s]+$")
    phone: str | None = pydantic.Field(default=None, max_length=40)
    active: bool | None = None


class PersonOut(ApiModel):
    """A person."""

    login: str
    name: str
    unit: str
    email: str | None
    phone: str | None
    roles: list[str]
    teams: list[str]
    active: bool


class TeamIn(ApiModel):
    """A team."""

    code: str = pydantic.Field(pattern=CODE)
    name: str = pydantic.Field(min_length=1, max_length=80)
    unit: str = pydantic.Field(min_length=1, max_length=40)
    members: list[str] = pydantic.Field(default_factory=list, max_length=200)
    head: str | None = pydantic.Field(default=None, max_length=64)


class TeamOut(ApiModel):
    """A team; `services` are the ids of the services it looks after."""

    code: str
    name: str
    unit: str
    services: list[int]
    members: list[str]
    head: str | None


class AuditQuery(ListQuery):
    """Filters."""

    actor: str | None = pydantic.Field(default=None, max_length=80)
    object: str | None = pydantic.Field(default=None, max_length=120)
    verb: str | None = pydantic.Field(default=None, max_length=80)
    since: Instant | None = None
    until: Instant | None = None


class AuditOut(ApiModel):
    """One write."""

    id: int
    at: Instant
    received_at: Instant
    actor: str
    verb: str
    object: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    from_address: str


class GrantIn(ApiModel):
    """A role given somewhere, from the page; `until` is the last day it counts."""

    role: str = pydantic.Field(min_length=1, max_length=40)
    unit: str | None = pydantic.Field(default=None, max_length=40)
    team: str | None = pydantic.Field(default=None, max_length=40)
    service: int | None = pydantic.Field(default=None, ge=1, le=2**53)
    until: dt.date | None = pydantic.Field(default=None, ge=dt.date(2000, 1, 1), le=dt.date(2199, 12, 31))


ROLE = r"^[a-z][a-z0-9-]{0,38}$"


class RoleIn(ApiModel):
    """A role of one's own."""

    code: str = pydantic.Field(pattern=ROLE)
    name: str = pydantic.Field(min_length=1, max_length=80)
    permissions: list[str] = pydantic.Field(default_factory=list, max_length=100)


class RoleChange(ApiModel):
    """What may change of a role; `seen`: its permissions as the preview showed them."""

    name: str = pydantic.Field(min_length=1, max_length=80)
    permissions: list[str] = pydantic.Field(default_factory=list, max_length=100)
    seen: list[str] = pydantic.Field(default_factory=list, max_length=100)
    confirmed: bool = False


class RoleSignIn(ApiModel):
    """What a role asks of its holders at sign-in."""

    second_factor: bool = False
    password_days: int | None = pydantic.Field(default=None, ge=30, le=3650)


class TeamForm(ApiModel):
    """A team, from the page; members are added on its own page."""

    code: str = pydantic.Field(pattern=CODE)
    name: str = pydantic.Field(min_length=1, max_length=80)
    unit: str = pydantic.Field(min_length=1, max_length=40)
    head: str | None = pydantic.Field(default=None, max_length=64)
    is_default: bool = False


class TeamChange(ApiModel):
    """What may change of a team, from the page."""

    name: str = pydantic.Field(min_length=1, max_length=80)
    head: str | None = pydantic.Field(default=None, max_length=64)
    is_default: bool = False


class UnitForm(ApiModel):
    """What may change of a unit, from the page; `valid_until`: the last day of a vendor's contract."""

    name: str = pydantic.Field(min_length=1, max_length=80)
    parent: str | None = pydantic.Field(default=None, max_length=40)
    valid_until: dt.date | None = pydantic.Field(default=None, ge=dt.date(2000, 1, 1), le=dt.date(2199, 12, 31))


class TokenIn(ApiModel):
    """A token for oneself. No scopes: everything its person may."""

    name: str = pydantic.Field(min_length=1, max_length=80)
    scopes: list[str] = pydantic.Field(default_factory=list, max_length=100)
    days: int = pydantic.Field(default=90, ge=1, le=365)
