"""Hand-offs and arbitrations as objects of their own (E-01, E-03)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person, Team
from core.db import Base, enum_column, pk
from core.db.base import Id
from escalation.handoff.rules import HandoffState
from servicedesk.custody.rules import Line
from servicedesk.tickets.models import Ticket


class Handoff(Base):
    """One handing over: from, to, why, the sheet, the search on record, when sent, when accepted or returned.

    `sheet_version` pins the lines it was filled by. `arbiter_id`: set on the return that went to the arbiter, whose
    decision is waited for until `decided_at`, or until the matter itself ended (`lapsed_at`).
    """

    __tablename__ = "handoff"

    id: Mapped[int] = pk()
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"), index=True)
    state: Mapped[HandoffState] = enum_column(HandoffState)
    from_team_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("team.id"))
    from_line: Mapped[Line] = enum_column(Line)
    from_holder_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    to_team_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("team.id"), index=True)
    to_line: Mapped[Line] = enum_column(Line)
    reason: Mapped[str] = mapped_column(sa.Text)
    sheet: Mapped[dict[str, Any]]
    sheet_version: Mapped[int]
    search: Mapped[dict[str, Any]]
    route: Mapped[str] = mapped_column(sa.String(20))  # page | api | bulk | timer | mail
    sent_at: Mapped[dt.datetime]
    sent_by_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    accepted_at: Mapped[dt.datetime | None]
    accepted_by_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    clarity: Mapped[int | None]
    clarity_comment: Mapped[str | None] = mapped_column(sa.Text)
    returned_at: Mapped[dt.datetime | None]
    returned_by_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    return_reason: Mapped[str | None] = mapped_column(sa.Text)
    missing: Mapped[str | None] = mapped_column(sa.Text)
    withdrawn_at: Mapped[dt.datetime | None]
    arbiter_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    arbiter_unit_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("unit.id"))
    decided_at: Mapped[dt.datetime | None]
    lapsed_at: Mapped[dt.datetime | None]

    ticket: Mapped[Ticket] = relationship()
    from_team: Mapped[Team] = relationship(foreign_keys=[from_team_id])
    to_team: Mapped[Team] = relationship(foreign_keys=[to_team_id])
    sent_by: Mapped[Person | None] = relationship(foreign_keys=[sent_by_id])
    accepted_by: Mapped[Person | None] = relationship(foreign_keys=[accepted_by_id])
    returned_by: Mapped[Person | None] = relationship(foreign_keys=[returned_by_id])
    arbiter: Mapped[Person | None] = relationship(foreign_keys=[arbiter_id])

    __table_args__ = (
        sa.Index(
            "uq_handoff_pending",
            "ticket_id",
            unique=True,
            sqlite_where=sa.text("state = 'sent'"),
            postgresql_where=sa.text("state = 'sent'"),
        ),
        sa.Index("ix_handoff_to_state", "to_team_id", "state"),
    )

    @property
    def __audit_name__(self) -> str:
        return f"handoff:{self.id}"


class Arbitration(Base):
    """What an arbiter decided: `team` has it and may not give it back to `against`."""

    __tablename__ = "arbitration"

    id: Mapped[int] = pk()
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"), index=True)
    team_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("team.id"))
    against_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("team.id"))
    by_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[dt.datetime]
