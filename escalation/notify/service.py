"""Writing deliveries. Nothing is sent here: a job claims and sends them after the commit (R-01)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person
from core import i18n
from core.errors import Conflict, NotFound
from core.i18n import gettext as _
from escalation.notify import rules
from escalation.notify.models import Channel, ChannelKind, Delivery, DeliveryState, PersonAddress, Preference

WAKE = "notify_wake"
AT_ONCE = 2_000
Row = dict[str, Any]
"""A delivery as it is written; several go to the database as one statement."""


@dataclass(frozen=True)
class Message:
    """What is told. `words` gives (subject, body) in the current locale; `key` is the same when a handler runs again.

    `group_url`: the link for a channel that is a group, where `url` is meant for one person only.
    """

    topic: str
    key: str
    ref: str
    url: str
    words: Callable[[], tuple[str, str]]
    group_url: str | None = None


@dataclass(frozen=True)
class Told:
    """A message, and who is told; nobody is told of one's own deed (`but`)."""

    message: Message
    people: Iterable[int | None]
    but: int | None = None


def tell(
    session: Session,
    message: Message,
    people: Iterable[int | None],
    *,
    now: dt.datetime,
    but: int | None = None,
) -> int:
    """Write a delivery for each person and channel they want the topic by, and one for each group; returns how many are new.

    `but` is left out (one is not told of one's own deed). Running again with the same key adds nothing.
    """
    return tell_many(session, [Told(message, people, but)], now=now)


def tell_many(session: Session, told: Iterable[Told], *, now: dt.datetime) -> int:
    """The same for many messages, with as many statements as for one."""
    messages = list(told)
    wanted = [sorted({p for p in each.people if p and p != each.but}) for each in messages]
    people = sorted({person for some in wanted for person in some})
    if not people:
        return 0
    every = list(session.scalars(sa.select(Channel).where(Channel.active).order_by(Channel.id)))
    reach = _Reach(session, people, {each.message.topic for each in messages}, every)
    rows: dict[str, Row] = {}
    for each, some in zip(messages, wanted, strict=True):
        persons = [reach.persons[p] for p in some if p in reach.persons]
        rows |= {row["key"]: row for row in reach.deliveries(each.message, persons, now)}
        if persons:
            rows |= {row["key"]: row for row in _to_groups(each.message, every, now)}
    known = _known(session, list(rows))
    fresh = [row for key, row in rows.items() if key not in known]
    if fresh:
        session.execute(sa.insert(Delivery), fresh)
        session.info["outbox_recorded"] = True  # wakes whoever waits for commits, the sender among them
    return len(fresh)


def _known(session: Session, keys: list[str]) -> set[str]:
    """Those that are written already; asked in pieces, since a driver takes so many parameters only."""
    found: set[str] = set()
    for first in range(0, len(keys), AT_ONCE):
        some = keys[first : first + AT_ONCE]
        found.update(session.scalars(sa.select(Delivery.key).where(Delivery.key.in_(some))))
    return found


class _Reach:
    """How people can be reached, and by what they want to be."""

    def __init__(self, session: Session, people: list[int], topics: set[str], channels: list[Channel]) -> None:
        found = sa.select(Person).where(Person.id.in_(people), Person.active, sa.not_(Person.is_service))
        self.persons = {p.id: p for p in session.scalars(found)}
        self._channels = [c for c in channels if not rules.is_group(c.kind, c.url)]
        self._addresses = _addresses(session, people)
        self._choices = _choices(session, people, topics)

    def deliveries(self, message: Message, persons: Iterable[Person], now: dt.datetime) -> Iterator[Row]:
        """One for each person and channel, worded once a language."""
        words: dict[str, tuple[str, str]] = {}
        for person in persons:
            if person.locale not in words:
                with i18n.use_locale(person.locale):
                    words[person.locale] = message.words()
            for channel in self._channels:
                choice = self._choices.get((person.id, message.topic, channel.id))
                address = self._addresses.get((person.id, channel.id)) or _own_address(person, channel)
                if address is not None and rules.wanted(message.topic, channel.kind, choice):
                    yield _delivery(message, channel, person.id, address, words[person.locale], now)


