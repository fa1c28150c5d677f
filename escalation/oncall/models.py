"""Schedules with one rotation and overrides, escalation policies, and the chains that run."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person, Team, Unit
from core.db import Base, enum_column, pk
from core.db.base import Id


class Schedule(Base):
    """A duty roster: `people` (ids) take turns of `shift_days` days from `starts_on`, handing over at `handover` local time."""

    __tablename__ = "oncall_schedule"

    id: Mapped[int] = pk()
    code: Mapped[str] = mapped_column(sa.String(40), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("team.id"), index=True)
    people: Mapped[list[Any]]
    shift_days: Mapped[int] = mapped_column(default=7)
    starts_on: Mapped[dt.date]
    handover: Mapped[str] = mapped_column(sa.String(5), default="09:00")
    active: Mapped[bool] = mapped_column(default=True)
    revision: Mapped[int] = mapped_column(default=1)  # grows with each change, so that two who edit notice each other

    unit: Mapped[Unit] = relationship()
    team: Mapped[Team | None] = relationship()


class Override(Base):
    """Somebody stands in for whoever the rotation names, from one instant to another; the newest wins."""

    __tablename__ = "oncall_override"

    id: Mapped[int] = pk()
    schedule_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("oncall_schedule.id"), index=True)
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    from_at: Mapped[dt.datetime]
    until_at: Mapped[dt.datetime]
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    by_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    cancelled_at: Mapped[dt.datetime | None]

    person: Mapped[Person] = relationship(foreign_keys=[person_id])


class Policy(Base):
    """Whom to page, step by step. `steps`: [{delay_minutes, targets: [{kind: schedule|person|team|head, id}]}]; the delay is
    how long this step waits for an acknowledgement before the next. Pages incidents of priority ≤ `max_priority`.
    Without a team it is the default for teams that have none of their own, below `unit_id`."""

    __tablename__ = "escalation_policy"

    id: Mapped[int] = pk()
    code: Mapped[str] = mapped_column(sa.String(40), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("team.id"), index=True)
    steps: Mapped[list[Any]]
    loops: Mapped[int] = mapped_column(default=2)
    max_priority: Mapped[int] = mapped_column(default=2)
    active: Mapped[bool] = mapped_column(default=True)
    revision: Mapped[int] = mapped_column(default=1)

    unit: Mapped[Unit] = relationship()
    team: Mapped[Team | None] = relationship()


class ChainState(StrEnum):
    """The life of a chain."""

    RUNNING = "running"
    ACKNOWLEDGED = "acknowledged"
    STOPPED = "stopped"
    EXHAUSTED = "exhausted"


class Chain(Base):
    """One incident being paged. `steps` and `loops` are the policy as it was when the chain started."""

    __tablename__ = "paging_chain"
    __audited__ = False

    id: Mapped[int] = pk()
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"), index=True)
    number: Mapped[str] = mapped_column(sa.String(20))
    episode: Mapped[int] = mapped_column(default=0)  # grows when the incident is reopened
    policy_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("escalation_policy.id"))
    steps: Mapped[list[Any]]
    loops: Mapped[int]
    step: Mapped[int] = mapped_column(default=0)  # the next one to page; behind the last one: waiting for its answer
    loop: Mapped[int] = mapped_column(default=0)
    rounds: Mapped[int] = mapped_column(default=0)  # pages sent so far, part of their keys
    next_at: Mapped[dt.datetime | None]
    state: Mapped[ChainState] = enum_column(ChainState)
    started_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    __table_args__ = (
        sa.UniqueConstraint("ticket_id", "episode"),
        sa.Index(
            "ix_paging_chain_due",
            "next_at",
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        ),
    )


class PagingEntry(Base):
    """What a chain did: started, paged (whom), skipped (nobody), acknowledged, stopped, restarted."""

    __tablename__ = "paging_entry"
    __audited__ = False

    id: Mapped[int] = pk()
    chain_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("paging_chain.id"), index=True)
    at: Mapped[dt.datetime]
    what: Mapped[str] = mapped_column(sa.String(20))
    step: Mapped[int | None]
    people: Mapped[list[Any]]
    text: Mapped[str] = mapped_column(sa.String(200), default="")


class AckLink(Base):
    """A single-use link that lets one person acknowledge one chain without signing in. The hash is of the link's
    unsigned half; the other half is the installation's signature, made when the page is sent and kept nowhere."""

    __tablename__ = "ack_link"
    __audited__ = False

    id: Mapped[int] = pk()
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    chain_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("paging_chain.id"), index=True)
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]
