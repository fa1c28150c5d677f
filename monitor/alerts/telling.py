"""Collects the events of one batch, so that what began and ended inside it wakes nobody (A-03, M-15)."""

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session

from core import outbox
from core.events.base import Event
from core.events.monitor import AlertRaised, AlertResolved
from monitor.alerts.models import Alert


class Told:
    """The events of one transaction, written to the outbox by `record` in the order they came."""

    def __init__(self) -> None:
        self._events: list[Any] = []

    def add(self, event: Event) -> None:
        """Something to tell when the batch is over."""
        self._events.append(event)

    def record(self, session: Session, *, now: dt.datetime) -> None:
        """Write down what is still true; an episode raised and resolved meanwhile leaves nothing."""
        raised = {e.alert_id for e in self._events if isinstance(e, AlertRaised)}
        over = raised & {e.alert_id for e in self._events if isinstance(e, AlertResolved)}
        for event in self._events:
            if event.alert_id not in over:
                outbox.record(session, event, now=now)
        self._events.clear()


def who(alert: Alert) -> dict[str, Any]:
    """The fields that every alert event shares."""
    return {
        "alert_id": alert.id,
        "fingerprint": alert.fingerprint,
        "problem_key": alert.problem_key,
        "episode": alert.episode,
        "unit_id": alert.unit_id,
        "item_id": alert.item_id,
    }


def where(alert: Alert) -> dict[str, Any]:
    """As `who`, with service, team and check."""
    more = {"service_id": alert.service_id, "team_id": alert.team_id, "check_id": alert.check_id}
    return {**who(alert), **more}
