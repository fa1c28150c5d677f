"""The base of all events, and how they are written to and read from the outbox."""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that happened, with ids and primitives only.

    Subclasses live in core/events/<publisher>.py; new fields need a default, since older rows may lack them.
    """

    @classmethod
    def event_name(cls) -> str:
        """The publisher's module and the class, such as `servicedesk.IncidentOpened`."""
        return f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}"

    def dump(self) -> str:
        """JSON for the outbox."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def load(cls, text: str) -> Event:
        """The event that `dump` wrote; raises msgspec.ValidationError when it does not fit."""
        return msgspec.json.decode(text.encode(), type=cls)


def event_class(name: str) -> type[Event]:
    """The class known by `name`; raises KeyError when nothing of that name was imported."""
    return _all_classes()[name]


def _all_classes() -> dict[str, type[Event]]:
    found: dict[str, type[Event]] = {}
    queue: list[type[Event]] = list(Event.__subclasses__())
    while queue:
        cls = queue.pop()
        found[cls.event_name()] = cls
        queue.extend(cls.__subclasses__())
    return found
