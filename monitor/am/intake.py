"""Alerts from other systems become episodes: joined, kept alive, or ended (A-01, A-06)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.models import Unit
from accounts.scope import Viewer, covers
from cmdb.models import Item
from monitor import places
from monitor.alerts import keys, rules, service
from monitor.alerts.models import Alert, Member
from monitor.alerts.telling import Told
from monitor.am.wire import Incoming


def take(session: Session, incoming: Sequence[Incoming], viewer: Viewer, *, now: dt.datetime) -> None:
    """Take a batch whole, in the caller's transaction; the events are recorded with it."""
    last = {keys.fingerprint(alert.labels): alert for alert in incoming}
    known = _open_members(session, list(last))
    told = Told()
    for fingerprint, alert in last.items():
        member = known.get(fingerprint)
        if member is not None:
            _again(member, alert, told, now)
        elif not alert.is_over(now):
            service.fire(session, _firing(session, alert, fingerprint, viewer, now), told=told, now=now)
    session.flush()
    told.record(session, now=now)


def _open_members(session: Session, fingerprints: list[str]) -> dict[str, Member]:
    rows = session.scalars(
        sa.select(Member)
        .where(Member.fingerprint.in_(fingerprints), Member.resolved_at.is_(None))
        .options(selectinload(Member.alert).selectinload(Alert.members))
        .order_by(Member.id)
        .with_for_update()
    )
    return {member.fingerprint: member for member in rows}


def _again(member: Member, alert: Incoming, told: Told, now: dt.datetime) -> None:
    """The same again: only last-seen and count move (A-01), or it ends. A check's own alert ends by evidence only."""
    if member.alert.check_id is not None:
        return
    pause = int((now - member.last_seen_at).total_seconds())
    member.last_seen_at, member.updated_at, member.count = now, now, member.count + 1
    member.resend_s = max(member.resend_s, pause)
    member.starts_at = min(member.starts_at, alert.starts_at)
    if alert.annotations and member.annotations != alert.annotations:
        member.annotations = alert.annotations
        if member.fingerprint == member.alert.fingerprint:
            member.alert.summary = summary(alert)
    if alert.ends_at is not None and alert.is_over(now):
        service.end_member(member.alert, member, at=alert.ends_at, why="ended", told=told)
        return
    member.expires_at = rules.expires_at(alert.ends_at, seen_at=now, resend=dt.timedelta(seconds=member.resend_s))


def _firing(session: Session, alert: Incoming, fingerprint: str, viewer: Viewer, now: dt.datetime) -> service.Firing:
    resend_s = _known_resend(session, fingerprint, now) if alert.ends_at is None else 0
    return service.Firing(
        problem_key=keys.problem_key_of_labels(alert.labels),
        labels=alert.labels,
        annotations=alert.annotations,
        severity=rules.severity_of_labels(alert.labels),
        summary=summary(alert),
        source="api",
        starts_at=alert.starts_at,
        where=_where(session, alert, viewer),
        expires_at=rules.expires_at(alert.ends_at, seen_at=now, resend=dt.timedelta(seconds=resend_s)),
        resend_s=resend_s,
        generator_url=alert.generator_url,
    )


def _known_resend(session: Session, fingerprint: str, now: dt.datetime) -> int:
    """How slowly this source resends: what timed out and comes again was only slow (A-06)."""
    last = session.scalar(
        sa.select(Member).where(Member.fingerprint == fingerprint).order_by(Member.id.desc()).limit(1)
    )
    if last is None:
        return 0
    pause = int((now - last.last_seen_at).total_seconds()) if last.timed_out else 0
    return max(last.resend_s, pause if pause <= rules.SLOWEST_RESEND.total_seconds() else 0)


def _where(session: Session, alert: Incoming, viewer: Viewer) -> service.Where:
    """The item or unit the labels name, as far as the sender may write there; else the sender's own unit."""
    if (item := _item(session, alert)) is not None and covers(
        session, viewer, "alert.write", unit_id=item.unit_id, service_id=item.id
    ):
        place = places.of_items(session, {item.id})[item.id]
        return service.Where(place.unit_id, place.item_id, place.service_id, place.team_id)
    unit = session.scalar(sa.select(Unit.id).where(Unit.code == alert.labels.get("unit", "")))
    if unit is not None and covers(session, viewer, "alert.write", unit_id=unit):
        return service.Where(unit)
    return service.Where(viewer.unit_id)


def _item(session: Session, alert: Incoming) -> Item | None:
    number = alert.labels.get("item_id", "")
    if number.isascii() and number.isdigit() and len(number) < 18:  # noqa: PLR2004  the width of a 64-bit key
        return session.get(Item, int(number))
    if not (name := alert.labels.get("item")):
        return None
    statement = sa.select(Item).where(Item.name == name, Item.retired_at.is_(None))
    if unit := alert.labels.get("unit"):
        statement = statement.join(Unit, Unit.id == Item.unit_id).where(Unit.code == unit)
    found = session.scalars(statement.limit(2)).all()
    return found[0] if len(found) == 1 else None  # two of one name: better none than the wrong one


def summary(alert: Incoming) -> str:
    """The one line a person reads first."""
    for name in ("summary", "title", "message", "description"):
        if text := alert.annotations.get(name, "").strip():
            return text.splitlines()[0][:300]
    name = alert.labels.get("alertname", "")
    instance = alert.labels.get("instance") or alert.labels.get("item") or ""
    return (f"{instance}：{name}" if name and instance else name or ", ".join(sorted(alert.labels.values())))[:300]
