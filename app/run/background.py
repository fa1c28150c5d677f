"""The background role: relay, periodic jobs, poller, and the demo's loading."""

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
from config import Settings
from core import clock
from core.db import transaction
from core.jobs import Job
from core.outbox import Relay

log = structlog.get_logger()


class Background:
    """All duties that run beside the web; started and stopped as one."""

    def __init__(self, app: Flask, engine: sa.Engine, settings: Settings, *, demo: bool = False) -> None:
        self._app, self._engine, self._settings, self._demo = app, engine, settings, demo
        self._relay = Relay(engine)
        self._scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(4)}, timezone="UTC")
        self._parts: list[Any] = []

    def start(self) -> None:
        """Start relay, schedule and parts (poller, live feed)."""
        self._relay.start()
        for job in rooms.jobs():
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
        self._parts = parts.start(self._app, self._engine, self._settings, demo=self._demo)

    def _run(self, job: Job) -> None:
        try:
            with transaction(self._engine) as session:
                session.info["actor"] = f"job:{job.name}"
                job.run(session, clock.now())
        except Exception:
            log.exception("job.failed", job=job.name)

    def stop(self) -> None:
        """Stop everything, newest first; what is in hand is finished."""
        for part in reversed(self._parts):
            part.stop()
        self._scheduler.shutdown(wait=True)
        self._relay.stop()
