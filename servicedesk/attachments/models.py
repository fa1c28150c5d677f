"""Attachments of tickets; the bytes lie under TAXOPS_HOME/attachments, by their hash."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person
from core.db import Base, enum_column, pk
from core.db.base import Id
from servicedesk.attachments.reading.reader import TextState


class Attachment(Base):
    """A file somebody added. `internal`: seen by whoever sees internal lines, as its comment is (T-18)."""

    __tablename__ = "ticket_attachment"

    id: Mapped[int] = pk()
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"), index=True)
    fact_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket_fact.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(130))
    size: Mapped[int]
    media_type: Mapped[str] = mapped_column(sa.String(100))
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    internal: Mapped[bool] = mapped_column(default=False)
    by_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    at: Mapped[dt.datetime]

    by: Mapped[Person] = relationship()
    said: Mapped[AttachmentText | None] = relationship(
        primaryjoin="foreign(Attachment.sha256) == AttachmentText.sha256", viewonly=True
    )

    @property
    def text_state(self) -> TextState:
        """Whether the search knows what is written in it; what is internal is in no index."""
        if self.internal:
            return TextState.NONE
        return self.said.state if self.said else TextState.WAITING


class AttachmentText(Base):
    """What a file says, once for each content however often it was sent. Kept, so that a rebuild reads no file again."""

    __tablename__ = "attachment_text"
    __audited__ = False

    id: Mapped[int] = pk()
    sha256: Mapped[str] = mapped_column(sa.String(64), unique=True)
    media_type: Mapped[str] = mapped_column(sa.String(100))
    state: Mapped[TextState] = enum_column(TextState, default=TextState.WAITING, index=True)
    text: Mapped[str] = mapped_column(sa.Text, default="", deferred=True)
    length: Mapped[int] = mapped_column(default=0, server_default="0")
    """Characters of `text`: what of it is looked at is decided before it is read."""
    read_at: Mapped[dt.datetime | None]
