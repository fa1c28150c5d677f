"""Notices, whom they reach, and who confirmed having read them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person, Unit
from core.db import Base, enum_column, pk
from core.db.base import Id
from kb.notices.states import State


class Notice(Base):
    """A notice. `body` is Markdown; it is seen from `starts_at` until `ends_at`, or until its ticket is solved."""

    __tablename__ = "notice"

    id: Mapped[int] = pk()
    number: Mapped[str] = mapped_column(sa.String(20), unique=True)
    state: Mapped[State] = enum_column(State)
    title: Mapped[str] = mapped_column(sa.String(200))
    body: Mapped[str] = mapped_column(sa.Text)
    tags: Mapped[list[str]]
    services: Mapped[list[Any]]
    error_codes: Mapped[list[str]]
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    ended_by_ticket: Mapped[bool] = mapped_column(default=False)
    must_read: Mapped[bool] = mapped_column(default=False)
    ticket: Mapped[str | None] = mapped_column(sa.String(20), index=True)
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    author_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)
    confirm_from: Mapped[int] = mapped_column(default=1)  # receipts of older versions do not count
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime] = mapped_column(info={"silent": True})
    published_at: Mapped[dt.datetime | None]

    unit: Mapped[Unit] = relationship()
    author: Mapped[Person] = relationship()
    reaches: Mapped[list[NoticeUnit]] = relationship(cascade="all, delete-orphan", order_by="NoticeUnit.unit_id")

    __table_args__ = (
        sa.Index("ix_notice_state_starts", "state", "starts_at"),
        sa.Index("ix_notice_updated", "updated_at", "id"),
    )

    @property
    def __audit_name__(self) -> str:
        return self.number


class NoticeUnit(Base):
    """A unit whose whole subtree a notice reaches."""

    __tablename__ = "notice_unit"

    notice_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("notice.id"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), primary_key=True, index=True)

    unit: Mapped[Unit] = relationship()


class NoticeReceipt(Base):
    """Somebody confirmed having read it, at which version."""

    __tablename__ = "notice_receipt"
    __audited__ = False

    notice_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("notice.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True, index=True)
    read_at: Mapped[dt.datetime]
    version: Mapped[int]


class NoticeCounter(Base):
    """The last number given in a year."""

    __tablename__ = "notice_counter"
    __audited__ = False

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
