"""Runs checks when they are due: on a monotonic clock, spread by hash, never two runs of one check at once (M-11)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from collectors.agenda import Agenda
from collectors.base import DEFAULT_TIMEOUT_S, CheckResult, State
from core import clock
from core.i18n import gettext as _

log = structlog.get_logger(__name__)

LAG = Gauge("taxops_scheduler_lag_seconds", "How late the checks of a lane start at present", ["lane"])
DELAY = Histogram(
    "taxops_scheduler_start_delay_seconds",
    "From due to started",
    ["lane"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60),
)
RUNS = Counter("taxops_checks_run_total", "Checks run", ["lane", "state"])

LANES: Mapping[str, int] = MappingProxyType({"default": 64, "snmp": 32, "slow": 8})
"""How many checks of a lane may run at once; a lane not named here counts as default."""
SLOW_AFTER_S = 3.0
GRACE_S = 2.0
TICK_S = 5.0


@dataclass(frozen=True)
class ScheduledCheck:
    """What the scheduler needs to know of a check; `payload` is the caller's own."""

    id: str
    interval_s: float
    payload: Any = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    lane: str = "default"


Run = Callable[[ScheduledCheck], Awaitable[CheckResult]]
OnResult = Callable[[ScheduledCheck, CheckResult], Awaitable[float | None]]
"""Takes a result; returns in how many seconds the check shall run again (a soft state's retry), or None."""


@dataclass
class _Job:
    check: ScheduledCheck
    slow: bool = False
    task: asyncio.Task[float | None] | None = None
    waiters: list[asyncio.Future[CheckResult]] = field(default_factory=list)

    def give_up(self) -> None:
        """End the run under way, and disappoint those who wait for it."""
        if self.task is not None:
            self.task.cancel()
        for waiter in self.waiters:
            waiter.cancel()

    @property
    def lane(self) -> str:
        """A slow SNMP device only delays other slow ones (M-14)."""
        if self.slow and self.check.lane == "snmp":
            return "slow"
        return self.check.lane if self.check.lane in LANES else "default"


