"""The alert of a check: made at HARD critical, warning or unknown, or for want of data (contract, `/alerts`)."""

import datetime as dt
from collections.abc import Mapping
from typing import Protocol

from sqlalchemy.orm import Session

from core.i18n import gettext as _
from monitor import rules
from monitor.alerts import keys, service
from monitor.alerts.models import Alert
from monitor.alerts.telling import Told
from monitor.models import CheckState
from monitor.places import Place
from monitor.rules import AlertStep, Severity
from monitor.states import Standing

DESCRIPTION = "description"
"""The annotation with a result's words."""
_SUMMARY_LIMIT = 300


class Checked(Protocol):
    """What an alert says of its check: the row itself, or what intake knows of it."""

    @property
    def id(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...


def after_result(
    session: Session,
    check: Checked,
    place: Place,
    standing: Standing,
    output: str,
    *,
    known: Mapping[str, Alert],
    told: Told,
    now: dt.datetime,
) -> Alert | None:
    """Raise, change, end or keep the check's alert after a result; returns the one touched.

    `known`: the newest episode of each problem, as service.newest() says.
    """
    alert = _open_one(known, check)
    step = rules.alert_step(alert.severity if alert is not None else None, standing)
    severity = rules.severity_of(standing.state)
    if step is AlertStep.KEEP:
        if alert is not None and severity is alert.severity:
            _seen_again(alert, output, now)
        return alert
    if step is AlertStep.RESOLVE and alert is not None:
        service.resolve(alert, at=standing.at, why="recovered", told=told)
        return alert
    if severity is None:
        return alert
    firing = _firing(check, place, severity, standing.at, _worded(place, check, output), output)
    if alert is None:
        return service.fire(session, firing, told=told, now=now, known=known)
    service.change(session, alert, firing, told=told, now=now)
    return alert


def no_data(
    session: Session,
    state: CheckState,
    place: Place,
    *,
    since: dt.datetime,
    known: Mapping[str, Alert],
    told: Told,
    now: dt.datetime,
) -> None:
    """An alert of severity unknown, unless one is open: nothing was heard for longer than the check's freshness."""
    if _open_one(known, state.check) is not None:
        return
    text = _("超过 %(n)s 秒没有收到检测结果", n=state.check.freshness_s)
    firing = _firing(state.check, place, Severity.UNKNOWN, since, _worded(place, state.check, text), text)
    service.fire(session, firing, told=told, now=now, known=known)


def _open_one(known: Mapping[str, Alert], check: Checked) -> Alert | None:
    newest = known.get(keys.problem_key_of_check(check.id))
    return newest if newest is not None and newest.resolved_at is None else None


def _seen_again(alert: Alert, output: str, now: dt.datetime) -> None:
    """A-01: again the same only moves last-seen and count."""
    for member in alert.members:
        if member.resolved_at is None:
            member.last_seen_at, member.count = now, member.count + 1
            if member.annotations.get(DESCRIPTION) != output:
                member.annotations = {**member.annotations, DESCRIPTION: output}


def labels_of(check: Checked, place: Place, severity: Severity) -> dict[str, str]:
    """The labels the contract promises; those without a value are left out, as everywhere in Prometheus' world."""
    labels = {
        "alertname": check.name or check.type,
        "severity": severity.value,
        "item": place.name,
        "item_id": str(place.item_id),
        "check_id": str(check.id),
        "unit": place.unit_code,
        "service": place.service_name,
        "source": "taxops",
    }
    return {name: value for name, value in labels.items() if value}


def _worded(place: Place, check: Checked, output: str) -> str:
    first = output.strip().splitlines()[0] if output.strip() else check.name or check.type
    return _("%(item)s：%(what)s", item=place.name, what=first)[:_SUMMARY_LIMIT]


def _firing(
    check: Checked, place: Place, severity: Severity, at: dt.datetime, summary: str, description: str
) -> service.Firing:
    return service.Firing(
        problem_key=keys.problem_key_of_check(check.id),
        labels=labels_of(check, place, severity),
        annotations={"summary": summary, DESCRIPTION: description},
        severity=severity,
        summary=summary,
        source="heartbeat" if check.type == "heartbeat" else "check",
        starts_at=at,
        where=service.Where(place.unit_id, place.item_id, place.service_id, place.team_id, check.id),
    )
