"""The poller inside this program: which checks it runs, and what becomes of their results."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.orm import Session

from collectors.canary import Canary, default_gateway
from collectors.poller import Poller
from collectors.poller_thread import PollerThread
from collectors.report import CheckDefinition, Report
from collectors.spool import Spool
from config import Settings
from core import clock
from core.db import reading, transaction
from core.schedule import EXTENSION, Instance
from core.schedule.shares import Shares
from monitor import intake, metrics, self_checks
from monitor import models as m
from monitor.checks import definition, pollers, wake
from monitor.probing import as_result
from monitor.results import book as stands
from monitor.samples import SampleStore, SampleStoreError
from monitor.samples import access as samples

log = structlog.get_logger(__name__)
REFRESH_S = 10.0
RETAIN_S = 900.0


def start(app: Flask, engine: sa.Engine, settings: Settings) -> Polling:
    """Start polling in the background role; called by app's list of parts."""
    polling = Polling(app, engine, settings)
    polling.start()
    return polling


class Polling:
    """The poller's thread, the watch over this machine, and the upkeep of samples."""

    def __init__(self, app: Flask, engine: sa.Engine, settings: Settings) -> None:
        self._app, self._engine, self._settings = app, engine, settings
        self._store = samples.store_of(app)
        self._instance: Instance | None = app.extensions.get(EXTENSION)
        self._thread = PollerThread(self._make)
        self._shares = (
            Shares(engine, pollers.SHARE, self._instance.name, self._thread.refresh) if self._instance else None
        )
        self._stop = threading.Event()
        self._upkeep = threading.Thread(target=self._look_after, name="samples", daemon=True)

    def start(self) -> None:
        """Begin; the first checks run within seconds."""
        self._thread.start()
        if self._shares is not None:
            self._shares.start()
        wake.on_commit.append(self._thread.refresh)
        self._upkeep.start()

    def stop(self) -> None:
        """End; what is not yet delivered waits on the disk."""
        self._stop.set()
        with contextlib.suppress(ValueError):
            wake.on_commit.remove(self._thread.refresh)
        self._thread.stop()
        if self._shares is not None:
            self._shares.stop()
        self._upkeep.join(20)
        with contextlib.suppress(sa.exc.SQLAlchemyError), transaction(self._engine) as session:
            stands.write(session)  # lost, it would be heard anew
        samples.close(self._app)

    def _make(self) -> Poller:
        gateway = default_gateway()
        return Poller(
            Definitions(self._engine, self._is_mine),
            Taker(self._engine, self._store),
            spool=Spool((self._instance.directory if self._instance else self._settings.path("poller")) / "spool"),
            canary=Canary(gateway) if gateway is not None else None,
            refresh_s=REFRESH_S,
            may_run=self._is_mine,
        )

    def _is_mine(self, check_id: str) -> bool:
        """Of several pollers each runs its own share of the checks, and no check is run by two (M-11)."""
        return self._shares is None or self._shares.is_mine(int(check_id))

    def _look_after(self) -> None:
        """Find what this machine offers to be watched, then fold and drop old samples from time to time."""
        watched = False
        while not self._stop.is_set():
            with contextlib.suppress(Exception):
                watched = watched or self_checks.ensure(self._engine, self._settings)
            if watched:
                self._retain()
            self._stop.wait(RETAIN_S if watched else 2.0)

    def _retain(self) -> None:
        if self._store is None:
            return
        try:
            self._store.retain(clock.now())
            metrics.SAMPLE_BYTES.set(self._store.size())
        except SampleStoreError:
            log.exception("samples.retain")


class Definitions:
    """The source: active checks that no satellite runs, of them those that are this process's."""

    def __init__(self, engine: sa.Engine, is_mine: Callable[[str], bool] = lambda _id: True) -> None:
        self._engine, self._is_mine = engine, is_mine

    async def __call__(self) -> Sequence[CheckDefinition]:
        """The checks to run now."""
        return [found for found in await asyncio.to_thread(self._read) if self._is_mine(found.id)]

    def _read(self) -> list[CheckDefinition]:
        with reading(self._engine) as session:
            return [defined(check) for check in session.scalars(ours())]


def ours() -> sa.Select[m.Check]:
    """Checks run by the poller of this program."""
    here = sa.select(m.Poller.id).where(m.Poller.name == m.HERE).scalar_subquery()
    mine = sa.or_(m.Check.poller_id.is_(None), m.Check.poller_id == here)
    return sa.select(m.Check).where(m.Check.active, m.Check.retired_at.is_(None), mine).order_by(m.Check.id)


def defined(check: m.Check) -> CheckDefinition:
    """A check as a poller knows it; secrets included, so it is never logged."""
    return CheckDefinition(
        str(check.id),
        check.type,
        check.target,
        definition.whole(check),
        interval_s=check.interval_s,
        retry_s=check.retry_s,
        max_attempts=check.max_attempts,
        timeout_s=check.timeout_s,
    )


class Taker:
    """The sink: results go through the intake, a batch in one transaction."""

    def __init__(self, engine: sa.Engine, store: SampleStore | None) -> None:
        self._engine, self._store = engine, store

    async def deliver(self, reports: Sequence[Report]) -> Mapping[str, float]:
        """Take a batch; answers which checks to look at again, and in how many seconds."""
        return await asyncio.to_thread(self._take, reports)

    def _take(self, reports: Sequence[Report]) -> dict[str, float]:
        results = [as_result(int(report.check_id), report.result) for report in reports]
        with transaction(self._engine) as session:
            session.info["actor"] = "poller"
            now = clock.now()
            taken = intake.take(session, results, store=self._store, now=now)
            _seen(session)
        return {str(check_id): seconds for check_id, seconds in taken.again.items()}


def _seen(session: Session) -> None:
    here = session.scalar(sa.select(m.Poller).where(m.Poller.name == m.HERE))
    if here is not None:
        pollers.touch(here, now=clock.now())
