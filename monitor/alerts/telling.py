"""Collects what one batch has to tell, so that what began and ended inside it wakes nobody (A-03, M-15)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Protocol

from sqlalchemy.orm import Session

from cmdb.models import Health
from cmdb.service import clear_health, set_health_many
from cmdb.service.events import LogLine, log_events
from cmdb.service.health import Report
from core import outbox
from core.events.base import Event
from core.events.monitor import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertSeverityChanged,
    AlertsSuppressed,
    InhibitionMoved,
)
from core.i18n import gettext as _
from monitor.alerts.models import Alert
from monitor.quiet import rules as quiet
from monitor.quiet import seam
from monitor.rules import Severity, rose

_AN_EVENT = 500
"""Alerts named in one event at most: a silence may touch thousands."""


class Telling(Protocol):
    """What telling needs of an alert: the row itself, or what bulk intake knows of one it has just written."""

    @property
    def id(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def problem_key(self) -> str: ...
    @property
    def episode(self) -> int: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def alertname(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def starts_at(self) -> dt.datetime: ...
    @property
    def resolved_at(self) -> dt.datetime | None: ...
    @property
    def unit_id(self) -> int: ...
    @property
    def item_id(self) -> int | None: ...
    @property
    def service_id(self) -> int | None: ...
    @property
    def team_id(self) -> int | None: ...
    @property
    def check_id(self) -> int | None: ...


class Told:
    """The events of one transaction, and the alerts they are about, in the order they came."""

    def __init__(self, *, by: int | None = None) -> None:
        """`by`: the person whose doing it is, where it is one's."""
        self._events: list[tuple[Telling, Any]] = []
        self._touched: dict[int, Alert] = {}
        self._by = by

    def add(self, alert: Telling, event: Event) -> None:
        """Something to tell when the batch is over."""
        self._events.append((alert, event))
        if isinstance(alert, Alert) and isinstance(event, AlertRaised | AlertSeverityChanged | AlertResolved):
            self.touch(alert)

    def touch(self, alert: Alert) -> None:
        """Its label sets came, went or changed: whether it is quiet is decided when the batch is over."""
        self._touched[alert.id] = alert

    def record(self, session: Session, *, now: dt.datetime) -> None:
        """Write down what is still true; what came and went leaves only a line in the log, what is quiet waits."""
        outcome = seam.settle(session, self._touched.values(), before=self._before(), now=now)
        raised = {e.alert_id for _alert, e in self._events if isinstance(e, AlertRaised)}
        over = raised & {e.alert_id for _alert, e in self._events if isinstance(e, AlertResolved)}
        log_events(session, [line for alert, event in self._events if (line := _line(alert, event)) is not None])
        told = [e for _alert, e in self._events if e.alert_id not in over and not _waits(e, outcome)]
        for wave in _waves([*told, *_lifted(outcome, now)]):
            outbox.record_many(session, wave, now=now)
        outbox.record_many(session, _of_quiet(outcome, self._by, now), now=now)
        _say_health(session, list({alert.id: alert for alert, _event in self._events}.values()), now)
        self._events.clear()
        self._touched.clear()

    def _before(self) -> dict[int, Severity | None]:
        """Alert id → severity before this batch, None where it began in it."""
        before: dict[int, Severity | None] = {}
        for alert, event in self._events:
            if isinstance(event, AlertRaised):
                before.setdefault(alert.id, None)
            elif isinstance(event, AlertSeverityChanged):
                before.setdefault(alert.id, Severity(event.before))
        return before


def _waits(event: object, outcome: seam.Outcome) -> bool:
    """A beginning or a change of what is quiet is not told now."""
    return isinstance(event, AlertRaised | AlertSeverityChanged) and outcome.keeps_back(event.alert_id)


