"""Asks anew which alerts are quiet when a silence or a rule begins, ends or changes, and when sources come or go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.models import UnitClosure
from core.events.monitor import InhibitionMoved
from monitor.alerts.models import Alert, Member
from monitor.alerts.telling import Told
from monitor.am.matchers import Matcher, all_match
from monitor.quiet import rules, shelf
from monitor.quiet.models import Hold, InhibitionKey, InhibitionRule, Muting, PlaceKind, Silence, SilencePlace

AT_ONCE = 500
LOOK_AGAIN = dt.timedelta(seconds=5)
"""After this long every alert is visible that was being stored while a silence or a rule began."""


def reconsider(session: Session, alert_ids: Collection[int], *, now: dt.datetime, by: int | None = None) -> None:
    """Decide about these alerts again. `by`: the person whose doing it is."""
    wanted = sorted(alert_ids)
    for start in range(0, len(wanted), AT_ONCE):
        alerts = session.scalars(
            sa.select(Alert)
            .where(Alert.id.in_(wanted[start : start + AT_ONCE]), Alert.resolved_at.is_(None))
            .options(selectinload(Alert.members))
            .order_by(Alert.id)
            .with_for_update()
        ).all()
        told = Told(by=by)
        for alert in alerts:
            told.touch(alert)
        told.record(session, now=now)


def silence_changed(session: Session, silence: Silence, *, now: dt.datetime, by: int | None = None) -> int:
    """Apply a silence that began, changed or ended; returns how many alerts it silences now."""
    active = silence.starts_at <= now < silence.ends_at
    touched = matched(session, rules.read(silence.matchers), silence.places) if active else set()
    had = set(session.scalars(sa.select(Muting.alert_id).where(Muting.by == silence.uid)))
    silence.applied = active
    silence.look_again_at = now + LOOK_AGAIN if active else None
    shelf.changed(session)
    reconsider(session, touched | had, now=now, by=by)
    return len(touched)


def matched(session: Session, matchers: Sequence[Matcher], places: Iterable[SilencePlace]) -> set[int]:
    """Ids of open alerts with a firing label set that fulfils the matchers, within the places."""
    rows = session.execute(
        sa.select(Member.alert_id, Member.labels)
        .join(Alert, Alert.id == Member.alert_id)
        .where(Member.resolved_at.is_(None), within(places))
    )
    return {alert_id for alert_id, labels in rows if all_match(matchers, labels)}


def within(places: Iterable[SilencePlace]) -> sa.ColumnElement[bool]:
    """The condition that an alert lies in one of the places."""
    ids: dict[PlaceKind, list[int]] = {}
    for place in places:
        ids.setdefault(place.kind, []).append(place.place_id)
    below = sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id.in_(ids.get(PlaceKind.UNIT, [])))
    return sa.or_(
        Alert.unit_id.in_(below),
        Alert.team_id.in_(ids.get(PlaceKind.TEAM, [])),
        Alert.service_id.in_(ids.get(PlaceKind.SERVICE, [])),
    )


def rule_changed(session: Session, rule: InhibitionRule, *, now: dt.datetime) -> None:
    """Apply a rule that was made, changed or retired to everything that fires."""
    had = set(session.scalars(sa.select(InhibitionKey.alert_id).where(InhibitionKey.rule_id == rule.id)))
    used = rule.active and rule.retired_at is None
    touched = _standing_on(session, rule) if used else set()
    rule.look_again_at = now + LOOK_AGAIN if used else None
    shelf.changed(session)
    reconsider(session, touched | had, now=now)


def _standing_on(session: Session, rule: InhibitionRule) -> set[int]:
    source, target = rules.read(rule.source), rules.read(rule.target)
    rows = session.execute(sa.select(Member.alert_id, Member.labels).where(Member.resolved_at.is_(None)))
    return {i for i, labels in rows if all_match(source, labels) or all_match(target, labels)}


def inhibition_moved(session: Session, event: InhibitionMoved, now: dt.datetime) -> None:
    """Sources came or went: decide about the targets with the same hash. May run twice."""
    targets = sa.select(InhibitionKey.alert_id).where(
        InhibitionKey.is_source.is_(False), InhibitionKey.key.in_(event.keys)
    )
    reconsider(session, set(session.scalars(targets)), now=now)


def turn(session: Session, now: dt.datetime) -> int:
    """Silences whose time has come or is over, and alerts that waited for their check; returns how many silences."""
    begun = sa.and_(Silence.applied.is_(False), Silence.starts_at <= now, Silence.ends_at > now)
    over = sa.and_(Silence.applied, Silence.ends_at <= now)
    again = sa.and_(Silence.applied, Silence.look_again_at <= now)
    due = session.scalars(
        sa.select(Silence)
        .where(sa.or_(begun, over, again))
        .options(selectinload(Silence.places))
        .order_by(Silence.id)
        .with_for_update(skip_locked=True)
    ).all()
    for silence in due:
        first = not silence.applied or silence.ends_at <= now
        silence_changed(session, silence, now=now)
        if not first:
            silence.look_again_at = None
    for rule in session.scalars(sa.select(InhibitionRule).where(InhibitionRule.look_again_at <= now)).all():
        rule_changed(session, rule, now=now)
        rule.look_again_at = None
    reconsider(session, session.scalars(sa.select(Hold.alert_id).where(Hold.lifted_at.is_not(None))).all(), now=now)
    return len(due)
