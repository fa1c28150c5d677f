"""A person's authenticator and the codes for when it is lost."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, pk
from core.db.base import Id


class SecondFactor(Base):
    """One person's authenticator. Both secrets are sealed (core.sealed). `offered` was shown and waits for its first code;
    `secret` is in use since `confirmed_at`. `last_step`: the newest 30-second step whose code was taken; no code counts twice.

    Written down in the audit by hand, in words: what changes here are secrets and counters.
    """

    __tablename__ = "second_factor"
    __audited__ = False

    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True)
    secret: Mapped[str | None] = mapped_column(sa.String(200), info={"secret": True})
    offered: Mapped[str | None] = mapped_column(sa.String(200), info={"secret": True})
    confirmed_at: Mapped[dt.datetime | None]
    last_step: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class RecoveryCode(Base):
    """A code that stands once for the authenticator. Only its keyed hash is kept."""

    __tablename__ = "recovery_code"
    __audited__ = False

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    code_hash: Mapped[str] = mapped_column(sa.String(64), info={"secret": True})
    used_at: Mapped[dt.datetime | None]
