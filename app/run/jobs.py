"""Periodic duties where several processes share one database.

One process, under a lease, has the schedule (APScheduler): it writes each moment into the book and hands it to the
broker. Every worker process takes what the broker brings (Celery), and from time to time what it did not.
"""

from __future__ import annotations

import datetime as dt
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
import structlog
from apscheduler.executors.pool import ThreadPoolExecutor as SchedulePool
from apscheduler.schedulers.background import BackgroundScheduler

from app import broker
from config import Settings
from core import clock
from core.bus import Bus
from core.db import transaction
from core.jobs import Job
from core.schedule import runs
from core.schedule.lease import SCHEDULE, Leadership

log = structlog.get_logger(__name__)

TOPIC = "jobs"
THREADS = 4
LOOK_S = 2.0
BROKER_AGAIN_S = 5.0
STOP_S = 25.0


class Schedule:
    """APScheduler under a lease: whoever holds it writes moments down; the next holder makes up for what was missed."""

    def __init__(self, engine: sa.Engine, holder: str, jobs: list[Job], hand_over: HandOver) -> None:
        self._engine, self._jobs, self._hand_over = engine, jobs, hand_over
        self._scheduler: BackgroundScheduler | None = None
        self._leadership = Leadership(engine, SCHEDULE, holder, gained=self._begin, lost=self._end)

    def start(self) -> None:
        """Begin to try for the lease."""
        self._leadership.start()

    def stop(self) -> None:
        """End, and give the lease back."""
        self._leadership.stop()

    @property
    def is_leading(self) -> bool:
        """Whether this process has the schedule now."""
        return self._leadership.is_held

    def again(self) -> None:
        """The wall clock was set: the moments of every duty begin anew from the clock as it is."""
        if (scheduler := self._scheduler) is not None:
            for job in scheduler.get_jobs():
                job.modify(next_run_time=clock.now())

    def _begin(self) -> None:
        self._scheduler = BackgroundScheduler(executors={"default": SchedulePool(2)}, timezone="UTC")
        now = clock.now()
        for job in self._jobs:
            moment = runs.due(job, now)
            self._scheduler.add_job(
                self._tick, "interval", seconds=job.every_s, start_date=moment, args=[job], id=job.name,
                coalesce=True, max_instances=1, misfire_grace_time=None,
            )  # fmt: skip
            self._scheduler.add_job(self._tick, args=[job], misfire_grace_time=None)  # what nobody scheduled meanwhile
        self._scheduler.start()

    def _end(self) -> None:
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)
            self._scheduler = None

    def _tick(self, job: Job) -> None:
        now = clock.now()
        moment = runs.due(job, now + dt.timedelta(milliseconds=20))  # a timer may be early by a hair
        try:
            with transaction(self._engine) as session:
                made = runs.write_down(session, job.name, moment, now=now)
        except sa.exc.SQLAlchemyError as error:
            log.warning("schedule.database", job=job.name, error=str(error).splitlines()[0])
            return
        if made:
            self._hand_over.offer(job.name, moment)


