"""Tickets, what happened to them, who may see them, and the alert episodes they answer."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person, Team, Unit
from accounts.scope import PrincipalRow
from core.db import Base, enum_column, pk
from core.db.base import Id
from servicedesk.custody.rules import Line
from servicedesk.tickets.states import ENDED, FINISHED, Kind, State


class Source(StrEnum):
    """How a ticket came in."""

    PERSON = "person"
    ALERT = "alert"
    MAIL = "mail"
    API = "api"


_OPEN_WITH_KEY = sa.text(
    "problem_key IS NOT NULL AND state NOT IN ({})".format(", ".join(f"'{s}'" for s in sorted(ENDED)))
)


#: What a list is narrowed to by one value: each with an index in the order of the list, so that its first page is fifty
#: steps away however many there are.
_LISTED_BY = {
    "unit": "unit_id", "reporter": "reporter_id", "service": "service_id", "team": "team_id", "holder": "holder_id",
    "state": "state", "kind": "kind", "category": "category", "priority": "priority", "line": "line",
}  # fmt: skip
_OPEN = "state NOT IN ({})".format(", ".join(f"'{s}'" for s in sorted(FINISHED)))


def _partial(name: str, columns: tuple[str, ...], condition: str) -> sa.Index:
    return sa.Index(name, *columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


class Ticket(Base):
    """One matter. Holder, team and line are projections of the custody ledger, written by custody.transfer() alone.

    `definitions` pins the versions of process, guide and sheet it began with. `next_due_at` is a projection of the
    clocks: when the next running target ends, null while all are paused or stopped. Times are UTC.
    """

    __tablename__ = "ticket"

    id: Mapped[int] = pk()
    number: Mapped[str] = mapped_column(sa.String(20), unique=True)
    kind: Mapped[Kind] = enum_column(Kind)
    state: Mapped[State] = enum_column(State)
    title: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    category: Mapped[str] = mapped_column(sa.String(40))
    source: Mapped[Source] = enum_column(Source)
    urgency: Mapped[int]
    impact: Mapped[int]
    priority: Mapped[int]
    major: Mapped[bool] = mapped_column(default=False)
    people_hit: Mapped[int] = mapped_column(default=0)
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"))
    reporter_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    item_id: Mapped[int | None] = mapped_column(Id, index=True)
    service_id: Mapped[int | None] = mapped_column(Id)
    parent_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("ticket.id"), index=True)
    team_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("team.id"))
    holder_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    line: Mapped[Line] = enum_column(Line)
    opened_at: Mapped[dt.datetime]
    since: Mapped[dt.datetime | None]
    accepted_at: Mapped[dt.datetime | None]
    resolved_at: Mapped[dt.datetime | None]
    closed_at: Mapped[dt.datetime | None]
    auto_close_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})
    updated_at: Mapped[dt.datetime] = mapped_column(info={"silent": True})
    next_due_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})
    problem_key: Mapped[str | None] = mapped_column(sa.String(200))
    error_code: Mapped[str | None] = mapped_column(sa.String(40))
    answers: Mapped[dict[str, Any] | None]
    definitions: Mapped[dict[str, Any]]
    solution: Mapped[str | None] = mapped_column(sa.Text)
    cause: Mapped[str | None] = mapped_column(sa.Text)
    article: Mapped[str | None] = mapped_column(sa.String(20))
    stars: Mapped[int | None]
    stars_comment: Mapped[str | None] = mapped_column(sa.Text)
    acknowledged_at: Mapped[dt.datetime | None]
    acknowledged_by_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    handoff_pending: Mapped[bool] = mapped_column(default=False, info={"silent": True})
    reopened: Mapped[int] = mapped_column(default=0)
    bounces: Mapped[int] = mapped_column(default=0)
    urged: Mapped[int] = mapped_column(default=0)
    facts: Mapped[int] = mapped_column(default=0, info={"silent": True})
    planned_start: Mapped[dt.datetime | None]
    planned_end: Mapped[dt.datetime | None]
    actual_start: Mapped[dt.datetime | None]
    actual_end: Mapped[dt.datetime | None]
    items: Mapped[list[Any] | None]

    unit: Mapped[Unit] = relationship()
    team: Mapped[Team] = relationship()
    reporter: Mapped[Person | None] = relationship(foreign_keys=[reporter_id])
    holder: Mapped[Person | None] = relationship(foreign_keys=[holder_id])
    parent: Mapped[Ticket | None] = relationship(remote_side="Ticket.id", foreign_keys=[parent_id])

    __table_args__ = (
        sa.Index(
            "uq_ticket_open_problem",
            "problem_key",
            unique=True,
            sqlite_where=_OPEN_WITH_KEY,
            postgresql_where=_OPEN_WITH_KEY,
        ),
        sa.Index("ix_ticket_opened", "opened_at", "id"),
        *(sa.Index(f"ix_ticket_{name}_opened", column, "opened_at", "id") for name, column in _LISTED_BY.items()),
        *(
            _partial(f"ix_ticket_{name}", ("opened_at", "id"), f"{name} > 0")
            for name in ("bounces", "reopened", "urged")
        ),
        _partial("ix_ticket_open", ("opened_at", "id"), _OPEN),
        _partial("ix_ticket_open_holder", ("holder_id",), _OPEN),
        _partial("ix_ticket_due", ("next_due_at",), "next_due_at IS NOT NULL"),
        sa.Index("ix_ticket_holder_updated", "holder_id", "updated_at"),
        sa.Index("ix_ticket_resolved", "resolved_at"),
        sa.Index("ix_ticket_closed", "closed_at"),
        sa.Index("ix_ticket_state_due", "state", "next_due_at"),
        sa.Index("ix_ticket_team_state", "team_id", "state"),
        sa.Index("ix_ticket_updated", "updated_at", "id"),
        sa.Index(
            "ix_ticket_auto_close",
            "auto_close_at",
            sqlite_where=sa.text("auto_close_at IS NOT NULL"),
            postgresql_where=sa.text("auto_close_at IS NOT NULL"),
        ),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name="priority"),
    )

    @property
    def __audit_name__(self) -> str:
        return self.number

    @property
    def ended(self) -> bool:
        """Custody and clocks are over."""
        return self.state in ENDED


#: Still to be worked on, and a count above none, worded as the partial indexes are: a parameter would match none of them.
UNFINISHED: sa.ColumnElement[bool] = Ticket.state.not_in([sa.literal_column(f"'{s}'") for s in sorted(FINISHED)])


def above_none(column: Any) -> sa.ColumnElement[bool]:
    """`column` > 0, as its partial index says it."""
    condition: sa.ColumnElement[bool] = column > sa.literal_column("0")
    return condition


class TicketNumber(Base):
    """The last sequence number given out for a kind and year."""

    __tablename__ = "ticket_number"
    __audited__ = False

    prefix: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class TicketFact(Base):
    """One thing that happened: the timeline, and what the clocks are computed from. Append-only.

    `at` is when it happened, `received_at` when it was written down. `internal` lines are not for the reporter.
    """

    __tablename__ = "ticket_fact"
    __audited__ = False

    id: Mapped[int] = pk()
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"))
    seq: Mapped[int]
    at: Mapped[dt.datetime]
    received_at: Mapped[dt.datetime]
    kind: Mapped[str] = mapped_column(sa.String(40))
    actor_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    data: Mapped[dict[str, Any]]
    text: Mapped[str] = mapped_column(sa.Text, default="")
    internal: Mapped[bool] = mapped_column(default=False)

    actor: Mapped[Person | None] = relationship()

    __table_args__ = (sa.UniqueConstraint("ticket_id", "seq"), sa.Index("ix_ticket_fact_kind_at", "kind", "at"))


class TicketPrincipal(PrincipalRow, Base):
    """Who may see a ticket, since when and why."""

    __tablename__ = "ticket_principal"
    __audited__ = False

    id: Mapped[int] = pk()
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"))

    __table_args__ = (
        sa.Index("ix_ticket_principal_who", "kind", "principal_id", "ticket_id"),
        sa.Index("ix_ticket_principal_of", "ticket_id", "kind", "principal_id", "until_at"),
    )


class TicketEpisode(Base):
    """An alert (one episode, one firing) that a ticket answers; an episode belongs to one ticket.

    Without a ticket: its end was heard before its beginning, which is still on its way.
    """

    __tablename__ = "ticket_episode"
    __audited__ = False

    alert_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    ticket_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("ticket.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(sa.String(64), index=True)
    severity: Mapped[str] = mapped_column(sa.String(20))
    started_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]


class StepDone(Base):
    """A step of the category's solution standard that somebody did (T-19)."""

    __tablename__ = "ticket_step_done"

    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"), primary_key=True)
    step: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    at: Mapped[dt.datetime]
    by_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))

    by: Mapped[Person] = relationship()


class TicketDraft(Base):
    """One person's unsent comment on one ticket; nothing else of the ticket touches it."""

    __tablename__ = "ticket_draft"
    __audited__ = False

    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True)
    text: Mapped[str] = mapped_column(sa.Text)
    internal: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[dt.datetime] = mapped_column(index=True)
