"""Collects what one batch has to tell, so that what began and ended inside it wakes nobody (A-03, M-15)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session

from cmdb.models import Health
from cmdb.service import clear_health, log_event, set_health
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
        for alert, event in self._events:
            _log(session, alert, event)
            if event.alert_id not in over:
                outbox.record(session, event, now=now)
        for alert in {alert.id: alert for alert, _event in self._events}.values():
            _say_health(session, alert, now)
        self._events.clear()


def _log(session: Session, alert: Alert, event: object) -> None:
    """The item's log gets the beginning and the end."""
    if alert.item_id is None or not isinstance(event, AlertRaised | AlertResolved):
        return
    raised = isinstance(event, AlertRaised)
    text = alert.summary if raised else _("已恢复：%(what)s", what=alert.summary)
    log_event(session, alert.item_id, "alert", text, event.at, ref=alert.fingerprint, actor="monitor")


_HEALTH = {Severity.CRITICAL: Health.CRITICAL, Severity.WARNING: Health.WARNING, Severity.UNKNOWN: Health.UNKNOWN}


def _say_health(session: Session, alert: Alert, now: dt.datetime) -> None:
    """An alert from outside speaks for its item while it fires; a check speaks for itself."""
    if alert.item_id is None or alert.check_id is not None:
        return
    source, state = f"alert:{alert.problem_key}", _HEALTH.get(alert.severity)
    if alert.resolved_at is not None or state is None:
        clear_health(session, alert.item_id, source, now=now)
    else:
        set_health(session, alert.item_id, source, state, alert.starts_at, now=now)


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
