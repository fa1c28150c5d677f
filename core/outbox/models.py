"""The outbox table."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, pk


class OutboxRow(Base):
    """One event on its way to one listener.

    Waiting: done_at and dead_at are null, next_try_at says from when. Done: done_at, kept for a week. Dead: dead_at,
    after the last attempt; an administrator sees it and can retry.
    """

    __tablename__ = "outbox"
    __audited__ = False

    id: Mapped[int] = pk()
    event: Mapped[str] = mapped_column(sa.String(80))
    payload: Mapped[str] = mapped_column(sa.Text)
    listener: Mapped[str] = mapped_column(sa.String(80))
    recorded_at: Mapped[dt.datetime]
    next_try_at: Mapped[dt.datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(sa.Text)
    done_at: Mapped[dt.datetime | None]
    dead_at: Mapped[dt.datetime | None]

    __table_args__ = (
        sa.Index(
            "ix_outbox_waiting",
            "next_try_at",
            "id",
            sqlite_where=sa.text("done_at IS NULL AND dead_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL AND dead_at IS NULL"),
        ),
        sa.Index(
            "ix_outbox_dead",
            "dead_at",
            sqlite_where=sa.text("dead_at IS NOT NULL"),
            postgresql_where=sa.text("dead_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_outbox_done",
            "done_at",
            sqlite_where=sa.text("done_at IS NOT NULL"),
            postgresql_where=sa.text("done_at IS NOT NULL"),
        ),
    )
