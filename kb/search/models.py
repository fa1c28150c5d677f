"""What waits to be indexed, and what was sought in vain."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, pk
from core.db.base import Id


class SearchPending(Base):
    """A document that changed; written in the transaction that changed it. Kind * asks for a rebuild."""

    __tablename__ = "search_pending"
    __audited__ = False

    id: Mapped[int] = pk()
    kind: Mapped[str] = mapped_column(sa.String(20))
    key: Mapped[str] = mapped_column(sa.String(80))
    at: Mapped[dt.datetime]


class MissedSearch(Base):
    """Words that were sought and found nothing (K-05): a to-do list for writers. `text` is folded."""

    __tablename__ = "search_missed"
    __audited__ = False

    id: Mapped[int] = pk()
    text: Mapped[str] = mapped_column(sa.String(200), unique=True)
    count: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[dt.datetime]
    last_at: Mapped[dt.datetime] = mapped_column(index=True)
    last_unit_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("unit.id"))
    done_at: Mapped[dt.datetime | None]
