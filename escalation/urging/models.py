"""Each urging, as a row of its own: the visible log and the quota."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person
from core.db import Base, pk
from core.db.base import Id


class Urging(Base):
    """Somebody urged; `told_head_id`: the holder's head, told from the second on."""

    __tablename__ = "urging"

    id: Mapped[int] = pk()
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"), index=True)
    at: Mapped[dt.datetime] = mapped_column(index=True)
    by_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    text: Mapped[str] = mapped_column(sa.Text)
    count: Mapped[int]
    holder_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    team_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("team.id"))
    told_head_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    by: Mapped[Person] = relationship(foreign_keys=[by_id])
