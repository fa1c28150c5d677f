"""Events are frozen facts with ids and primitives, one module for each publisher.

Every event class is known by its `name` ("servicedesk.IncidentOpened"), under which the outbox keeps it.
"""

from core.events.base import Event, event_class

__all__ = ["Event", "event_class"]
