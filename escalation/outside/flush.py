"""Puts alerts into the groups of receivers and tells of those that are due. A job; nothing is sent here.

Everything it goes by is stored, so a restart neither tells again nor forgets (A-05): what was told is written down with
the delivery that tells it, in one transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import UnitClosure
from core.i18n import gettext as _
from escalation.notify.models import Delivery, DeliveryState
from escalation.outside import rules
from escalation.outside.models import AlertGroup, GroupEntry, GroupNotice, Receiver
from monitor.alerts.models import Alert, Member
from monitor.am.matchers import all_match
from monitor.quiet import rules as writing
from monitor.quiet.models import Muting, Reason

LOOK_BACK = 500
"""Numbers of label sets that a slower transaction may still add behind the newest one seen."""
NOTICES_KEPT = dt.timedelta(days=30)
STILL_SENDING = dt.timedelta(seconds=5)
AT_ONCE = 200


def tick(session: Session, now: dt.datetime) -> int:
    """Sort new alerts in, flush the groups that are due; returns how many messages were written."""
    receivers = session.scalars(
        sa.select(Receiver).where(Receiver.active, Receiver.retired_at.is_(None)).order_by(Receiver.id)
    ).all()
    for receiver in receivers:
        _sort_in(session, receiver, now)
    by_id = {receiver.id: receiver for receiver in receivers}
    due = session.scalars(
        sa.select(AlertGroup)
        .where(AlertGroup.is_open, AlertGroup.next_flush_at <= now, AlertGroup.receiver_id.in_(by_id))
        .order_by(AlertGroup.next_flush_at, AlertGroup.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    return sum(_flush(session, by_id[group.receiver_id], group, now) for group in due)


def purge(session: Session, now: dt.datetime) -> None:
    """Old lines of the log."""
    session.execute(sa.delete(GroupNotice).where(GroupNotice.at < now - NOTICES_KEPT))


def _sort_in(session: Session, receiver: Receiver, now: dt.datetime) -> None:
    known = sa.exists().where(GroupEntry.receiver_id == receiver.id, GroupEntry.member_id == Member.id)
    fresh = [Member.resolved_at.is_(None), Member.id > receiver.seen_member_id - LOOK_BACK, sa.not_(known)]
    if receiver.unit_id is not None:
        below = sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id == receiver.unit_id)
        fresh.append(Alert.unit_id.in_(below))
    statement = sa.select(Member.id, Member.labels, Member.starts_at).join(Alert, Alert.id == Member.alert_id)
    rows = session.execute(statement.where(*fresh).order_by(Member.id)).all()
    matchers = writing.read(receiver.matchers)
    groups: dict[str, AlertGroup] = {}
    for member_id, labels, starts_at in rows:
        receiver.seen_member_id = max(receiver.seen_member_id, member_id)
        if all_match(matchers, labels):
            group = _group(session, receiver, rules.group_labels(labels, receiver.group_by), groups, now)
            session.add(GroupEntry(receiver_id=receiver.id, member_id=member_id, group_id=group.id))
            if not group.flushed and starts_at + dt.timedelta(seconds=receiver.group_wait_s) < now:
                group.next_flush_at = now
    session.flush()


def _group(
    session: Session, receiver: Receiver, labels: dict[str, str], known: dict[str, AlertGroup], now: dt.datetime
) -> AlertGroup:
    """The group of these labels, begun if there is none or nobody is in it any more."""
    key = rules.group_hash(labels)
    if key not in known:
        of_key = sa.select(AlertGroup).where(AlertGroup.receiver_id == receiver.id, AlertGroup.key == key)
        found = session.scalar(of_key.with_for_update())
        if found is None:
            found = AlertGroup(receiver_id=receiver.id, key=key, labels=labels, is_open=False, next_flush_at=now)
            session.add(found)
            session.flush()
        if not found.is_open:
            found.is_open, found.flushed = True, False
            found.next_flush_at = now + dt.timedelta(seconds=receiver.group_wait_s)
        known[key] = found
    return known[key]


def _flush(session: Session, receiver: Receiver, group: AlertGroup, now: dt.datetime) -> int:
    if _is_being_sent(session, group):
        group.next_flush_at = now + STILL_SENDING
        return 0
    group.flushed, group.next_flush_at = True, now + dt.timedelta(seconds=receiver.group_interval_s)
    firing, over, quiet = _inside(session, group, now)
    last = None
    if group.told_at is not None:
        last = rules.Last(frozenset(group.firing), frozenset(group.resolved), group.told_at)
    over = {fingerprint: told for fingerprint, told in over.items() if rules.heard_of(last, fingerprint)}
    why = None
    if firing or over:
        why = rules.needs_update(
            last,
            firing.keys(),
            over.keys(),
            send_resolved=receiver.send_resolved,
            repeat=dt.timedelta(seconds=receiver.repeat_interval_s),
            now=now,
        )
    if why is not None:
        _tell(session, receiver, group, why, (firing, over), now)
    group.is_open = bool(firing or quiet)
    return int(why is not None)


def _is_being_sent(session: Session, group: AlertGroup) -> bool:
    """While the last message is on its way no other may overtake it; one that failed for good was never told."""
    if group.delivery_key is None:
        return False
    state = session.scalar(sa.select(Delivery.state).where(Delivery.key == group.delivery_key))
    if state in (DeliveryState.DEAD, DeliveryState.CANCELLED):
        group.told_at, group.delivery_key = None, None
    return state is DeliveryState.WAITING


_Some = dict[str, rules.Told]


def _inside(session: Session, group: AlertGroup, now: dt.datetime) -> tuple[_Some, _Some, bool]:
    """What fires and what is over of a group, without what is quiet, by fingerprint; and whether something quiet fires.

    What is over leaves the group with this.
    """
    rows = session.execute(
        sa.select(Member, Alert.suppressed_by)
        .join(Alert, Alert.id == Member.alert_id)
        .join(GroupEntry, GroupEntry.member_id == Member.id)
        .where(GroupEntry.group_id == group.id)
        .order_by(Member.id)
    ).all()
    muted = set(
        session.scalars(
            sa.select(Muting.member_id)
            .join(GroupEntry, GroupEntry.member_id == Muting.member_id)
            .where(GroupEntry.group_id == group.id)
        )
    )
    firing: _Some = {}
    over: _Some = {}
    gone, quiet = [], False
    for member, reasons in rows:
        ends = member.resolved_at or (member.expires_at if _is_past(member.expires_at, now) else None)
        is_quiet = member.id in muted or any(r not in set(Reason) for r in reasons)
        if ends is not None:
            gone.append(member.id)
        quiet = quiet or (is_quiet and ends is None)
        if not is_quiet:
            (firing if ends is None else over)[member.fingerprint] = _told(member, ends)
    if gone:
        session.execute(sa.delete(GroupEntry).where(GroupEntry.group_id == group.id, GroupEntry.member_id.in_(gone)))
    return firing, {f: told for f, told in over.items() if f not in firing}, quiet


def _is_past(at: dt.datetime | None, now: dt.datetime) -> bool:
    return at is not None and at <= now


def _told(member: Member, ends: dt.datetime | None) -> rules.Told:
    return rules.Told(
        member.fingerprint, member.labels, member.annotations, member.starts_at, ends, member.generator_url
    )


def _tell(
    session: Session, receiver: Receiver, group: AlertGroup, why: rules.Why, inside: Sequence[_Some], now: dt.datetime
) -> None:
    firing, over = inside
    notice = GroupNotice(
        receiver_id=receiver.id,
        group_id=group.id,
        at=now,
        why=why.value,
        firing=sorted(firing),
        resolved=sorted(over),
        delivery_key="",
    )
    session.add(notice)
    session.flush()
    notice.delivery_key = group.delivery_key = f"receiver:{receiver.id}:{notice.id}"
    group.told_at, group.firing, group.resolved = now, notice.firing, notice.resolved
    if firing or receiver.send_resolved:
        session.add(_delivery(receiver, group, firing | over, notice, now))
        session.info["outbox_recorded"] = True  # wakes the sender after the commit


def _delivery(
    receiver: Receiver, group: AlertGroup, alerts: Mapping[str, rules.Told], notice: GroupNotice, now: dt.datetime
) -> Delivery:
    key = rules.group_key(writing.read(receiver.matchers), group.labels)
    body = rules.message(receiver.name, key, group.labels, list(alerts.values()), send_resolved=receiver.send_resolved)
    return Delivery(
        key=notice.delivery_key,
        topic="receiver",
        person_id=None,
        channel_id=receiver.channel_id,
        address="",
        subject=_("%(name)s：%(n)d 条告警", name=receiver.name, n=len(alerts))[:300],
        body=rules.dumped(body),
        url="/alerts",
        ref=f"receiver:{receiver.id}",
        state=DeliveryState.WAITING,
        created_at=now,
        next_try_at=now,
        attempts=0,
    )
