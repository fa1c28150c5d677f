"""What is too long to be called out is laid down here, and only its number is called."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, pk


class BusLetter(Base):
    """One long word from a process to all others; of no use after a few minutes."""

    __tablename__ = "bus_letter"
    __audited__ = False

    id: Mapped[int] = pk()
    text: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[dt.datetime] = mapped_column(index=True)