def _lifted(outcome: seam.Outcome, now: dt.datetime) -> list[Any]:
    """What was kept back of alerts that are quiet no more, where it differs from what was told before (M-06)."""
    events: list[Any] = []
    for alert, told in outcome.lifted:
        what = quiet.what_to_tell(told, alert.severity)
        if what is quiet.Told.RAISED:
            events.append(begun(alert))
        elif what is quiet.Told.CHANGED and told is not None:
            events.append(changed(alert, told))
        if what is not quiet.Told.NOTHING and alert.acknowledged_by is not None:
            events.append(_acknowledged(alert, alert.acknowledged_by, now))
    return events


def _of_quiet(outcome: seam.Outcome, by: int | None, now: dt.datetime) -> list[Event]:
    """That alerts went quiet or ceased to be, and that others may have to be looked at."""
    events: list[Event] = []
    for start in range(0, len(outcome.changed), _AN_EVENT):
        some = outcome.changed[start : start + _AN_EVENT]
        quiet_now, freed = [a for a in some if a.suppressed_by], [a for a in some if not a.suppressed_by]
        events.append(_suppressed(quiet_now, freed, by, now))
    if outcome.moved:
        events.append(InhibitionMoved(keys=sorted(outcome.moved), at=now))
    return events


def _suppressed(quiet_now: list[Alert], freed: list[Alert], by: int | None, now: dt.datetime) -> AlertsSuppressed:
    return AlertsSuppressed(
        alert_ids=[a.id for a in quiet_now],
        freed_ids=[a.id for a in freed],
        fingerprints=[a.fingerprint for a in (*quiet_now, *freed)],
        unit_ids=[a.unit_id for a in (*quiet_now, *freed)],
        person_id=by,
        at=now,
    )


def _acknowledged(alert: Alert, person_id: int, now: dt.datetime) -> AlertAcknowledged:
    return AlertAcknowledged(
        **who(alert),
        person_id=person_id,
        text=alert.acknowledged_text or "",
        at=alert.acknowledged_at or now,
        until=alert.acknowledged_until,
        sticky=alert.acknowledged_sticky,
    )


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


def _line(alert: Telling, event: object) -> LogLine | None:
    """The item's log gets the beginning and the end."""
    if alert.item_id is None or not isinstance(event, AlertRaised | AlertResolved):
        return None
    raised = isinstance(event, AlertRaised)
    text = alert.summary if raised else _("已恢复：%(what)s", what=alert.summary)
    return LogLine(alert.item_id, "alert", text, event.at, alert.fingerprint, "monitor")


_HEALTH = {Severity.CRITICAL: Health.CRITICAL, Severity.WARNING: Health.WARNING, Severity.UNKNOWN: Health.UNKNOWN}


def _say_health(session: Session, alerts: list[Telling], now: dt.datetime) -> None:
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


def who(alert: Telling) -> dict[str, Any]:
    """The fields that every alert event shares."""
    return {
        "alert_id": alert.id,
        "fingerprint": alert.fingerprint,
        "problem_key": alert.problem_key,
        "episode": alert.episode,
        "unit_id": alert.unit_id,
        "item_id": alert.item_id,
    }


def where(alert: Telling) -> dict[str, Any]:
    """As `who`, with service, team and check."""
    more = {"service_id": alert.service_id, "team_id": alert.team_id, "check_id": alert.check_id}
    return {**who(alert), **more}


def begun(alert: Telling) -> AlertRaised:
    """The alert begins, for whoever listens."""
    return AlertRaised(  # field by field: a storm makes thousands
        alert_id=alert.id,
        fingerprint=alert.fingerprint,
        problem_key=alert.problem_key,
        episode=alert.episode,
        unit_id=alert.unit_id,
        item_id=alert.item_id,
        service_id=alert.service_id,
        team_id=alert.team_id,
        check_id=alert.check_id,
        severity=alert.severity,
        alertname=alert.alertname,
        summary=alert.summary,
        source=alert.source,
        at=alert.starts_at,
    )


def changed(alert: Alert, before: Severity) -> AlertSeverityChanged:
    """Its severity is another one than was told."""
    return AlertSeverityChanged(
        **where(alert),
        before=before,
        after=alert.severity,
        rose=rose(before, alert.severity),
        summary=alert.summary,
        alertname=alert.alertname,
        at=alert.changed_at,
    )
