"""A run over many tickets, and what became of each."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person
from core.db import Base, enum_column, pk
from core.db.base import Id


class ItemState(StrEnum):
    """What became of one ticket of a run."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # the run was stopped before


class BulkRun(Base):
    """One person's action on many tickets. It is over once `finished_at` is set; `stopped_at`: they called it off.

    `given` holds what the action asks for, `scopes` those of the API token it was ordered with (null: a session's).
    """

    __tablename__ = "bulk_run"

    id: Mapped[int] = pk()
    by_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    action: Mapped[str] = mapped_column(sa.String(20))
    given: Mapped[dict[str, Any]] = mapped_column(info={"silent": True})  # a comment's text, internal ones too
    scopes: Mapped[list[str] | None]
    total: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(index=True)
    stopped_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})

    by: Mapped[Person] = relationship()

    __table_args__ = (sa.Index("ix_bulk_run_by", "by_id", "id"),)


class BulkItem(Base):
    """One ticket of a run, in the order given. Its change and its state are one transaction: neither without the other."""

    __tablename__ = "bulk_item"
    __audited__ = False

    run_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("bulk_run.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[str] = mapped_column(sa.String(20))
    state: Mapped[ItemState] = enum_column(ItemState)
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[dt.datetime | None]
