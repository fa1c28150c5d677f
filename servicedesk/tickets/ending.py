"""What ends together with a matter: rooms above hang on in their wiring, and run in the transaction that ends it.

ending.also("handoff", handoff_ending.matter_ended)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy.orm import Session

from servicedesk.tickets.models import Ticket

Follower = Callable[[Session, Ticket, dt.datetime], None]

_followers: dict[str, Follower] = {}


def also(name: str, follower: Follower) -> None:
    """Have `follower` called whenever a matter is solved, cancelled or closed; the same name again replaces it."""
    _followers[name] = follower


def run(session: Session, ticket: Ticket, *, now: dt.datetime) -> None:
    """The matter was just solved, cancelled or closed; whatever hangs on it ends now, or nothing of it does."""
    for follower in _followers.values():
        follower(session, ticket, now)
