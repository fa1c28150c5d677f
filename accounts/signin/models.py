"""Passwords somebody had: the last few, so that none comes back."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, pk
from core.db.base import Id


class FormerPassword(Base):
    """The argon2 hash of a password that was replaced."""

    __tablename__ = "former_password"
    __audited__ = False

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    password_hash: Mapped[str] = mapped_column(sa.String(200), info={"secret": True})
    replaced_at: Mapped[dt.datetime]
