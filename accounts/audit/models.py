"""What keeps the audit trail provable: seals over its rows, gaps in its numbers, who looked when, and how far it was carried on."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Id, pk


class AuditSeal(Base):
    """One block of rows, chained to the block before (chain.py says how). Append-only, as the trail itself.

    `seq` counts from 1 without a gap, and being the key it keeps two processes from sealing the same twice. `entries` are
    the packed numbers, times and digests of the rows; `high_id` is the highest row number sealed up to here;
    `covered_before` the latest time received in all blocks before this one.
    """

    __tablename__ = "audit_seal"
    __audited__ = False

    seq: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    rows: Mapped[int]
    high_id: Mapped[int] = mapped_column(Id)
    covered_before: Mapped[dt.datetime | None]
    received_until: Mapped[dt.datetime]
    sealed_at: Mapped[dt.datetime]
    entries: Mapped[bytes] = mapped_column(sa.LargeBinary)
    previous: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64))
    mac: Mapped[str] = mapped_column(sa.String(64))


class AuditGap(Base):
    """Row numbers below the highest sealed one that had no row then: their transaction was rolled back, or is late."""

    __tablename__ = "audit_gap"
    __audited__ = False

    first_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(Id)
    seen_at: Mapped[dt.datetime] = mapped_column(index=True)


class AuditLook(Base):
    """One verification: asked for by a person or by the day, done by whoever claims it, with what it found."""

    __tablename__ = "audit_look"
    __audited__ = False

    id: Mapped[int] = pk()
    asked_at: Mapped[dt.datetime]
    asked_by: Mapped[str] = mapped_column(sa.String(80))
    started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None] = mapped_column(index=True)
    verdict: Mapped[dict[str, Any] | None]


class AuditExport(Base):
    """How far the trail was carried to the syslog receiver: all up to `seal`, for sure. One row. `error_since`: away."""

    __tablename__ = "audit_export"
    __audited__ = False

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    seal: Mapped[int] = mapped_column(Id)
    moved_at: Mapped[dt.datetime | None]
    error: Mapped[str | None] = mapped_column(sa.String(200))
    error_since: Mapped[dt.datetime | None]
