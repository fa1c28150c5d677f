"""Silences, inhibition rules, which alert they keep quiet, and what had been told before."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, enum_column, pk
from core.db.base import Id, Json
from monitor.rules import Severity


class SilenceState(StrEnum):
    """Where a silence stands; computed from its times, never stored."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


class PlaceKind(StrEnum):
    """What a silence's reach is given by."""

    UNIT = "unit"
    TEAM = "team"
    SERVICE = "service"


class Reason(StrEnum):
    """Why an alert is quiet, as far as this room decides it; `suppressed_by` may hold others' reasons too."""

    SILENCE = "silence"
    INHIBITION = "inhibition"


class Silence(Base):
    """Nobody is told of alerts that fulfil all matchers and lie within its places, from `starts_at` to `ends_at`.

    `uid` is the id that clients see. `follows`: the silence this one replaced (Alertmanager makes a new id where an edit
    changes what is silenced). `applied`: alerts know that it is active. `look_again_at`: when alerts that came in at the
    very moment of its beginning are looked for.
    """

    __tablename__ = "silence"

    id: Mapped[int] = pk()
    uid: Mapped[str] = mapped_column(sa.String(36), unique=True)
    matchers: Mapped[list[dict[str, str]]] = mapped_column(type_=Json)
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime] = mapped_column(index=True)
    comment: Mapped[str] = mapped_column(sa.Text)
    author: Mapped[str] = mapped_column(sa.String(200), default="")  # what a client says, such as amtool's --author
    by_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    follows: Mapped[str | None] = mapped_column(sa.String(36))
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime] = mapped_column(info={"silent": True})
    applied: Mapped[bool] = mapped_column(default=False, info={"silent": True})
    look_again_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})
    version: Mapped[int] = mapped_column(default=1, info={"silent": True})

    places: Mapped[list[SilencePlace]] = relationship(cascade="all, delete-orphan", order_by="SilencePlace.id")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  SQLAlchemy's own protocol

    @property
    def __audit_name__(self) -> str:
        return f"silence:{self.uid}"

    def state(self, now: dt.datetime) -> SilenceState:
        """Pending, active or expired at `now`."""
        if now < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if now < self.ends_at else SilenceState.EXPIRED


class SilencePlace(Base):
    """One part of a silence's reach: a unit with all below it, a team's or a service's alerts."""

    __tablename__ = "silence_place"
    __audited__ = False

    id: Mapped[int] = pk()
    silence_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("silence.id"), index=True)
    kind: Mapped[PlaceKind] = enum_column(PlaceKind)
    place_id: Mapped[int] = mapped_column(Id)

    __table_args__ = (sa.Index("ix_silence_place_kind_place_id", "kind", "place_id"),)


class SilenceChange(Base):
    """One line of a silence's history. `what`: created | changed | expired | replaced; `text`: what it was before."""

    __tablename__ = "silence_change"
    __audited__ = False

    id: Mapped[int] = pk()
    silence_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("silence.id"), index=True)
    at: Mapped[dt.datetime]
    by_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    what: Mapped[str] = mapped_column(sa.String(20))
    text: Mapped[str] = mapped_column(sa.Text, default="")


class InhibitionRule(Base):
    """While an alert that fulfils `source` fires, those that fulfil `target` and have equal `equal` labels are quiet (A-04).

    Unless `across_units`, the source must lie in the target's own unit or in one above it, so that no office can make
    another's alerts quiet.
    """

    __tablename__ = "inhibition_rule"

    id: Mapped[int] = pk()
    name: Mapped[str] = mapped_column(sa.String(120), unique=True)
    source: Mapped[list[dict[str, str]]] = mapped_column(type_=Json)
    target: Mapped[list[dict[str, str]]] = mapped_column(type_=Json)
    equal: Mapped[list[str]]
    across_units: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime]
    retired_at: Mapped[dt.datetime | None]
    look_again_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})
    version: Mapped[int] = mapped_column(default=1, info={"silent": True})

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  SQLAlchemy's own protocol


class InhibitionKey(Base):
    """One side of a rule that a firing label set stands on, by the hash of its `equal` labels.

    This is the index that keeps the cost of a new alert independent of how many others fire. `both`: the label set
    stands on the other side too, and then can't keep its like quiet.
    """

    __tablename__ = "inhibition_key"
    __audited__ = False

    member_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("alert_member.id"), primary_key=True)
    rule_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("inhibition_rule.id"), primary_key=True, index=True)
    is_source: Mapped[bool] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(32))
    both: Mapped[bool]
    alert_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("alert.id"), index=True)
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"))
    fingerprint: Mapped[str] = mapped_column(sa.String(16))

    __table_args__ = (sa.Index("ix_inhibition_key_key_is_source", "key", "is_source"),)


class Muting(Base):
    """A firing label set is kept quiet by a silence (`by` its uid) or another alert (`by` its fingerprint)."""

    __tablename__ = "alert_muting"
    __audited__ = False

    member_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("alert_member.id"), primary_key=True)
    reason: Mapped[Reason] = enum_column(Reason, primary_key=True)
    by: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    alert_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("alert.id"), index=True)

    __table_args__ = (sa.Index("ix_alert_muting_by", "by"),)


class Hold(Base):
    """What was told of an alert before it went quiet: its severity then, None where it was quiet from the beginning.

    `lifted_at`: nothing keeps it quiet any more, but its check is about to be looked at again (M-06).
    """

    __tablename__ = "alert_hold"
    __audited__ = False

    alert_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("alert.id"), primary_key=True)
    since: Mapped[dt.datetime]
    told: Mapped[Severity | None] = enum_column(Severity)
    lifted_at: Mapped[dt.datetime | None] = mapped_column(index=True)


class QuietVersion(Base):
    """One row, raised by whatever changes silences or rules, so that a process knows when its copy is old."""

    __tablename__ = "quiet_version"
    __audited__ = False

    id: Mapped[int] = pk()
    number: Mapped[int] = mapped_column(default=0)
