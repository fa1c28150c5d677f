"""Alerts: an episode for each firing of a problem, and under it the label sets that outside clients see."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, enum_column, pk
from core.db.base import Id
from monitor.rules import Severity

OPEN = sa.text("resolved_at IS NULL")


class Alert(Base):
    """One episode: a problem from its beginning to its end.

    Severity, labels and summary are those of its worst member. At most one episode of a problem is open.
    `superseded`: a newer episode of the same problem exists.
    """

    __tablename__ = "alert"
    __audited__ = False

    id: Mapped[int] = pk()
    problem_key: Mapped[str] = mapped_column(sa.String(80))
    episode: Mapped[int]
    fingerprint: Mapped[str] = mapped_column(sa.String(16), index=True)
    alertname: Mapped[str] = mapped_column(sa.String(200))
    severity: Mapped[Severity] = enum_column(Severity)
    summary: Mapped[str] = mapped_column(sa.Text)
    source: Mapped[str] = mapped_column(sa.String(20))  # check | heartbeat | api
    starts_at: Mapped[dt.datetime]
    changed_at: Mapped[dt.datetime]
    resolved_at: Mapped[dt.datetime | None]
    resolved_why: Mapped[str | None] = mapped_column(sa.String(20))
    received_at: Mapped[dt.datetime]
    superseded: Mapped[bool] = mapped_column(default=False)
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    item_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("item.id"), index=True)
    service_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("item.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("team.id"), index=True)
    check_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("check_.id"), index=True)
    suppressed_by: Mapped[list[str]] = mapped_column(default=list)
    acknowledged_by: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    acknowledged_at: Mapped[dt.datetime | None]
    acknowledged_until: Mapped[dt.datetime | None]
    acknowledged_sticky: Mapped[bool] = mapped_column(default=False)
    acknowledged_text: Mapped[str | None] = mapped_column(sa.Text)

    members: Mapped[list[Member]] = relationship(back_populates="alert", order_by="Member.id")

    __table_args__ = (
        sa.Index("uq_alert_open_problem", "problem_key", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
        sa.UniqueConstraint("problem_key", "episode"),
        sa.Index("ix_alert_open", "starts_at", "id", sqlite_where=OPEN, postgresql_where=OPEN),
        sa.Index("ix_alert_recent", "starts_at", "id"),
        sa.Index("ix_alert_acknowledged_until", "acknowledged_until"),
    )


class Member(Base):
    """One label set of an episode, as its source sends it; again the same only moves `last_seen_at` and `count` (A-01).

    `expires_at` is when it ends by itself (A-06); None for a check's own, which end by evidence. `resend_s` is the
    longest pause seen between two sendings, in seconds.
    """

    __tablename__ = "alert_member"
    __audited__ = False

    id: Mapped[int] = pk()
    alert_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("alert.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(sa.String(16), index=True)
    labels: Mapped[dict[str, str]] = mapped_column(type_=sa.JSON)
    annotations: Mapped[dict[str, str]] = mapped_column(type_=sa.JSON)
    severity: Mapped[Severity] = enum_column(Severity)
    generator_url: Mapped[str] = mapped_column(sa.Text, default="")
    starts_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    last_seen_at: Mapped[dt.datetime]
    count: Mapped[int] = mapped_column(default=1)
    expires_at: Mapped[dt.datetime | None]
    resend_s: Mapped[int] = mapped_column(default=0)
    resolved_at: Mapped[dt.datetime | None]
    timed_out: Mapped[bool] = mapped_column(default=False)

    alert: Mapped[Alert] = relationship(back_populates="members")

    __table_args__ = (
        sa.Index("uq_alert_member_open", "fingerprint", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
        sa.Index("ix_alert_member_expires", "expires_at", sqlite_where=OPEN, postgresql_where=OPEN),
    )
