"""One thread writes what comes in at the door: whatever waits goes into one transaction, and one flush of the disk.

So a request that carries one alert costs a share of a commit, and the answer is given when the disk has it (R-01).
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from core import i18n
from core.db import transaction
from core.outbox import door

log = structlog.get_logger(__name__)
AT_ONCE = 128
"""Requests a transaction takes at most."""


@dataclass(slots=True, eq=False)
class Job:
    """Something to be written: `work` is called in the writer's transaction with all jobs of its kind."""

    what: object
    size: int
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[BaseException | None] = field(init=False)

    def __post_init__(self) -> None:
        self.done = self.loop.create_future()


Work = Callable[[Session, Sequence[object]], None]


class Writer:
    """Takes jobs of one kind; `work(session, things)` writes them. `most`: how much one transaction takes, in sizes."""

    def __init__(self, engine: sa.Engine, name: str, work: Work, *, most: int, locale: str) -> None:
        self._engine, self._name, self._work, self._most, self._locale = (
            engine,
            name,
            work,
            most,
            locale,
        )
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def write(self, what: object, *, size: int) -> BaseException | None:
        """Wait until it is on the disk; returns what went wrong, then nothing of it is. Called on the event loop."""
        if self._closed:
            return RuntimeError("the writer has ended")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        job = Job(what, size, asyncio.get_running_loop())
        self._queue.put(job)
        return await job.done

    def stop(self) -> None:
        """Write what waits, and end."""
        self._closed = True
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        with i18n.use_locale(self._locale):
            while (jobs := self._next()) is not None:
                self._answer(self._write(jobs))

    def _next(self) -> list[Job] | None:
        first = self._queue.get()
        if first is None:
            return None
        jobs, size = [first], first.size
        while len(jobs) < AT_ONCE and size < self._most:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._queue.put(None)
                break
            jobs.append(job)
            size += job.size
        return jobs

    def _write(self, jobs: list[Job]) -> list[tuple[Job, BaseException | None]]:
        """All in one transaction; where that fails, each by itself, so that one does not take the others with it."""
        try:
            with door.inside(), transaction(self._engine) as session:
                session.info["actor"] = "api"
                self._work(session, [job.what for job in jobs])
        except Exception as error:  # noqa: BLE001  whatever it was, whoever waits is told
            if len(jobs) == 1:
                log.warning(
                    "writer.failed",
                    writer=self._name,
                    error=f"{type(error).__name__}: {error}"[:500],
                )
                return [(jobs[0], error)]
            return [answer for job in jobs for answer in self._write([job])]
        return [(job, None) for job in jobs]

    def _answer(self, answers: list[tuple[Job, BaseException | None]]) -> None:
        """Wake each event loop once."""
        loops: dict[asyncio.AbstractEventLoop, list[tuple[Job, BaseException | None]]] = {}
        for job, error in answers:
            loops.setdefault(job.loop, []).append((job, error))
        for loop, found in loops.items():
            try:
                loop.call_soon_threadsafe(_settle, found)
            except RuntimeError:  # the loop has ended: nobody waits any more
                continue


def _settle(answers: list[tuple[Job, BaseException | None]]) -> None:
    for job, error in answers:
        if not job.done.done():
            job.done.set_result(error)
