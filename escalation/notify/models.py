"""Channels, where people are reached, what they want to hear, and every delivery with its attempts."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, enum_column, pk
from core.db.base import Id


class ChannelKind(StrEnum):
    """How a channel sends; each kind is a module of escalation/notify/channels."""

    LIVE = "live"
    EMAIL = "email"
    APPRISE = "apprise"
    WEBHOOK = "webhook"


class DeliveryState(StrEnum):
    """The life of one delivery."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Channel(Base):
    """A way out. `url`: the e-mail server (smtp://…; empty: the installation's own) or an Apprise address, in which
    {address} stands for the person's own part (a telephone number, a user id)."""

    __tablename__ = "channel"

    id: Mapped[int] = pk()
    code: Mapped[str] = mapped_column(sa.String(40), unique=True)
    kind: Mapped[ChannelKind] = enum_column(ChannelKind)
    name: Mapped[str] = mapped_column(sa.String(80))
    url: Mapped[str | None] = mapped_column(sa.String(600), info={"secret": True})
    per_minute: Mapped[int] = mapped_column(default=60)
    active: Mapped[bool] = mapped_column(default=True)


class PersonAddress(Base):
    """Where a person is reached by a channel; e-mail falls back to the person's own address."""

    __tablename__ = "person_address"

    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True)
    channel_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("channel.id"), primary_key=True)
    address: Mapped[str] = mapped_column(sa.String(200))


class Preference(Base):
    """A person's own choice for a topic and a channel; what is missing follows rules.DEFAULTS."""

    __tablename__ = "notify_preference"

    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    channel_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("channel.id"), primary_key=True)
    wanted: Mapped[bool]


class Delivery(Base):
    """One notice to one person by one channel; without a person: to a channel that is a group by itself (a robot in a
    chat). `key` goes out with it, so that a repeat can be recognised."""

    __tablename__ = "delivery"
    __audited__ = False

    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(sa.String(160), unique=True)
    topic: Mapped[str] = mapped_column(sa.String(20))
    person_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    channel_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("channel.id"))
    address: Mapped[str] = mapped_column(sa.String(200))
    subject: Mapped[str] = mapped_column(sa.String(300))
    body: Mapped[str] = mapped_column(sa.Text)
    url: Mapped[str] = mapped_column(sa.String(400), info={"secret": True})  # /ack/… is completed when it is sent
    ref: Mapped[str] = mapped_column(sa.String(60), index=True)  # what it is about: INC-2026-000123
    state: Mapped[DeliveryState] = enum_column(DeliveryState)
    created_at: Mapped[dt.datetime] = mapped_column(index=True)
    next_try_at: Mapped[dt.datetime]
    lease_until: Mapped[dt.datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(sa.Text)
    sent_at: Mapped[dt.datetime | None]
    read_at: Mapped[dt.datetime | None]

    channel: Mapped[Channel] = relationship()

    __table_args__ = (
        sa.Index(
            "ix_delivery_waiting",
            "next_try_at",
            "id",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        sa.Index("ix_delivery_inbox", "person_id", "id"),
    )


class DeliveryAttempt(Base):
    """One try at sending, with what went wrong."""

    __tablename__ = "delivery_attempt"
    __audited__ = False

    id: Mapped[int] = pk()
    delivery_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("delivery.id"), index=True)
    at: Mapped[dt.datetime]
    took_ms: Mapped[int]
    error: Mapped[str | None] = mapped_column(sa.Text)


class PostponedNotice(Base):
    """A warning or breach that came outside working hours while nobody was on duty: it is told at the next working
    instant, once. `told_at` is set by then, also where there was nothing left to tell."""

    __tablename__ = "postponed_notice"
    __audited__ = False

    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(sa.String(160), unique=True)  # the key its deliveries will have
    what: Mapped[str] = mapped_column(sa.String(20))  # warned | breached
    ticket_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("ticket.id"), index=True)
    clock: Mapped[str] = mapped_column(sa.String(40))
    round: Mapped[int]
    since: Mapped[dt.datetime]
    tell_at: Mapped[dt.datetime]
    told_at: Mapped[dt.datetime | None]

    __table_args__ = (
        sa.Index(
            "ix_postponed_notice_open",
            "tell_at",
            sqlite_where=sa.text("told_at IS NULL"),
            postgresql_where=sa.text("told_at IS NULL"),
        ),
    )
