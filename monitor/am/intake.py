"""Alerts from other systems become episodes: joined, kept alive, or ended (A-01, A-06)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.scope import Viewer
from core.errors import Forbidden
from core.i18n import gettext as _
from monitor.alerts import keys, rules, service
from monitor.alerts.models import Alert, Member
from monitor.alerts.telling import Told
from monitor.am.sender import Sender
from monitor.am.wire import Incoming


def take(session: Session, incoming: Sequence[Incoming], viewer: Viewer, *, now: dt.datetime) -> None:
    """Take a batch whole, in the caller's transaction; the events are recorded with it.

    Raises Forbidden where even under the sender's own unit the labels are those of an alert it may not move.
    """
    sender, told = Sender(session, viewer), Told()
    sender.look_up(incoming)
    labelled = [sender.labelled(alert) for alert in incoming]
    sender.look_up(labelled)
    batch, members, known = _theirs(session, sender, labelled)
    for fingerprint, alert in batch.items():
        member = members.get(fingerprint)
        if member is not None:
            _again(member, alert, told, now)
        elif not alert.is_over(now):
            firing = _firing(session, alert, fingerprint, sender, now)
            known[firing.problem_key] = service.fire(session, firing, told=told, now=now, known=known)
    session.flush()
    told.record(session, now=now)


_Batch = tuple[dict[str, Incoming], dict[str, Member], dict[str, Alert]]


def _theirs(session: Session, sender: Sender, incoming: Sequence[Incoming]) -> _Batch:
    """Alerts by fingerprint (of equal ones the last), with what is open of them and may be moved by this sender."""
    batch, members, known = _looked_up(session, incoming)
    if taken := _taken(sender, batch, members, known):
        apart = [sender.apart(alert) if f in taken else alert for f, alert in batch.items()]
        sender.look_up(apart)
        batch, members, known = _looked_up(session, apart)
        if _taken(sender, batch, members, known):
            raise Forbidden(_("这组标签属于您无权处理的告警；请加上能区分来源的标签再提交。"))
    return batch, members, known


def _looked_up(session: Session, incoming: Sequence[Incoming]) -> _Batch:
    batch = {keys.fingerprint(alert.labels): alert for alert in incoming}
    problems = sorted({keys.problem_key_of_labels(alert.labels) for alert in batch.values()})
    return batch, _open_members(session, list(batch)), service.newest(session, problems)


def _taken(
    sender: Sender, batch: Mapping[str, Incoming], members: Mapping[str, Member], known: Mapping[str, Alert]
) -> set[str]:
    """Fingerprints that would move an open alert which is not this sender's to move."""
    found = set()
    for fingerprint, alert in batch.items():
        member, problem = members.get(fingerprint), known.get(keys.problem_key_of_labels(alert.labels))
        touched = member.alert if member is not None else problem
        if touched is not None and touched.resolved_at is None and not sender.may_move(touched):
            found.add(fingerprint)
    return found


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


def _firing(session: Session, alert: Incoming, fingerprint: str, sender: Sender, now: dt.datetime) -> service.Firing:
    resend_s = _known_resend(session, fingerprint, now) if alert.ends_at is None else 0
    return service.Firing(
        problem_key=keys.problem_key_of_labels(alert.labels),
        labels=alert.labels,
        annotations=alert.annotations,
        severity=rules.severity_of_labels(alert.labels),
        summary=summary(alert),
        source="api",
        starts_at=alert.starts_at,
        where=sender.where(alert),
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


def summary(alert: Incoming) -> str:
    """The one line a person reads first."""
    for name in ("summary", "title", "message", "description"):
        if text := alert.annotations.get(name, "").strip():
            return text.splitlines()[0][:300]
    name = alert.labels.get("alertname", "")
    instance = alert.labels.get("instance") or alert.labels.get("item") or ""
    return (f"{instance}：{name}" if name and instance else name or ", ".join(sorted(alert.labels.values())))[:300]
