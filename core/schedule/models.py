"""Who may do what only one may do, and which duty was done for which moment."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, pk


class Lease(Base):
    """Something only one process may do at a time, and who does it until when (by the database's clock)."""

    __tablename__ = "lease"
    __audited__ = False

    name: Mapped[str] = mapped_column(sa.String(160), primary_key=True)
    holder: Mapped[str] = mapped_column(sa.String(160))
    until: Mapped[dt.datetime]
    since: Mapped[dt.datetime | None]  # held without a gap from then on; only shares keep it


class JobRun(Base):
    """One duty at one moment. The row is made once by whoever schedules, and done once by whoever runs it.

    Waiting: done_at is null. `sent_at`: handed to the broker; null where none took it. Done: `outcome` is done,
    superseded (a newer moment of the same duty came first) or failed (after the last attempt).
    """

    __tablename__ = "job_run"
    __audited__ = False

    job: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    due_at: Mapped[dt.datetime] = mapped_column(primary_key=True)
    created_at: Mapped[dt.datetime]
    sent_at: Mapped[dt.datetime | None]
    next_try_at: Mapped[dt.datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(sa.String(160))
    error: Mapped[str | None] = mapped_column(sa.Text)
    outcome: Mapped[str | None] = mapped_column(sa.String(20))
    done_at: Mapped[dt.datetime | None] = mapped_column(index=True)

    __table_args__ = (
        sa.Index(
            "ix_job_run_waiting",
            "next_try_at",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
    )


class ClockJump(Base):
    """A machine's clock was set while a program ran: by how much, and when by the clock as it is since."""

    __tablename__ = "clock_jump"
    __audited__ = False

    id: Mapped[int] = pk()
    at: Mapped[dt.datetime]
    seconds: Mapped[float]
    process: Mapped[str] = mapped_column(sa.String(160))
    followed: Mapped[bool]  # False: the database's clock did not jump, so this machine's is wrong
    moved: Mapped[float | None]  # seconds by which the rows moved (0: another process had); null: they had to stay
