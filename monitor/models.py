"""Checks, where they stand, what they went through, who runs them, and heartbeats."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Unit
from core.db import Base, enum_column, pk
from core.db.base import Id
from monitor.states import Kind, Standing, State

HERE = "local"
"""The name of the poller in this program's own background role."""


class Poller(Base):
    """Whoever runs checks: the one in this program, and satellites. Silence before `running_since` was its own."""

    __tablename__ = "poller"

    id: Mapped[int] = pk()
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    enrolled_at: Mapped[dt.datetime]
    last_seen_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})
    running_since: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})
    version: Mapped[str] = mapped_column(sa.String(40), default="", info={"silent": True})
    clock_offset_s: Mapped[float | None] = mapped_column(info={"silent": True})
    retired_at: Mapped[dt.datetime | None]

    unit: Mapped[Unit] = relationship()


class Check(Base):
    """A question asked of an item again and again. `active` False: only fed by results from outside.

    `interval_s`, `retry_s`, `timeout_s`, `freshness_s` in seconds; freshness 0: never stale. Secret parameters stand
    apart in `secrets`, which nothing shows.
    """

    __tablename__ = "check_"

    id: Mapped[int] = pk()
    item_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"), index=True)
    type: Mapped[str] = mapped_column(sa.String(80))
    name: Mapped[str] = mapped_column(sa.String(120), default="")
    target: Mapped[str] = mapped_column(sa.String(400), default="")
    params: Mapped[dict[str, Any]]
    secrets: Mapped[dict[str, Any]] = mapped_column(default=dict, info={"secret": True})
    active: Mapped[bool] = mapped_column(default=True)
    interval_s: Mapped[int] = mapped_column(default=60)
    retry_s: Mapped[int] = mapped_column(default=15)
    max_attempts: Mapped[int] = mapped_column(default=3)
    timeout_s: Mapped[int] = mapped_column(default=10)
    freshness_s: Mapped[int] = mapped_column(default=180)
    poller_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("poller.id"), index=True)
    origin: Mapped[str] = mapped_column(sa.String(20), default="declared")  # declared | discovered
    version: Mapped[int] = mapped_column(default=1, info={"silent": True})
    created_at: Mapped[dt.datetime]
    retired_at: Mapped[dt.datetime | None]

    standing: Mapped[CheckState] = relationship(back_populates="check")
    parents: Mapped[list[CheckParent]] = relationship(foreign_keys="CheckParent.check_id", cascade="all, delete-orphan")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  SQLAlchemy's own protocol


class CheckParent(Base):
    """A check whose failure makes another unreachable; those sharing a `group_name` stand in for each other."""

    __tablename__ = "check_parent"

    check_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("check_.id"), primary_key=True)
    parent_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("check_.id"), primary_key=True, index=True)
    group_name: Mapped[str | None] = mapped_column(sa.String(80))


class CheckState(Base):
    """Where a check stands: one row each, made with the check; `state` None until the first result.

    `stale_at`: from when on silence counts as no data (None: never). `nodata_since`: silence that was noticed and told.
    """

    __tablename__ = "check_state"
    __audited__ = False

    check_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("check_.id"), primary_key=True)
    state: Mapped[State | None] = enum_column(State)
    kind: Mapped[Kind | None] = enum_column(Kind)
    attempt: Mapped[int] = mapped_column(default=0)
    at: Mapped[dt.datetime | None]
    since: Mapped[dt.datetime | None]
    hard: Mapped[State | None] = enum_column(State)
    hard_since: Mapped[dt.datetime | None]
    failed_at: Mapped[dt.datetime | None]
    output: Mapped[str] = mapped_column(sa.Text, default="")
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    digest: Mapped[str] = mapped_column(sa.String(32), default="")
    received_at: Mapped[dt.datetime | None]
    stale_at: Mapped[dt.datetime | None] = mapped_column(index=True)
    nodata_since: Mapped[dt.datetime | None]
    reachable: Mapped[bool] = mapped_column(default=True)
    flapping: Mapped[bool] = mapped_column(default=False)

    check: Mapped[Check] = relationship(back_populates="standing")

    def standing(self) -> Standing | None:
        """What the state machine knows; None before the first result."""
        if self.state is None or self.kind is None or self.at is None or self.since is None:
            return None
        return Standing(
            self.state, self.kind, self.attempt, self.at, self.since, self.hard, self.hard_since, self.failed_at
        )


class StateChange(Base):
    """One line of a check's history, kept for two years: from `at` on the check was `state`.

    NODATA lines mark a silence that was noticed; they are history, not results.
    """

    __tablename__ = "state_change"
    __audited__ = False

    id: Mapped[int] = pk()
    check_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("check_.id"))
    at: Mapped[dt.datetime]
    state: Mapped[State] = enum_column(State)
    kind: Mapped[Kind] = enum_column(Kind)
    attempt: Mapped[int]
    output: Mapped[str] = mapped_column(sa.Text)
    received_at: Mapped[dt.datetime]

    __table_args__ = (sa.Index("ix_state_change_check_at", "check_id", "at"), sa.Index("ix_state_change_at", "at"))


class Heartbeat(Base):
    """A beat expected every `period_s` (+ `grace_s`) seconds; it feeds the passive check `check_id` (M-16).

    Only the hash of its token is kept.
    """

    __tablename__ = "heartbeat"

    id: Mapped[int] = pk()
    check_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("check_.id"), unique=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True, info={"secret": True})
    period_s: Mapped[int]
    grace_s: Mapped[int] = mapped_column(default=60)
    last_beat_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})
    due_at: Mapped[dt.datetime] = mapped_column(index=True, info={"silent": True})
    missed_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})

    check: Mapped[Check] = relationship()
