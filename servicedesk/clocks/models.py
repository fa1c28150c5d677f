"""Clocks as rows: a projection of the facts, for lists and for the job that warns; and the versions of the targets."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.calendar import WorkCalendar
from core.db import Base, enum_column, pk
from core.db.base import Id
from servicedesk.clocks.rules import ClockState, state_of
from servicedesk.clocks.script import Outcome
from servicedesk.clocks.targets import Basis, Purpose


class TargetVersion(Base):
    """One version of the targets, never changed; a ticket is judged by the version it began with."""

    __tablename__ = "target_version"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[dict[str, Any]]
    since: Mapped[dt.datetime]

    @property
    def __audit_name__(self) -> str:
        return f"targets:{self.version}"


class ClockRow(Base):
    """One clock of a ticket, rebuilt whenever a fact is added; `servicedesk.clocks.rules.Clock` explains the times.

    `worked_us`: microseconds of working time before `running_since`, in all when it does not run. `warned_at` and
    `breached_at`: when people were told (each at most once, kept over every rebuild). `wake_at`: when the job has to
    look next; null when there is nothing to come. `counted_by`: the calendar's revision it was computed with.
    """

    __tablename__ = "ticket_clock"
    __audited__ = False

    id: Mapped[int] = pk()
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"))
    name: Mapped[str] = mapped_column(sa.String(40))
    round: Mapped[int]
    position: Mapped[int]
    purpose: Mapped[Purpose] = enum_column(Purpose)
    line: Mapped[str] = mapped_column(sa.String(20))
    basis: Mapped[Basis] = enum_column(Basis)
    limit_s: Mapped[int]
    started_at: Mapped[dt.datetime]
    due_at: Mapped[dt.datetime]
    warn_at: Mapped[dt.datetime]
    stopped_at: Mapped[dt.datetime | None]
    running_since: Mapped[dt.datetime | None]
    worked_us: Mapped[int] = mapped_column(sa.BigInteger)
    crossed: Mapped[bool]
    outcome: Mapped[Outcome | None] = enum_column(Outcome, nullable=True)
    warned_at: Mapped[dt.datetime | None]
    breached_at: Mapped[dt.datetime | None]
    wake_at: Mapped[dt.datetime | None]
    counted_by: Mapped[str] = mapped_column(sa.String(40))

    __table_args__ = (
        sa.UniqueConstraint("ticket_id", "name", "round"),
        sa.Index(
            "ix_ticket_clock_wake",
            "wake_at",
            sqlite_where=sa.text("wake_at IS NOT NULL"),
            postgresql_where=sa.text("wake_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_ticket_clock_living",
            "counted_by",
            "ticket_id",
            sqlite_where=sa.text("outcome IS NULL"),
            postgresql_where=sa.text("outcome IS NULL"),
        ),
    )

    @property
    def paused(self) -> bool:
        """Neither running nor ended."""
        return self.outcome is None and self.running_since is None

    def state(self, now: dt.datetime) -> ClockState:
        """How the promise stands at `now`."""
        crossed = self.crossed or (self.running_since is not None and self.due_at <= now)
        return state_of(self.outcome, breached=crossed)

    def elapsed_minutes(self, now: dt.datetime, calendar: WorkCalendar) -> int:
        """Whole minutes of working time at `now`."""
        worked = dt.timedelta(microseconds=self.worked_us)
        if self.running_since is not None and now > self.running_since:
            worked += calendar.elapsed(self.running_since, now)
        return worked // dt.timedelta(minutes=1)
