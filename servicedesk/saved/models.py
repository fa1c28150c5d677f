"""Saved filters, and what each person makes of those they see."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Team
from core.db import Base, pk
from core.db.base import Id


class SavedFilter(Base):
    """A filter with a name. Without a team it is its owner's alone; with one, the team's, and its head's to change.

    `query` holds the fields of TicketQuery that were given. Deleting sets `deleted_at`, so that it can be undone.
    """

    __tablename__ = "saved_filter"

    id: Mapped[int] = pk()
    owner_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("team.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(40))
    query: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime]
    deleted_at: Mapped[dt.datetime | None]

    team: Mapped[Team | None] = relationship()

    @property
    def __audit_name__(self) -> str:
        return self.name


class FilterChoice(Base):
    """In which order a person has the filters they see, and which one the list opens with; by key (see Entry)."""

    __tablename__ = "filter_choice"
    __audited__ = False

    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True, autoincrement=False)
    order: Mapped[list[str]] = mapped_column("ordering")
    default: Mapped[str | None] = mapped_column("default_key", sa.String(40))
