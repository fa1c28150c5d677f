"""What a process of one role (or of all of them) runs, where several share one PostgreSQL."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.orm import Session

from app import broker, rooms
from app.run import feed, parts
from app.run.background import Timer
from app.run.clockwatch import ClockWatch
from app.run.instance import Instance
from app.run.jobs import HandOver, Hands, Schedule
from config import Settings
from core import clock
from core.bus import Bus, link
from core.db import transaction
from core.jobs import Job
from core.outbox import Relay, registry
from core.schedule import EXTENSION, lease
from kb.search import index
from monitor.checks import wake
from web.presence import REPEAT_S, presence

log = structlog.get_logger()

ROLES = ("web", "worker", "poller", "live")
#: What a role's port answers; "/" is everything below.
PATHS = {"web": ("/",), "live": ("/live",)}
PRESENT_EVERY_S, PRESENT_FOR_S = 8.0, 25.0
HEALTH = ("/healthz", "/readyz", "/metrics")


def paths_of(roles: tuple[str, ...]) -> tuple[str, ...]:
    """The beginnings of the addresses that these roles serve."""
    found = {path for role in roles for path in PATHS.get(role, ())}
    return ("/",) if "/" in found else (*sorted(found), *HEALTH)


class Duties:
    """Everything of these roles beside serving HTTP; started and stopped as one."""

    def __init__(
        self,
        app: Flask,
        engine: sa.Engine,
        settings: Settings,
        instance: Instance,
        roles: tuple[str, ...],
        *,
        demo: bool,
    ) -> None:
        self._app, self._engine, self._settings, self._instance = app, engine, settings, instance
        self._roles, self._demo = roles, demo
        app.extensions[EXTENSION] = instance
        self.bus = Bus(engine)
        self._running: list[Any] = []
        if settings.broker_url:
            app.extensions.setdefault("taxops.readiness", {})["broker"] = broker.Probe(settings.broker_url).readiness

    def start(self) -> None:
        """Start what the roles need, so that nothing is said before somebody hears it."""
        with contextlib.suppress(sa.exc.SQLAlchemyError), transaction(self._engine) as session:
            self._present(session, clock.now())  # also whoever dies in its first seconds was there
        timer = Timer(self._engine, self._own(), threads=1)
        watch = ClockWatch(self._engine, self._instance.name, [timer.again])
        watch.start()
        self._running = [watch, feed.carry(self.bus), *self._linked()]
        self._running.append(timer)
        if "worker" in self._roles:
            found, schedule = self._worker()
            self._running.extend(found)
            watch.then.append(schedule.again)
        self.bus.start()
        timer.start()
        wanted = parts.of_roles(self._roles, demo=self._demo)
        self._running.extend(parts.start(self._app, self._engine, self._settings, wanted, holder=self._instance.name))

    def _own(self) -> list[Job]:
        """What every process does by itself."""
        repeat = Job("presence.pages", REPEAT_S, lambda _session, _now: presence.repeat())
        own = Job("presence", PRESENT_EVERY_S, self._present)
        return [own, repeat, *(job for job in rooms.jobs() if job.everywhere)]

    def _linked(self) -> list[Any]:
        """A commit anywhere wakes whoever waits for it, wherever that runs."""
        ends = [
            link(self.bus, "outbox", registry.on_commit),
            link(self.bus, "search", index.on_commit),
            link(self.bus, "checks", wake.on_commit),
        ]
        return [_Undo(end) for end in ends]

    def _worker(self) -> tuple[list[Any], Schedule]:
        jobs = [job for job in rooms.jobs() if not job.everywhere]
        name = self._instance.name
        hand_over = HandOver(self._engine, self._settings, self.bus)
        hands = Hands(self._engine, self._settings, name, jobs, self.bus)
        hand_over.called = hands.wake
        schedule = Schedule(self._engine, name, jobs, hand_over)
        found: list[Any] = [Relay(self._engine), hand_over, hands, schedule]
        for part in found:
            part.start()
        return found, schedule

    def _present(self, session: Session, _now: dt.datetime) -> None:
        """Be known to be alive."""
        lease.take(session, lease.PRESENT + self._instance.name, self._instance.name, PRESENT_FOR_S)

    def stop(self) -> None:
        """Stop everything, newest first; what is in hand is finished."""
        for part in reversed(self._running):
            part.stop()
        self.bus.stop()
        with contextlib.suppress(sa.exc.SQLAlchemyError), transaction(self._engine) as session:
            lease.give_back(session, lease.PRESENT + self._instance.name, self._instance.name)
        self._instance.release()


class _Undo:
    def __init__(self, end: Any) -> None:
        self.stop = end
