"""Verbs of receivers. Every verb takes the session and `now`, and never commits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core import netguard
from core.errors import Conflict, Invalid
from core.i18n import gettext as _
from escalation.notify.models import Channel, ChannelKind
from escalation.outside.models import AlertGroup, GroupEntry, Receiver
from monitor.am.matchers import Matcher
from monitor.quiet import rules as writing
from monitor.quiet.service import unit_named


@dataclass(frozen=True, slots=True)
class Wanted:
    """A receiver as an administrator wants it; waits in seconds. `url` None: the address it has."""

    name: str
    url: str | None
    unit: str | None
    matchers: tuple[Matcher, ...]
    group_by: Sequence[str]
    group_wait_s: int
    group_interval_s: int
    repeat_interval_s: int
    send_resolved: bool
    active: bool


def put(session: Session, wanted: Wanted, *, now: dt.datetime, receiver: Receiver | None = None) -> Receiver:
    """A new receiver, or `receiver` changed; other grouping or matchers sort everything that fires anew.

    Raises Invalid for a wrong address or matcher, Conflict for a name that is taken.
    """
    writing.check_syntax(wanted.matchers)
    taken = sa.select(Receiver.id).where(Receiver.name == wanted.name)
    if session.scalar(taken.where(Receiver.id != (receiver.id if receiver is not None else 0))) is not None:
        raise Conflict(_("名称“%(name)s”已被使用。", name=wanted.name))
    unit_id = unit_named(session, wanted.unit)
    if receiver is None:
        receiver = Receiver(channel_id=_channel(session, wanted).id, created_at=now)
    elif wanted.url is not None:
        session.get_one(Channel, receiver.channel_id).url = _checked(wanted.url)
    before = (receiver.matchers, receiver.group_by, receiver.unit_id)
    receiver.name, receiver.unit_id = wanted.name, unit_id
    receiver.matchers, receiver.group_by = writing.plain(wanted.matchers), sorted(set(wanted.group_by))
    receiver.group_wait_s, receiver.group_interval_s = wanted.group_wait_s, wanted.group_interval_s
    receiver.repeat_interval_s = wanted.repeat_interval_s
    receiver.send_resolved, receiver.active = wanted.send_resolved, wanted.active
    session.add(receiver)
    session.flush()
    if before != (receiver.matchers, receiver.group_by, receiver.unit_id):
        _sort_anew(session, receiver)
    return receiver


def _channel(session: Session, wanted: Wanted) -> Channel:
    if not wanted.url:
        raise Invalid.of("url", _("请填写接收地址。"))
    number = (session.scalar(sa.select(sa.func.max(Channel.id))) or 0) + 1
    channel = Channel(
        code=f"receiver-{number}",
        kind=ChannelKind.WEBHOOK,
        name=wanted.name[:80],
        url=_checked(wanted.url),
        active=True,
        per_minute=60,
    )
    session.add(channel)
    session.flush()
    return channel


def _checked(url: str) -> str:
    """The address, if it is one of a web server that may be reached. Raises Invalid."""
    if not url.lower().startswith(("http://", "https://")):
        raise Invalid.of("url", _("须以 http:// 或 https:// 开头。"))
    netguard.refuse_url(url, netguard.Purpose.SEND)
    return url


def _sort_anew(session: Session, receiver: Receiver) -> None:
    receiver.seen_member_id = 0
    session.execute(sa.delete(GroupEntry).where(GroupEntry.receiver_id == receiver.id))
    session.execute(sa.update(AlertGroup).where(AlertGroup.receiver_id == receiver.id).values(is_open=False))


def retire(session: Session, receiver: Receiver, *, now: dt.datetime) -> None:
    """It is told of nothing any more; its log stays."""
    if receiver.retired_at is None:
        receiver.retired_at, receiver.active = now, False
        receiver.name = f"{receiver.name[:90]} #{receiver.id}"
        session.get_one(Channel, receiver.channel_id).active = False
        session.execute(sa.delete(GroupEntry).where(GroupEntry.receiver_id == receiver.id))
        session.flush()