class Scheduler:
    """Use: `start()`, then add, replace and remove checks at will, then `await stop()`. All on one event loop."""

    def __init__(
        self,
        run: Run,
        on_result: OnResult,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        lanes: Mapping[str, int] = LANES,
    ) -> None:
        self._run, self._on_result, self._monotonic = run, on_result, monotonic
        self._agenda = Agenda()
        self._jobs: dict[str, _Job] = {}
        self._places = {lane: asyncio.Semaphore(lanes.get(lane, size)) for lane, size in LANES.items()}
        self._waiting: dict[object, tuple[str, float]] = {}
        self._wake = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin; raises RuntimeError when it runs already."""
        if self._loop_task is not None:
            raise RuntimeError("the scheduler runs already")
        self._loop_task = asyncio.get_running_loop().create_task(self._loop(), name="scheduler")

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Start nothing more, let what runs finish for `grace_s`, then cancel it."""
        self._stopping = True
        if self._loop_task is not None:
            self._loop_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop_task
        running = [job.task for job in self._jobs.values() if job.task is not None]
        if running:
            _done, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for job in self._jobs.values():
            job.give_up()

    def put(self, check: ScheduledCheck) -> None:
        """Add a check or replace the one of that id; a run of the old definition is cancelled, its result dropped."""
        known = self._jobs.get(check.id)
        if known is not None and known.check == check:
            return
        self._agenda.add(check.id, check.interval_s, now_s=self._monotonic())
        if known is None:
            self._jobs[check.id] = _Job(check)
        else:
            known.check = check
            if known.task is not None:
                known.task.cancel()
            self._agenda.ask(check.id, self._monotonic())
        self._wake.set()

    def remove(self, check_id: str) -> None:
        """Forget a check at once; a run under way is cancelled."""
        job = self._jobs.pop(check_id, None)
        self._agenda.remove(check_id)
        if job is not None:
            job.give_up()

    def keep_only(self, checks: list[ScheduledCheck]) -> None:
        """Make the list the whole truth: adds, replaces and removes as needed."""
        wanted = {check.id for check in checks}
        for check_id in [known for known in self._jobs if known not in wanted]:
            self.remove(check_id)
        for check in checks:
            self.put(check)

    def ask(self, check_id: str, within_s: float = 0.0) -> None:
        """Have a check run within so many seconds, unless it is due sooner anyway (M-03). Unknown ids are ignored."""
        self._agenda.ask(check_id, self._monotonic() + max(0.0, within_s))
        self._wake.set()

    async def run_now(self, check_id: str) -> CheckResult:
        """Run it at once and return the result; one under way counts. Raises KeyError for an unknown id."""
        job = self._jobs[check_id]
        future: asyncio.Future[CheckResult] = asyncio.get_running_loop().create_future()
        job.waiters.append(future)
        if job.task is None:
            self.ask(check_id)
        return await future

    def __len__(self) -> int:
        return len(self._jobs)

    async def _loop(self) -> None:
        while True:
            now = self._monotonic()
            for check_id, due in self._agenda.start_due(now):
                job = self._jobs[check_id]
                self._begin(job, due)
            for lane in LANES:
                oldest = min((since for where, since in self._waiting.values() if where == lane), default=None)
                if oldest is not None:
                    LAG.labels(lane).set(max(0.0, now - oldest))
            upcoming = self._agenda.next_due_s()
            pause = TICK_S if upcoming is None else min(TICK_S, max(0.0, upcoming - self._monotonic()))
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    def _begin(self, job: _Job, due: float) -> None:
        """Start one run; its end is seen by a callback, which comes even for a task cancelled before its first step."""
        check = job.check
        run = self._in_lane(job, check, due)
        job.task = asyncio.get_running_loop().create_task(run, name=f"check {check.id}")
        job.task.add_done_callback(lambda task: self._ended(job, check, task))

    def _ended(self, job: _Job, check: ScheduledCheck, task: asyncio.Task[float | None]) -> None:
        if job.task is task:
            job.task = None
        if self._jobs.get(check.id) is not job:
            return  # it was removed, and another may bear its id by now
        if task.cancelled():
            again: float | None = 0.0  # it was replaced: run the new definition
        else:
            again = task.result() if task.exception() is None else None
        self._agenda.finished(check.id, now_s=self._monotonic(), again_in_s=again)
        self._wake.set()

    async def _in_lane(self, job: _Job, check: ScheduledCheck, due: float) -> float | None:
        lane = job.lane
        place = object()
        self._waiting[place] = (lane, due)
        try:
            await self._places[lane].acquire()
        finally:
            del self._waiting[place]
        try:
            began = self._monotonic()
            LAG.labels(lane).set(max(0.0, began - due))
            DELAY.labels(lane).observe(max(0.0, began - due))
            result = await self._limited(check)
        finally:
            self._places[lane].release()
        took = self._monotonic() - began
        job.slow = took >= SLOW_AFTER_S or (job.slow and took >= SLOW_AFTER_S / 2)
        RUNS.labels(lane, result.state.value).inc()
        waiters, job.waiters = job.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(result)
        try:
            return await self._on_result(check, result)
        except Exception as error:  # noqa: BLE001  a sink that fails must not end the checking
            log.error("result not taken", check=check.id, error=type(error).__name__)  # noqa: TRY400  no values in logs
            return None

    async def _limited(self, check: ScheduledCheck) -> CheckResult:
        """A second time limit around the probe's own: whatever it does, the check ends."""
        began = self._monotonic()
        try:
            async with asyncio.timeout(check.timeout_s + GRACE_S):
                return await self._run(check)
        except TimeoutError:
            text = _("检查程序没有守住时限")
        except Exception as error:  # noqa: BLE001  one broken check must not end the others
            log.error("check failed", check=check.id, error=type(error).__name__)  # noqa: TRY400  no values in logs
            text = _("检查程序出错（%(kind)s）", kind=type(error).__name__)
        return CheckResult(State.UNKNOWN, text, (), clock.now(), self._monotonic() - began, {"fault": "poller"})