class HandOver:
    """Gives moments to the broker, on a thread of its own; without one, or while it is away, calls the workers."""

    def __init__(self, engine: sa.Engine, settings: Settings, bus: Bus) -> None:
        self._engine, self._bus = engine, bus
        self._celery = broker.make(settings) if settings.broker_url else None
        self._moments: queue.SimpleQueue[tuple[str, dt.datetime] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="hand-over", daemon=True)
        self._away_until = 0.0
        self.called: Callable[[], None] = lambda: None
        """Called where the broker took nothing: the workers of this process look into the book; the bus calls others."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Hand over what waits, and end."""
        self._moments.put(None)
        self._thread.join(timeout=10)
        if self._celery is not None:
            self._celery.close()

    def offer(self, name: str, moment: dt.datetime) -> None:
        """Have a moment handed over; returns at once."""
        self._moments.put((name, moment))

    def _run(self) -> None:
        while (found := self._moments.get()) is not None:
            name, moment = found
            if self._send(name, moment):
                self._note(name, moment)
            else:
                self.called()
                self._bus.say(TOPIC)

    def _send(self, name: str, moment: dt.datetime) -> bool:
        if self._celery is None or time.monotonic() < self._away_until:
            return False
        try:
            self._celery.send_task(
                broker.TASK, args=[name, moment.isoformat()], expires=broker.MESSAGE_LIVES_S, retry=False,
                confirm_timeout=broker.CONNECT_S,
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001  each transport has errors of its own; the book has the moment
            self._away_until = time.monotonic() + BROKER_AGAIN_S
            log.warning("broker.away", error=f"{type(error).__name__}: {error}".splitlines()[0])
            return False
        return True

    def _note(self, name: str, moment: dt.datetime) -> None:
        try:
            with transaction(self._engine) as session:
                runs.sent(session, name, moment, now=clock.now())
        except sa.exc.SQLAlchemyError as error:
            log.warning("schedule.database", job=name, error=str(error).splitlines()[0])


class Hands:
    """Runs moments: those the broker brings, and those left in the book."""

    def __init__(self, engine: sa.Engine, settings: Settings, worker: str, jobs: list[Job], bus: Bus) -> None:
        self._engine, self._settings, self._worker = engine, settings, worker
        self._jobs = {job.name: job for job in jobs}
        self._unsent = runs.UNSENT if settings.broker_url else dt.timedelta(0)
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._look, name="book", daemon=True)
        self._consumer = Consumer(settings, self.run, worker) if settings.broker_url else None
        bus.hear(TOPIC, lambda _text: self._wake.set())

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        if self._consumer is not None:
            self._consumer.start()

    def stop(self) -> None:
        """Take nothing more, finish what is in hand."""
        self._stop.set()
        self._wake.set()
        if self._consumer is not None:
            self._consumer.stop()
        self._thread.join(timeout=STOP_S)

    def wake(self) -> None:
        """There may be something in the book."""
        self._wake.set()

    def run(self, name: str, due_at: str) -> None:
        """What the broker's message asks for."""
        job = self._jobs.get(name)
        if job is not None:
            runs.run(self._engine, job, dt.datetime.fromisoformat(due_at), worker=self._worker)

    def _look(self) -> None:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="book") as pool:
            while not self._stop.is_set():
                self._wake.wait(LOOK_S)
                self._wake.clear()
                try:
                    found = runs.left(self._engine, now=clock.now(), unsent=self._unsent)
                except sa.exc.SQLAlchemyError as error:
                    log.warning("book.database", error=str(error).splitlines()[0])
                    continue
                list(pool.map(self._from_book, found))

    def _from_book(self, moment: tuple[str, dt.datetime]) -> None:
        name, due_at = moment
        job = self._jobs.get(name)
        if job is not None and not self._stop.is_set():
            runs.run(self._engine, job, due_at, worker=self._worker)


class Consumer:
    """Celery's worker on a thread of this process: no second interpreter, and it ends when the process is told to."""

    def __init__(self, settings: Settings, run: Any, name: str) -> None:
        self._celery, self._name = broker.make(settings, run), name.replace(":", ".")
        self._thread = threading.Thread(target=self._work, name="celery", daemon=True)
        self._stop = threading.Event()
        self._controller: Any = None

    def start(self) -> None:
        """Begin; waits for the broker in the background where it is away."""
        self._thread.start()

    def stop(self) -> None:
        """Celery's warm shutdown: nothing new is taken, what runs is finished."""
        from celery.worker import state

        self._stop.set()
        state.should_stop = 0
        self._thread.join(timeout=STOP_S)
        state.should_stop = None

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._controller = self._celery.WorkController(
                    hostname=f"taxops@{self._name}",
                    pool="threads", concurrency=THREADS, without_gossip=True, without_mingle=True, loglevel="WARNING",
                    optimization="fair",
                )  # fmt: skip
                self._controller.start()
            except Exception:
                log.exception("celery.ended")
            self._stop.wait(BROKER_AGAIN_S)
