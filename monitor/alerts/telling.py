"""Collects what one batch has to tell, so that what began and ended inside it wakes nobody (A-03, M-15)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session

from cmdb.models import Health
from cmdb.service import clear_health, set_health_many
from cmdb.service.events import LogLine, log_events
from cmdb.service.health import Report
from core import outbox
from core.events.base import Event
from core.events.monitor import AlertRaised, AlertResolved
from core.i18n import gettext as _
from monitor.alerts.models import Alert
from monitor.rules import Severity


class Told:
    """The events of one transaction, and the alerts they are about, in the order they came."""

    def __init__(self) -> None:
        self._events: list[tuple[Alert, Any]] = []

    def add(self, alert: Alert, event: Event) -> None:
        """Something to tell when the batch is over."""
        self._events.append((alert, event))

    def record(self, session: Session, *, now: dt.datetime) -> None:
        """Write down what is still true; what came and went leaves only a line in the log."""
        raised = {e.alert_id for _alert, e in self._events if isinstance(e, AlertRaised)}
        over = raised & {e.alert_id for _alert, e in self._events if isinstance(e, AlertResolved)}
        log_events(session, [line for alert, event in self._events if (line := _line(alert, event)) is not None])
        for wave in _waves([event for _alert, event in self._events if event.alert_id not in over]):
            outbox.record_many(session, wave, now=now)
        _say_health(session, list({alert.id: alert for alert, _event in self._events}.values()), now)
        self._events.clear()


def _waves(events: list[Any]) -> Iterator[list[Any]]:
    """Events in batches: of one alert no two kinds in one, since a batch is told kind by kind."""
    wave: list[Any] = []
    kinds: dict[int, type] = {}
    for event in events:
        if kinds.setdefault(event.alert_id, type(event)) is not type(event):
            yield wave
            wave, kinds = [], {event.alert_id: type(event)}
        wave.append(event)
    if wave:
        yield wave


def _line(alert: Alert, event: object) -> LogLine | None:
    """The item's log gets the beginning and the end."""
    if alert.item_id is None or not isinstance(event, AlertRaised | AlertResolved):
        return None
    raised = isinstance(event, AlertRaised)
    text = alert.summary if raised else _("已恢复：%(what)s", what=alert.summary)
    return LogLine(alert.item_id, "alert", text, event.at, alert.fingerprint, "monitor")


_HEALTH = {Severity.CRITICAL: Health.CRITICAL, Severity.WARNING: Health.WARNING, Severity.UNKNOWN: Health.UNKNOWN}


def _say_health(session: Session, alerts: list[Alert], now: dt.datetime) -> None:
    """An alert from outside speaks for its item while it fires; a check speaks for itself."""
    reports = []
    for alert in alerts:
        if alert.item_id is None or alert.check_id is not None:
            continue
        source, state = f"alert:{alert.problem_key}", _HEALTH.get(alert.severity)
        if alert.resolved_at is not None or state is None:
            clear_health(session, alert.item_id, source, now=now)
        else:
            reports.append(Report(alert.item_id, source, state, alert.starts_at))
    set_health_many(session, reports, now=now)


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
