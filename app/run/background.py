"""The duties beside the web in the embedded default: relay, periodic jobs, parts; one process, one thread of each."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from app import rooms
from app.run import parts
from app.run.clockwatch import ClockWatch
from config import Settings
from core import clock
from core.db import transaction
from core.jobs import Job
from core.outbox import Relay

log = structlog.get_logger()
ROLES = ("worker", "poller")


class Timer:
    """Runs duties in this process, each in a transaction of its own."""

    def __init__(self, engine: sa.Engine, jobs: list[Job], *, threads: int = 4) -> None:
        self._engine, self._jobs = engine, jobs
        self._scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(threads)}, timezone="UTC")

    def start(self) -> None:
        """Begin; the first runs come within two seconds."""
        for job in self._jobs:
            self._scheduler.add_job(
                self._run,
                "interval",
                seconds=job.every_s,
                args=[job],
                id=job.name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
                next_run_time=clock.now() + dt.timedelta(seconds=min(job.every_s, 2)),
            )
        self._scheduler.start()

    def again(self) -> None:
        """The wall clock was set: every duty is due now, not when its clock would have come round again."""
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=clock.now())

    def stop(self) -> None:
        """Finish what runs, and end."""
        self._scheduler.shutdown(wait=True)

    def _run(self, job: Job) -> None:
        try:
            with transaction(self._engine) as session:
                session.info["actor"] = f"job:{job.name}"
                session.connection()  # our turn to write has come: only then it is asked what time it is
                job.run(session, clock.now())
        except sa.exc.OperationalError as error:  # the database is away or full: no fault of the duty's
            log.warning("job.database", job=job.name, error=str(error.orig).splitlines()[0])
        except Exception:
            log.exception("job.failed", job=job.name)


class Background:
    """All duties that run beside the web; started and stopped as one."""

    def __init__(self, app: Flask, engine: sa.Engine, settings: Settings, *, demo: bool = False) -> None:
        self._app, self._engine, self._settings, self._demo = app, engine, settings, demo
        self._relay = Relay(engine)
        self._timer = Timer(engine, rooms.jobs())
        self._parts: list[Any] = []
        self._clock = ClockWatch(engine, "", [self._timer.again])

    def start(self) -> None:
        """Start relay, schedule and parts (poller, sender, indexer)."""
        self._clock.start()
        self._relay.start()
        self._timer.start()
        wanted = parts.of_roles(ROLES, demo=self._demo)
        self._parts = parts.start(self._app, self._engine, self._settings, wanted)

    def stop(self) -> None:
        """Stop everything, newest first; what is in hand is finished."""
        for part in reversed(self._parts):
            part.stop()
        self._timer.stop()
        self._relay.stop()
        self._clock.stop()
