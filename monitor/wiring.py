"""What the room does periodically, and whom it tells."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core import elapsed, outbox
from core.events.cmdb import ItemsChanged
from core.events.monitor import InhibitionMoved
from core.jobs import Job
from monitor import handlers, intake
from monitor.alerts import jobs as alert_jobs
from monitor.alerts.models import Member
from monitor.heartbeats import service as heartbeats
from monitor.models import CheckState, Heartbeat, StateChange
from monitor.quiet import turning
from monitor.results import book as stands

HISTORY_KEPT = dt.timedelta(days=730)


def _silence(session: Session, now: dt.datetime) -> int:
    return intake.silence(session, now=now)


def _miss(session: Session, now: dt.datetime) -> int:
    return heartbeats.miss(session, now=now)


def _purge(session: Session, now: dt.datetime) -> None:
    session.execute(sa.delete(StateChange).where(StateChange.at < now - HISTORY_KEPT))


def subscribe() -> None:
    """Listen to what concerns checks, and to alerts that keep others quiet."""
    outbox.subscribe(ItemsChanged, "monitor.items_changed", handlers.items_changed)
    outbox.subscribe(InhibitionMoved, "monitor.inhibition", turning.inhibition_moved)


JOBS = (
    Job("monitor.silence", 5, _silence),
    Job("monitor.heartbeats", 3, _miss),
    Job("monitor.alerts.seen", 2, alert_jobs.write_seen),
    Job("monitor.results.seen", 2, stands.write),
    Job("monitor.alerts.expire", 5, alert_jobs.expire),
    Job("monitor.alerts.acknowledgements", 30, alert_jobs.forget_acknowledgements),
    Job("monitor.quiet", 2, turning.turn),
    Job("monitor.history.purge", 86_400, _purge),
)


ELAPSING = (
    elapsed.rows(Heartbeat, ("due_at", "last_beat_at"), lambda: (Heartbeat.missed_at.is_(None),)),
    stands.move,
    elapsed.rows(CheckState, ("stale_at",), lambda: (CheckState.stale_at.is_not(None),)),
    elapsed.rows(
        Member, ("last_seen_at", "expires_at"), lambda: (Member.resolved_at.is_(None), Member.expires_at.is_not(None))
    ),
    alert_jobs.move_book,
)
