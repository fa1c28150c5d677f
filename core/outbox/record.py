"""Who listens to what, and writing an event down for each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.events.base import Event
from core.outbox.models import OutboxRow

E = TypeVar("E", bound=Event)
Handler = Callable[[Session, Any, dt.datetime], None]

_RECORDED = "outbox_recorded"


@dataclass
class Registry:
    """Subscriptions, filled once by the application's wiring, in the order of wiring."""

    listeners: dict[str, tuple[type[Event], Handler]] = field(default_factory=dict)
    by_event: dict[type[Event], list[str]] = field(default_factory=dict)
    on_commit: list[Callable[[], None]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget everything; the wiring is about to be done anew."""
        self.listeners.clear()
        self.by_event.clear()
        self.on_commit.clear()


registry = Registry()


def subscribe(event: type[E], name: str, handler: Callable[[Session, E, dt.datetime], None]) -> None:
    """Let `handler(session, event, now)` hear every `event`; `name` ("kb.draft_article") is kept in the rows.

    Raises ValueError when the name is taken by another handler.
    """
    key = f"{name}:{event.event_name()}"
    if key in registry.listeners and registry.listeners[key][1] is not handler:
        raise ValueError(f"listener {key} is subscribed twice")
    if key not in registry.listeners:
        registry.listeners[key] = (event, handler)
        registry.by_event.setdefault(event, []).append(key)


def record(session: Session, event: Event, *, now: dt.datetime) -> None:
    """Write `event` down for each listener, in the session's own transaction."""
    listeners = registry.by_event.get(type(event), ())
    if not listeners:
        return
    payload = event.dump()
    session.execute(
        sa.insert(OutboxRow),
        [
            {
                "event": event.event_name(),
                "payload": payload,
                "listener": key,
                "recorded_at": now,
                "next_try_at": now,
                "attempts": 0,
            }
            for key in listeners
        ],
    )
    session.info[_RECORDED] = True


@sa.event.listens_for(Session, "after_commit")
def _wake(session: Session) -> None:
    if session.info.pop(_RECORDED, False):
        for callback in registry.on_commit:
            callback()
