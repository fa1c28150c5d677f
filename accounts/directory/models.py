"""What became of each sync with the directory."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, enum_column, pk


class Outcome(StrEnum):
    """How a sync ended. Only DONE changed anything."""

    DONE = "done"
    STOPPED = "stopped"  # it would have disabled too many
    FAILED = "failed"  # the directory could not be asked, or something refused


class DirectoryRun(Base):
    """One sync that was more than looking. `counts`: steps by kind; `note`: why it was not done."""

    __tablename__ = "directory_run"
    __audited__ = False  # the trail has each change, and the run as a row of its own

    id: Mapped[int] = pk()
    at: Mapped[dt.datetime] = mapped_column(index=True)
    by: Mapped[str] = mapped_column(sa.String(80))
    outcome: Mapped[Outcome] = enum_column(Outcome)
    counts: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(sa.String(400), default="")
