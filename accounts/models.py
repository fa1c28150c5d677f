"""Units, people, teams, roles and what they were granted."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, enum_column, pk
from core.db.base import Id
from core.i18n import lazy


class UnitLevel(StrEnum):
    """Where a unit stands in the organisation; vendors stand beside it."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    OFFICE = "office"
    VENDOR = "vendor"


LEVEL_LABELS = {
    UnitLevel.PROVINCE: lazy("省局"),
    UnitLevel.CITY: lazy("市局"),
    UnitLevel.COUNTY: lazy("县/区局"),
    UnitLevel.OFFICE: lazy("税务所"),
    UnitLevel.VENDOR: lazy("供应商"),
}


class Unit(Base):
    """A unit of the organisation, or a vendor. The code is global and never changes.

    valid_until set: merged or dissolved from that day on; it keeps its history, and `successor` carries on. A vendor's is
    the last day of its contract, which still counts.
    """

    __tablename__ = "unit"

    id: Mapped[int] = pk()
    code: Mapped[str] = mapped_column(sa.String(40), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    short_name: Mapped[str | None] = mapped_column(sa.String(40))
    level: Mapped[UnitLevel] = enum_column(UnitLevel, index=True)
    parent_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    valid_from: Mapped[dt.date | None]
    valid_until: Mapped[dt.date | None]
    successor_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("unit.id"))

    parent: Mapped[Unit | None] = relationship(remote_side="Unit.id", foreign_keys=[parent_id])


class UnitClosure(Base):
    """Every (ancestor, descendant) pair of the tree, each unit being its own descendant at depth 0."""

    __tablename__ = "unit_closure"
    __audited__ = False

    ancestor_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), primary_key=True)
    descendant_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), primary_key=True, index=True)
    depth: Mapped[int]


class Person(Base):
    """Somebody who can be named: reporter, engineer, vendor contact, or a service account (`is_service`).

    Without a password hash nobody can sign in as this person, but for those of the `directory`: they never have one here,
    the directory is asked. `access_version` grows whenever rights change.
    """

    __tablename__ = "person"

    id: Mapped[int] = pk()
    login: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    email: Mapped[str | None] = mapped_column(sa.String(160))
    phone: Mapped[str | None] = mapped_column(sa.String(40))
    password_hash: Mapped[str | None] = mapped_column(sa.String(200), info={"secret": True})
    password_set_at: Mapped[dt.datetime | None] = mapped_column(
        info={"silent": True}
    )  # None: when the person was added
    password_due: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false()
    )  # to be changed at the next sign-in
    directory: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    directory_left_at: Mapped[dt.datetime | None]  # disabled since the directory has them no more; not by a person
    active: Mapped[bool] = mapped_column(default=True)
    is_service: Mapped[bool] = mapped_column(default=False)
    locale: Mapped[str] = mapped_column(sa.String(10), default="zh_CN")
    access_version: Mapped[int] = mapped_column(default=0, info={"silent": True})
    created_at: Mapped[dt.datetime]
    valid_until: Mapped[dt.date | None]

    unit: Mapped[Unit] = relationship()


class Team(Base):
    """A group that takes matters into custody. `head` answers for it."""

    __tablename__ = "team"

    id: Mapped[int] = pk()
    code: Mapped[str] = mapped_column(sa.String(40), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    head_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    is_default: Mapped[bool] = mapped_column(default=False)  # takes what its unit gets and no other team claims
    active: Mapped[bool] = mapped_column(default=True)

    unit: Mapped[Unit] = relationship()
    head: Mapped[Person | None] = relationship()


class TeamMember(Base):
    """A person in a team; one person can be in several, at any level."""

    __tablename__ = "team_member"

    team_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("team.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True, index=True)


class Role(Base):
    """A named set of permissions, as data; the shipped ones come from accounts/data/roles.toml."""

    __tablename__ = "role"

    code: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    permissions: Mapped[list[str]]
    administrator: Mapped[str | None] = mapped_column(
        sa.String(20)
    )  # system | security | audit: nobody holds two kinds
    second_factor: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # who holds it needs one
    password_days: Mapped[int | None]  # how old a holder's password may become; None: as old as it likes


class Grant(Base):
    """A role given to a person, at a unit's subtree, a team, or a service item; for a time."""

    __tablename__ = "grant_"

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    role_code: Mapped[str] = mapped_column(sa.ForeignKey("role.code"))
    unit_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("team.id"), index=True)
    service_id: Mapped[int | None] = mapped_column(Id, index=True)  # an item of cmdb; no key upwards
    valid_from: Mapped[dt.datetime]
    valid_until: Mapped[dt.datetime | None]
    granted_by: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    __table_args__ = (
        sa.CheckConstraint("unit_id IS NOT NULL OR team_id IS NOT NULL OR service_id IS NOT NULL", name="somewhere"),
    )


class SignInSession(Base):
    """A browser that signed in, or is about to (`waiting_for`). Only the hash of its cookie is kept."""

    __tablename__ = "sign_in_session"
    __audited__ = False

    id: Mapped[int] = pk()
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    created_at: Mapped[dt.datetime]
    last_seen_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
    address: Mapped[str] = mapped_column(sa.String(64))
    user_agent: Mapped[str] = mapped_column(sa.String(200))
    endless: Mapped[bool] = mapped_column(default=False)  # the wall's session does not end
    provider: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # begun by an OpenID provider
    waiting_for: Mapped[str | None] = mapped_column(sa.String(20))  # accounts.signin.stages: opens nothing else yet


class SignInFailure(Base):
    """Failures in a row of one login, whether it exists or not: so no answer tells which do. Of one that nobody has, only
    a keyed hash of what was typed is kept."""

    __tablename__ = "sign_in_failure"
    __audited__ = False

    login: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    failures: Mapped[int]
    locked_until: Mapped[dt.datetime | None]
    last_at: Mapped[dt.datetime] = mapped_column(index=True)


class ApiToken(Base):
    """A token for machines. Only its hash is kept; `prefix` is shown so that a person can tell them apart."""

    __tablename__ = "api_token"

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    prefix: Mapped[str] = mapped_column(sa.String(12))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True, info={"secret": True})
    scopes: Mapped[list[str]]
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})


class AuditRow(Base):
    """One write: who, what, before, after, from where. Append-only: the database refuses to change or delete a row, but
    for those received more than 400 days ago (migrations/append_only.py)."""

    __tablename__ = "audit"
    __audited__ = False

    id: Mapped[int] = pk()
    at: Mapped[dt.datetime] = mapped_column(index=True)
    received_at: Mapped[dt.datetime]
    actor: Mapped[str] = mapped_column(sa.String(80), index=True)
    verb: Mapped[str] = mapped_column(sa.String(80))
    object: Mapped[str] = mapped_column(sa.String(120), index=True)
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    from_address: Mapped[str] = mapped_column(sa.String(64))


class IdempotencyKey(Base):
    """The first answer to a writing request that carried a key (R-02)."""

    __tablename__ = "idempotency_key"
    __audited__ = False

    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    request_hash: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int | None]
    answer: Mapped[str | None] = mapped_column(sa.Text)
    location: Mapped[str | None] = mapped_column(sa.String(400))
    created_at: Mapped[dt.datetime] = mapped_column(index=True)
