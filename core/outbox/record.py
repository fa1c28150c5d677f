"""Who listens to what, and writing an event down for each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db import committed
from core.events.base import Event
from core.outbox.models import OutboxRow

E = TypeVar("E", bound=Event)
Handler = Callable[[Session, Any, dt.datetime], None]
ManyHandler = Callable[[Session, Sequence[Any], dt.datetime], None]

_RECORDED = "outbox_recorded"
_INSERT = sa.insert(OutboxRow.__table__)  # type: ignore[arg-type]  # mapped classes have tables


@dataclass
class Registry:
    """Subscriptions, filled once by the application's wiring, in the order of wiring."""

    listeners: dict[str, tuple[type[Event], Handler]] = field(default_factory=dict)
    in_bulk: dict[str, ManyHandler] = field(default_factory=dict)
    at_once: dict[str, int | None] = field(default_factory=dict)
    by_event: dict[type[Event], list[str]] = field(default_factory=dict)
    on_commit: list[Callable[[], None]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget everything; the wiring is about to be done anew."""
        self.listeners.clear()
        self.in_bulk.clear()
        self.at_once.clear()
        self.by_event.clear()
        self.on_commit.clear()


registry = Registry()


def subscribe(
    event: type[E],
    name: str,
    handler: Callable[[Session, E, dt.datetime], None],
    *,
    many: Callable[[Session, Sequence[E], dt.datetime], None] | None = None,
    at_once: int | None = None,
) -> None:
    """Let `handler(session, event, now)` hear every `event`; `name` ("kb.draft_article") is kept in the rows.

    `many(session, events, now)`, where given, hears the events of a batch at once, as one piece of work: whoever can do
    with a thousand in one statement says so here, and with `at_once` how many are enough for one transaction. Where it
    fails, the events are handled one by one after all.
    Raises ValueError when the name is taken by another handler.
    """
    key = f"{name}:{event.event_name()}"
    if key in registry.listeners and registry.listeners[key][1] is not handler:
        raise ValueError(f"listener {key} is subscribed twice")
    if key not in registry.listeners:
        registry.listeners[key] = (event, handler)
        registry.by_event.setdefault(event, []).append(key)
        if many is not None:
            registry.in_bulk[key], registry.at_once[key] = many, at_once


def record(session: Session, event: Event, *, now: dt.datetime) -> None:
    """Write `event` down for each listener, in the session's own transaction."""
    record_many(session, [event], now=now)


def record_many(session: Session, events: Iterable[Event], *, now: dt.datetime) -> None:
    """Write down what one piece of work has to tell: one row for each kind of event and listener, not for each event.

    The relay hands the events of a batch on one by one or in bulk, as their listener likes, and sets a failing one apart.
    Events of the same matter must not come here in an order that matters between kinds; see Told for how it is kept.
    """
    rows = []
    for kind, batch in _by_kind(events).items():
        payload = dump(batch)
        rows += [_row(kind, key, payload, now) for key in registry.by_event.get(kind, ())]
    if rows:
        session.connection().execute(_INSERT, rows)
        session.info[_RECORDED] = True


def _by_kind(events: Iterable[Event]) -> dict[type[Event], list[Event]]:
    found: dict[type[Event], list[Event]] = {}
    for event in events:
        if registry.by_event.get(type(event)):
            found.setdefault(type(event), []).append(event)
    return found


def dump(events: Sequence[Event]) -> str:
    """The payload of a row: the event itself, or a list of several of one kind."""
    return events[0].dump() if len(events) == 1 else msgspec.json.encode(list(events)).decode()


def load(kind: type[Event], payload: str) -> list[Event]:
    """What `dump` wrote; raises msgspec.ValidationError when it does not fit."""
    if not payload.startswith("["):
        return [kind.load(payload)]
    found: list[Event] = msgspec.json.decode(payload.encode(), type=list[kind])  # type: ignore[valid-type]  # at run time
    return found


def _row(kind: type[Event], listener: str, payload: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "event": kind.event_name(),
        "payload": payload,
        "listener": listener,
        "recorded_at": now,
        "next_try_at": now,
        "attempts": 0,
    }


@committed.on_commit
def _wake(session: Session) -> None:
    if session.info.pop(_RECORDED, False):
        for callback in registry.on_commit:
            callback()
