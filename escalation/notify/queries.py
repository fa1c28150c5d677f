"""Reads of deliveries and channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.models import Person
from accounts.scope import Viewer
from core.errors import NotFound
from core.i18n import gettext as _
from escalation.notify import rules
from escalation.notify.models import (
    Channel,
    ChannelKind,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    PersonAddress,
    Preference,
)
from web.paging import Key, Page, page


def inbox(session: Session, viewer: Viewer, *, cursor: str | None, limit: int = 50) -> Page[Delivery]:
    """What was told to the viewer by the page, newest first."""
    statement = (
        sa.select(Delivery)
        .join(Channel, Channel.id == Delivery.channel_id)
        .where(Delivery.person_id == viewer.person_id, Channel.kind == ChannelKind.LIVE)
    )
    return page(session, statement, [Key(Delivery.id, descending=True)], cursor=cursor, limit=limit)


def unread(session: Session, viewer: Viewer) -> int:
    """How many of those are unread, counted up to 100."""
    rows = (
        sa.select(Delivery.id)
        .join(Channel, Channel.id == Delivery.channel_id)
        .where(Delivery.person_id == viewer.person_id, Delivery.read_at.is_(None), Channel.kind == ChannelKind.LIVE)
        .limit(100)
    )
    return session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0


def shown_subject(row: Delivery) -> str:
    """A delivery's subject for an administrator: its topic. The real one may carry the title of a matter, which no
    administrator reads."""
    return _("告警推送") if row.topic == "receiver" else str(rules.TOPICS.get(row.topic, row.topic))


def deliveries(
    session: Session,
    *,
    state: DeliveryState | None,
    ref: str | None,
    q: str | None = None,
    cursor: str | None,
    limit: int,
) -> Page[Any]:
    """All deliveries with their person (None: a group), newest first; for administrators.

    `q` looks into what they are shown: reference, person, channel, error; never into subjects.
    """
    statement = (
        sa.select(Delivery, Person)
        .outerjoin(Person, Person.id == Delivery.person_id)
        .options(selectinload(Delivery.channel))
    )
    if q and q.strip():
        sought = [Delivery.ref, Delivery.error, Person.name, Person.login]
        channels = sa.select(Channel.id).where(_has(Channel.name, q) | _has(Channel.code, q))
        statement = statement.where(sa.or_(*(_has(c, q) for c in sought), Delivery.channel_id.in_(channels)))
    if state is not None:
        statement = statement.where(Delivery.state == state)
    if ref:
        statement = statement.where(Delivery.ref == ref)
    return page(session, statement, [Key(Delivery.id, descending=True)], cursor=cursor, limit=limit, scalars=False)


def _has(column: Any, q: str) -> sa.ColumnElement[bool]:
    return sa.func.lower(column).contains(q.strip().lower(), autoescape=True)


def attempts(session: Session, delivery_id: int) -> tuple[Delivery, Sequence[DeliveryAttempt]]:
    """One delivery with every attempt; raises NotFound."""
    row = session.get(Delivery, delivery_id)
    if row is None:
        raise NotFound(_("没有这条通知。"))
    tries = session.scalars(
        sa.select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery_id).order_by(DeliveryAttempt.id)
    ).all()
    return row, tries


def counts(session: Session) -> dict[str, int]:
    """How many deliveries wait and how many failed for good."""
    rows = session.execute(
        sa.select(Delivery.state, sa.func.count())
        .where(Delivery.state.in_([DeliveryState.WAITING, DeliveryState.DEAD]))
        .group_by(Delivery.state)
    ).all()
    return {str(state): n for state, n in rows}


def choices(session: Session, person_id: int) -> tuple[Sequence[Channel], dict[tuple[str, int], bool], dict[int, str]]:
    """Personal channels, (topic, channel) → wanted, and channel → own address of a person."""
    every = session.scalars(sa.select(Channel).where(Channel.active).order_by(Channel.id))
    channels = [c for c in every if not rules.is_group(c.kind, c.url)]  # a group asks nobody
    chosen = {
        (p.topic, p.channel_id): p.wanted
        for p in session.scalars(sa.select(Preference).where(Preference.person_id == person_id))
    }
    wanted = {
        (topic, channel.id): rules.wanted(topic, channel.kind, chosen.get((topic, channel.id)))
        for topic in rules.TOPICS
        for channel in channels
    }
    rows = session.scalars(sa.select(PersonAddress).where(PersonAddress.person_id == person_id))
    return channels, wanted, {row.channel_id: row.address for row in rows}
