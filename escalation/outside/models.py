"""Receivers, the groups they are told of, who is in them, and what was told when."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, pk
from core.db.base import Id, Json


class Receiver(Base):
    """Another program that hears of alerts fulfilling `matchers` within its unit (None: everywhere), grouped by labels.

    Waits in seconds, as Alertmanager's `group_wait`, `group_interval`, `repeat_interval`. `group_by` ["..."] groups by all
    labels. Its address is the channel's, which nobody is shown. `seen_member_id`: label sets up to here were looked at.
    """

    __tablename__ = "receiver"

    id: Mapped[int] = pk()
    name: Mapped[str] = mapped_column(sa.String(120), unique=True)
    channel_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("channel.id"))
    unit_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("unit.id"))
    matchers: Mapped[list[dict[str, str]]] = mapped_column(type_=Json)
    group_by: Mapped[list[str]]
    group_wait_s: Mapped[int] = mapped_column(default=30)
    group_interval_s: Mapped[int] = mapped_column(default=300)
    repeat_interval_s: Mapped[int] = mapped_column(default=14_400)
    send_resolved: Mapped[bool] = mapped_column(default=True)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime]
    retired_at: Mapped[dt.datetime | None]
    seen_member_id: Mapped[int] = mapped_column(Id, default=0, info={"silent": True})
    version: Mapped[int] = mapped_column(default=1, info={"silent": True})

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  SQLAlchemy's own protocol


class AlertGroup(Base):
    """A group of one receiver, and what it was told last (A-05): fingerprints that fired and that had ended, and when.

    `is_open`: somebody is in it. `flushed`: its first wait is over. `told_at` None: never told, or the telling failed.
    """

    __tablename__ = "alert_group"
    __audited__ = False

    id: Mapped[int] = pk()
    receiver_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("receiver.id"), index=True)
    key: Mapped[str] = mapped_column(sa.String(32))
    labels: Mapped[dict[str, str]] = mapped_column(type_=Json)
    is_open: Mapped[bool] = mapped_column(default=True)
    flushed: Mapped[bool] = mapped_column(default=False)
    next_flush_at: Mapped[dt.datetime]
    told_at: Mapped[dt.datetime | None]
    firing: Mapped[list[str]] = mapped_column(default=list)
    resolved: Mapped[list[str]] = mapped_column(default=list)
    delivery_key: Mapped[str | None] = mapped_column(sa.String(160))

    __table_args__ = (
        sa.UniqueConstraint("receiver_id", "key"),
        sa.Index(
            "ix_alert_group_due",
            "next_flush_at",
            sqlite_where=sa.text("is_open"),
            postgresql_where=sa.text("is_open"),
        ),
    )


class GroupEntry(Base):
    """A label set in a group, until its end was told of."""

    __tablename__ = "alert_group_entry"
    __audited__ = False

    receiver_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("receiver.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("alert_member.id"), primary_key=True)
    group_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("alert_group.id"), index=True)


class GroupNotice(Base):
    """One line of the notification log: which receiver was told of which group, why, and how many fired and had ended."""

    __tablename__ = "group_notice"
    __audited__ = False

    id: Mapped[int] = pk()
    receiver_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("receiver.id"), index=True)
    group_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("alert_group.id"))
    at: Mapped[dt.datetime] = mapped_column(index=True)
    why: Mapped[str] = mapped_column(sa.String(20))
    firing: Mapped[list[str]]
    resolved: Mapped[list[str]]
    delivery_key: Mapped[str] = mapped_column(sa.String(160))
