"""What handing up and urging tell."""

from __future__ import annotations

from core.events.base import Event


class HandedUp(Event, frozen=True, kw_only=True):
    """A hand-off was sent; the sender's team stays answerable until it is accepted."""

    handoff_id: int
    ticket_id: int
    number: str
    from_team_id: int
    to_team_id: int
    to_line: str
    sender_id: int | None = None


class HandoffAccepted(Event, frozen=True, kw_only=True):
    """The receiver is answerable now; `clarity` 1–5 scores the sheet."""

    handoff_id: int
    ticket_id: int
    number: str
    team_id: int
    holder_id: int
    clarity: int


class HandoffReturned(Event, frozen=True, kw_only=True):
    """Returned with a reason and what is missing; `arbiter_id` decides from the third bounce on."""

    handoff_id: int
    ticket_id: int
    number: str
    reason: str
    missing: str
    bounces: int
    to_team_id: int
    to_holder_id: int | None = None
    arbiter_id: int | None = None


class HandoffWithdrawn(Event, frozen=True, kw_only=True):
    """The sender took it back, or solved it after all."""

    handoff_id: int
    ticket_id: int
    number: str


class ArbiterDecided(Event, frozen=True, kw_only=True):
    """The arbiter named the team; it binds."""

    ticket_id: int
    number: str
    team_id: int
    arbiter_id: int


class TicketUrged(Event, frozen=True, kw_only=True):
    """The reporter or a superior urges; `head_id` is told too from the second on."""

    ticket_id: int
    number: str
    text: str
    count: int
    by_id: int
    holder_id: int | None = None
    team_id: int | None = None
    head_id: int | None = None
