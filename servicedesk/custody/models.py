"""The ledger of custody as rows: the truth that a ticket's holder, team and line are projected from."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person, Team
from core.db import Base, enum_column, pk
from core.db.base import Id
from servicedesk.custody.rules import Line, Span, WaitingFor


class CustodySpan(Base):
    """One stretch of custody. Append-only: nothing but the open row's `until` is ever written again, once."""

    __tablename__ = "custody_span"
    __audited__ = False

    id: Mapped[int] = pk()
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"))
    seq: Mapped[int]
    team_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("team.id"))
    holder_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    line: Mapped[Line] = enum_column(Line)
    since: Mapped[dt.datetime]
    until: Mapped[dt.datetime | None]
    waiting_for: Mapped[WaitingFor | None] = enum_column(WaitingFor, nullable=True)
    waiting_team_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("team.id"))
    why: Mapped[str] = mapped_column(sa.String(40))

    team: Mapped[Team] = relationship(foreign_keys=[team_id])
    holder: Mapped[Person | None] = relationship(foreign_keys=[holder_id])

    __table_args__ = (
        sa.UniqueConstraint("ticket_id", "seq"),
        sa.Index(
            "uq_custody_span_open",
            "ticket_id",
            unique=True,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        ),
        sa.Index("ix_custody_span_holder", "holder_id", "until"),
        sa.Index(
            "ix_custody_span_waiting",
            "waiting_team_id",
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        ),
    )

    def span(self) -> Span:
        """This row as a value of the ledger's algebra."""
        return Span(
            team=self.team_id,
            line=self.line,
            since=self.since,
            holder=self.holder_id,
            until=self.until,
            waiting_for=self.waiting_for,
            waiting_team=self.waiting_team_id,
        )
