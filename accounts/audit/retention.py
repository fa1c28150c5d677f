"""Forgetting the audit trail when its time has passed; before that the database itself refuses (migrations)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import listener
from accounts.audit.models import AuditSeal
from accounts.models import AuditRow

KEEP = dt.timedelta(days=400)
SLACK = dt.timedelta(days=1)
"""The database judges by its own clock, which may be behind ours."""


def purge(session: Session, *, now: dt.datetime, keep: dt.timedelta = KEEP) -> int:
    """Delete rows received longer ago than `keep`, with seals that are only of such rows, and record that; returns how many rows.

    Seals go from the oldest on, so that what is left is one chain; its first says up to when the rows before it came.
    """
    before = now - keep - SLACK
    gone = session.scalar(sa.select(sa.func.count()).select_from(AuditRow).where(AuditRow.received_at < before)) or 0
    if gone:  # recorded first: SQLite would give the number of a row deleted at the end to the next one
        until = {"rows": gone, "received_before": before.isoformat()}
        listener.record(session, verb="purge", object_name="audit", after=until, now=now)
        session.execute(sa.delete(AuditRow).where(AuditRow.received_at < before))
    young = sa.or_(AuditSeal.received_until >= before, AuditSeal.sealed_at >= before)
    oldest_kept = session.scalar(sa.select(sa.func.min(AuditSeal.seq)).where(young))
    if oldest_kept is not None:
        session.execute(sa.delete(AuditSeal).where(AuditSeal.seq < oldest_kept))
    return gone