def _to_groups(message: Message, channels: list[Channel], now: dt.datetime) -> list[Row]:
    """One delivery for each group; the same key whoever else is told, so that the group hears it once."""
    with i18n.use_locale(i18n.LOCALES[0]):  # a group has no language of its own
        return [
            _delivery(message, channel, None, "", message.words(), now)
            for channel in channels
            if rules.is_group(channel.kind, channel.url) and rules.wanted(message.topic, channel.kind, None)
        ]


def _delivery(
    message: Message, channel: Channel, person_id: int | None, address: str, words: tuple[str, str], now: dt.datetime
) -> Row:
    return {
        "key": f"{message.key}:{person_id or 'group'}:{channel.code}"[:160],
        "topic": message.topic,
        "person_id": person_id,
        "channel_id": channel.id,
        "address": address,
        "subject": words[0][:300],
        "body": words[1],
        "url": message.url if person_id is not None else message.group_url or message.url,
        "ref": message.ref,
        "state": DeliveryState.WAITING,
        "created_at": now,
        "next_try_at": now,
        "attempts": 0,
    }


def _addresses(session: Session, people: list[int]) -> dict[tuple[int, int], str]:
    rows = session.scalars(sa.select(PersonAddress).where(PersonAddress.person_id.in_(people)))
    return {(row.person_id, row.channel_id): row.address for row in rows}


def _choices(session: Session, people: list[int], topics: set[str]) -> dict[tuple[int, str, int], bool]:
    rows = session.scalars(sa.select(Preference).where(Preference.person_id.in_(people), Preference.topic.in_(topics)))
    return {(row.person_id, row.topic, row.channel_id): row.wanted for row in rows}


def _own_address(person: Person, channel: Channel) -> str | None:
    """Without an address of its own: the page, or the person's mail; a chat needs one."""
    if channel.kind is ChannelKind.LIVE:
        return f"person:{person.id}"
    if channel.kind is ChannelKind.EMAIL:
        return person.email
    return None


def cancel_for(session: Session, *, key_prefix: str, now: dt.datetime) -> int:
    """Cancel what waits under a key (a page that was acknowledged meanwhile); returns how many."""
    result = session.execute(
        sa.update(Delivery)
        .where(Delivery.key.startswith(key_prefix, autoescape=True), Delivery.state == DeliveryState.WAITING)
        .values(state=DeliveryState.CANCELLED, next_try_at=now)
    )
    return int(getattr(result, "rowcount", 0))


def retry(session: Session, delivery_id: int, *, now: dt.datetime) -> Delivery:
    """Send a dead delivery again from the start. Raises NotFound, Conflict when it is not dead."""
    row = session.get(Delivery, delivery_id, with_for_update=True)
    if row is None:
        raise NotFound(_("没有这条通知。"))
    if row.state is not DeliveryState.DEAD:
        raise Conflict(_("只有发送失败的通知可以重发。"))
    row.state, row.attempts, row.next_try_at, row.lease_until = DeliveryState.WAITING, 0, now, None
    session.info["outbox_recorded"] = True
    return row


def mark_read(session: Session, person_id: int, *, now: dt.datetime) -> None:
    """Everything told to this person by the page is read now."""
    session.execute(
        sa.update(Delivery).where(Delivery.person_id == person_id, Delivery.read_at.is_(None)).values(read_at=now)
    )


def prefer(session: Session, person_id: int, wanted: set[tuple[str, int]], channels: Iterable[int]) -> None:
    """Store a person's whole choice: `wanted` has the (topic, channel id) pairs that are on."""
    for channel_id in channels:
        for topic in rules.TOPICS:
            on = (topic, channel_id) in wanted
            row = session.get(Preference, (person_id, topic, channel_id))
            if row is None:
                session.add(Preference(person_id=person_id, topic=topic, channel_id=channel_id, wanted=on))
            else:
                row.wanted = on


def set_address(session: Session, person_id: int, channel_id: int, address: str) -> None:
    """Where the person is reached by this channel; empty takes it away."""
    row = session.get(PersonAddress, (person_id, channel_id))
    if not address.strip():
        if row is not None:
            session.delete(row)
    elif row is None:
        session.add(PersonAddress(person_id=person_id, channel_id=channel_id, address=address.strip()[:200]))
    else:
        row.address = address.strip()[:200]
