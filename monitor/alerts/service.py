"""The life of an alert: fire, change, end, acknowledge. Every verb takes the session and `now`, and never commits."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from core.events.monitor import (
    AlertAcknowledged,
    AlertAcknowledgementEnded,
    AlertResolved,
)
from monitor.alerts import keys, rules, telling
from monitor.alerts.models import Alert, Member
from monitor.alerts.telling import Told, where, who
from monitor.rules import Severity


@dataclass(frozen=True, slots=True)
class Where:
    """Whose alert it is: its unit decides who may see it."""

    unit_id: int
    item_id: int | None = None
    service_id: int | None = None
    team_id: int | None = None
    check_id: int | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """What a source says is wrong. `expires_at` None: it ends by evidence only (checks)."""

    problem_key: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    severity: Severity
    summary: str
    source: str
    starts_at: dt.datetime
    where: Where
    expires_at: dt.datetime | None = None
    resend_s: int = 0
    generator_url: str = ""
    fingerprint: str = ""
    """That of the labels, where it is known already."""


def open_alert(session: Session, problem_key: str) -> Alert | None:
    """The open episode of a problem, locked for this transaction, or None."""
    last = newest(session, [problem_key]).get(problem_key)
    return last if last is not None and last.resolved_at is None else None


def newest(session: Session, problem_keys: Sequence[str]) -> dict[str, Alert]:
    """Problem key → its newest episode, open or over, locked for this transaction."""
    rows = session.scalars(
        sa.select(Alert)
        .where(Alert.problem_key.in_(problem_keys), Alert.superseded.is_(False))
        .options(selectinload(Alert.members))
        .order_by(Alert.id)
        .with_for_update()
    )
    return {alert.problem_key: alert for alert in rows}


def fire(
    session: Session, firing: Firing, *, told: Told, now: dt.datetime, known: Mapping[str, Alert] | None = None
) -> Alert:
    """Begin an episode of the problem, or join its open one with a label set of its own (A-01).

    `known`: what newest() said in this transaction, where the caller has many. An episode that somebody else begins
    meanwhile is joined all the same (the partial unique index settles the race).
    """
    last = (newest(session, [firing.problem_key]) if known is None else known).get(firing.problem_key)
    if last is not None and last.resolved_at is None:
        return join(last, firing, told=told, now=now)
    begun = _begin(session, firing, last, now)
    if begun is None:
        return join(newest(session, [firing.problem_key])[firing.problem_key], firing, told=told, now=now)
    told.add(begun, telling.begun(begun))
    return begun


def join(alert: Alert, firing: Firing, *, told: Told, now: dt.datetime) -> Alert:
    """One more label set of an open episode."""
    alert.members.append(_member(firing, now))
    _settle(alert, at=firing.starts_at, told=told)
    return alert


def _begin(session: Session, firing: Firing, last: Alert | None, now: dt.datetime) -> Alert | None:
    """A new episode; None where somebody else began it at the same time."""
    place = firing.where
    alert = Alert(
        problem_key=firing.problem_key,
        episode=last.episode + 1 if last is not None else 1,
        fingerprint=keys.fingerprint(firing.labels),
        alertname=firing.labels.get("alertname", "")[:200],
        severity=firing.severity,
        summary=firing.summary,
        source=firing.source,
        starts_at=firing.starts_at,
        changed_at=firing.starts_at,
        received_at=now,
        unit_id=place.unit_id,
        item_id=place.item_id,
        service_id=place.service_id,
        team_id=place.team_id,
        check_id=place.check_id,
        members=[_member(firing, now)],
    )
    try:
        with session.begin_nested():
            session.add(alert)
            session.flush()
    except IntegrityError:
        return None
    if last is not None:
        last.superseded = True
    return alert


def _member(firing: Firing, now: dt.datetime) -> Member:
    return Member(
        fingerprint=keys.fingerprint(firing.labels),
        labels=dict(firing.labels),
        annotations=dict(firing.annotations),
        severity=firing.severity,
        generator_url=firing.generator_url,
        starts_at=firing.starts_at,
        updated_at=now,
        last_seen_at=now,
        count=1,
        expires_at=firing.expires_at,
        resend_s=firing.resend_s,
    )


def change(session: Session, alert: Alert, firing: Firing, *, told: Told, now: dt.datetime) -> None:
    """The source's one label set became another (a check's severity changed): same episode, new fingerprint."""
    for member in alert.members:
        if member.resolved_at is None:
            member.resolved_at = firing.starts_at
    session.flush()  # frees the fingerprint, should it come back
    alert.members.append(_member(firing, now))
    alert.summary = firing.summary
    _settle(alert, at=firing.starts_at, told=told)


def end_member(alert: Alert, member: Member, *, at: dt.datetime, why: str, told: Told, timed_out: bool = False) -> None:
    """One label set is over; the episode ends with its last."""
    member.resolved_at = max(at, member.starts_at)
    member.timed_out = timed_out
    if all(m.resolved_at is not None for m in alert.members):
        resolve(alert, at=at, why=why, told=told)
    else:
        _settle(alert, at=at, told=told)


def resolve(alert: Alert, *, at: dt.datetime, why: str, told: Told) -> None:
    """The episode is over. `why` recovered|ended|timed-out|retired."""
    at = max(at, alert.starts_at)
    for member in alert.members:
        if member.resolved_at is None:
            member.resolved_at = at
    alert.resolved_at, alert.resolved_why, alert.changed_at = at, why, at
    alert.acknowledged_until = None
    told.add(alert, AlertResolved(**where(alert), why=why, at=at))


def _settle(alert: Alert, *, at: dt.datetime, told: Told) -> None:
    """Let the episode show its worst open member; tell where that changed its severity."""
    firing = [m for m in alert.members if m.resolved_at is None]
    worst = rules.worst(m.severity for m in firing)
    if worst is None:
        return
    shown = next(m for m in reversed(firing) if m.severity is worst)
    before = alert.severity
    alert.fingerprint, alert.severity = shown.fingerprint, worst
    told.touch(alert)
    if before is worst:
        return
    alert.changed_at = at
    survives = rules.acknowledgement_survives(sticky=alert.acknowledged_sticky, before=before, after=worst)
    if alert.acknowledged_at is not None and not survives:
        _open_again(alert, why="changed", at=at, told=told)
    told.add(alert, telling.changed(alert, before))


def acknowledge(
    session: Session,
    alert: Alert,
    *,
    person_id: int,
    text: str,
    sticky: bool,
    until: dt.datetime | None,
    now: dt.datetime,
) -> None:
    """Say that somebody has seen it: paging stops. Without `until` it expires after a day, when forgotten (M-08)."""
    alert.acknowledged_by, alert.acknowledged_at, alert.acknowledged_text = person_id, now, text
    alert.acknowledged_sticky = sticky
    alert.acknowledged_until = rules.acknowledged_until(until, now=now)
    told = Told()
    told.add(
        alert,
        AlertAcknowledged(
            **who(alert), person_id=person_id, text=text, at=now, until=alert.acknowledged_until, sticky=sticky
        ),
    )
    told.record(session, now=now)


def unacknowledge(session: Session, alert: Alert, *, why: str, now: dt.datetime) -> None:
    """Take an acknowledgement back. `why` by-hand|expired."""
    if alert.acknowledged_at is None:
        return
    told = Told()
    _open_again(alert, why=why, at=now, told=told)
    told.record(session, now=now)


def _open_again(alert: Alert, *, why: str, at: dt.datetime, told: Told) -> None:
    alert.acknowledged_by = alert.acknowledged_at = alert.acknowledged_until = alert.acknowledged_text = None
    alert.acknowledged_sticky = False
    told.add(alert, AlertAcknowledgementEnded(**who(alert), why=why, at=at))
