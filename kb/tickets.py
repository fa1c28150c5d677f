"""What the knowledge base asks of tickets, which live above it: the service desk provides it in its wiring.

kb.tickets.provide(TheDesk())
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from accounts.scope import Viewer


@dataclass(frozen=True)
class TicketFacts:
    """What an article can learn from a ticket. `resolved_by_id` and `unit_id` say whose draft it becomes.

    `unit_id`: the unit of our own that held it last. A vendor's solution is ours to review and to read.
    """

    number: str
    title: str
    description: str
    category: str
    url: str
    solution: str = ""
    cause: str | None = None
    service_id: int | None = None
    service: str = ""
    item: str = ""
    error_code: str | None = None
    article: str | None = None
    resolved_by_id: int | None = None
    unit_id: int | None = None
    parent: bool = False


@dataclass(frozen=True)
class PublicCard:
    """What neighbours may know of an open matter (T-08), and where one says that one is hit too."""

    number: str
    kind: str
    service: str
    error_code: str
    area: str
    since: dt.datetime
    state: str
    me_too_url: str = ""


class Desk(Protocol):
    """The service desk as the knowledge base sees it."""

    def facts(self, session: Session, number: str, viewer: Viewer | None) -> TicketFacts | None:
        """The ticket, if there is one and the viewer may see it; without a viewer (handlers) any."""

    def cards(
        self, session: Session, viewer: Viewer, *, text: str, category: str | None, service_id: int | None, limit: int
    ) -> list[PublicCard]:
        """Open matters of the same fault nearby, the likeliest first."""


class _Nobody:
    """Before the service desk is wired in: no tickets."""

    def facts(self, session: Session, number: str, viewer: Viewer | None) -> TicketFacts | None:  # noqa: ARG002
        return None

    def cards(self, *_who: object, **_what: object) -> list[PublicCard]:
        return []


_desk: Desk = _Nobody()


def provide(desk: Desk) -> None:
    """Wire the service desk in; the last one wins."""
    global _desk  # noqa: PLW0603  wiring happens once for each process
    _desk = desk


def desk() -> Desk:
    """The service desk, or one without tickets."""
    return _desk
