"""The book of periodic duties in an installation of several processes: each moment of a duty has its effect once.

The scheduler writes a moment down and hands it to the broker; a worker runs it and ticks it off in the duty's own
transaction, under the row's lock. So the broker may deliver twice, late, or never: the row decides. What no broker took,
or what was taken and not done for a while, workers find in the book. PostgreSQL only.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable

import sqlalchemy as sa
import sqlalchemy.orm
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import clock
from core.db.engine import reading, transaction
from core.jobs import Job
from core.schedule.models import JobRun

log = structlog.get_logger(__name__)

UNSENT = dt.timedelta(seconds=2)
"""A moment that no broker has taken so long after it was written down is run from the book."""
SENT = dt.timedelta(seconds=12)
"""A moment the broker took, and that nobody has done since, is run from the book too."""
ATTEMPTS = 6
FIRST_DELAY_S = 5
LONGEST_DELAY_S = 300
KEEP = dt.timedelta(hours=2)
KEEP_FAILED = dt.timedelta(days=7)
BATCH = 50
DONE, SUPERSEDED, FAILED = "done", "superseded", "failed"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def due(job: Job, now: dt.datetime) -> dt.datetime:
    """The last moment of `job` at or before `now`: the same in every process. Duties of one period are spread out."""
    every = dt.timedelta(seconds=job.every_s)
    phase = dt.timedelta(seconds=zlib.crc32(job.name.encode()) % max(1, int(job.every_s)))
    return _EPOCH + phase + (now - _EPOCH - phase) // every * every


def write_down(session: Session, name: str, due_at: dt.datetime, *, now: dt.datetime) -> bool:
    """Make the moment's row; False where it is there already."""
    row = {"job": name, "due_at": due_at, "created_at": now, "next_try_at": now, "attempts": 0}
    made = insert(JobRun).values(**row).on_conflict_do_nothing().returning(JobRun.job)
    return session.scalar(made) is not None


def sent(session: Session, name: str, due_at: dt.datetime, *, now: dt.datetime) -> None:
    """The broker has it."""
    session.execute(sa.update(JobRun).where(JobRun.job == name, JobRun.due_at == due_at).values(sent_at=now))


def left(engine: sa.Engine, *, now: dt.datetime, unsent: dt.timedelta = UNSENT) -> list[tuple[str, dt.datetime]]:
    """Moments to be run from the book, oldest first."""
    nobody = sa.and_(JobRun.sent_at.is_(None), JobRun.created_at <= now - unsent)
    forgotten = JobRun.sent_at <= now - SENT
    with reading(engine) as session:
        rows = session.execute(
            sa.select(JobRun.job, JobRun.due_at)
            .where(JobRun.done_at.is_(None), JobRun.next_try_at <= now, sa.or_(nobody, forgotten))
            .order_by(JobRun.due_at)
            .limit(BATCH)
        )
        return [(job, due_at) for job, due_at in rows]


def run(
    engine: sa.Engine, job: Job, due_at: dt.datetime, *, worker: str, now: Callable[[], dt.datetime] = clock.now
) -> bool:
    """Run one moment of a duty, or leave it: True when it is over by this call.

    False: it is done, somebody has it in hand, another moment of the same duty runs just now, or it failed and is put
    off. What the duty writes and that it is done are one transaction.
    """
    try:
        with transaction(engine) as session:
            session.info["actor"] = f"job:{job.name}"
            row = session.scalar(
                sa.select(JobRun)
                .where(JobRun.job == job.name, JobRun.due_at == due_at, JobRun.done_at.is_(None))
                .with_for_update(skip_locked=True)
            )
            if row is None or not _alone(session, job.name):
                return False
            row.worker = worker
            if _is_overtaken(session, row):
                row.outcome = SUPERSEDED
            else:
                row.attempts += 1
                job.run(session, now())
                row.outcome, row.error = DONE, None
            row.done_at = now()
    except Exception as error:
        log.exception("job.failed", job=job.name)
        _put_off(engine, job.name, due_at, error, now())
        return False
    return True


def _alone(session: Session, name: str) -> bool:
    """Runs of one duty never overlap, in whatever process: a lock for the length of the transaction."""
    key = sa.func.hashtextextended(f"job:{name}", 0)
    return bool(session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(key))))


def _is_overtaken(session: Session, row: JobRun) -> bool:
    newer = sa.select(JobRun.due_at).where(JobRun.job == row.job, JobRun.due_at > row.due_at).limit(1)
    return session.scalar(newer) is not None


def _put_off(engine: sa.Engine, name: str, due_at: dt.datetime, error: Exception, now: dt.datetime) -> None:
    try:
        with transaction(engine) as session:
            row = session.get(JobRun, (name, due_at), with_for_update=True)
            if row is None or row.done_at is not None:
                return
            row.attempts += 1
            row.error = f"{type(error).__name__}: {error}"[:2000]
            row.sent_at = None
            row.next_try_at = now + dt.timedelta(seconds=min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (row.attempts - 1)))
            if row.attempts >= ATTEMPTS:
                row.outcome, row.done_at = FAILED, now
    except sa.exc.SQLAlchemyError as away:  # the row is as it was, and is found again
        log.warning("job.database", job=name, error=str(away).splitlines()[0])


def forget_future(session: Session, _by: dt.timedelta) -> None:
    """The clock was set back: moments written down for times that now are still to come must not stand in their way."""
    session.execute(sa.delete(JobRun).where(JobRun.due_at > clock.wall()))


def purge(session: Session, *, now: dt.datetime) -> None:
    """Forget what was done some hours ago (failed: a week), but never the last moment of a duty."""
    newer = sa.orm.aliased(JobRun)
    has_newer = sa.exists().where(newer.job == JobRun.job, newer.due_at > JobRun.due_at)
    over = sa.or_(JobRun.done_at < now - KEEP_FAILED, sa.and_(JobRun.done_at < now - KEEP, JobRun.outcome != FAILED))
    session.execute(sa.delete(JobRun).where(over, has_newer))
