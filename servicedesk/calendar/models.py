"""What was entered by hand. Holidays themselves come from the library and are not stored."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class CalendarRoot(Base):
    """The one row of the calendar as a whole: the usual hours, years declared complete, and how often it changed."""

    __tablename__ = "calendar_root"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(info={"silent": True})
    changed_at: Mapped[dt.datetime] = mapped_column(info={"silent": True})
    segments: Mapped[list[Any]]
    complete_years: Mapped[list[Any]]

    @property
    def __audit_name__(self) -> str:
        return "calendar"


class CalendarDay(Base):
    """A day entered by hand. `segments` null: a working day has the usual hours."""

    __tablename__ = "calendar_day"

    day: Mapped[dt.date] = mapped_column(sa.Date, primary_key=True)
    working: Mapped[bool]
    segments: Mapped[list[Any] | None]
    why: Mapped[str] = mapped_column(sa.String(200), default="")

    @property
    def __audit_name__(self) -> str:
        return f"calendar:{self.day.isoformat()}"


class CalendarFiling(Base):
    """The filing period (征期) of a month, set by hand; both days included."""

    __tablename__ = "calendar_filing"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    month: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[dt.date] = mapped_column(sa.Date)
    last: Mapped[dt.date] = mapped_column(sa.Date)

    @property
    def __audit_name__(self) -> str:
        return f"filing-period:{self.year:04d}-{self.month:02d}"
