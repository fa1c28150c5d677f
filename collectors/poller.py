"""Runs the checks of a source and delivers their results to a sink; alone on a satellite or inside the program.

What the sink can't take waits on disk, in order, with the times it was measured, and is delivered first once the sink
is back (the base of M-15). Delivery is at least once: a result may arrive twice and says the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from prometheus_client import Counter, Gauge

from collectors.base import CheckResult, Probe, State
from collectors.canary import Canary
from collectors.registry import PROBES, make_probes
from collectors.report import CheckDefinition, Report
from collectors.run import check as run_check
from collectors.scheduler import ScheduledCheck, Scheduler
from collectors.spool import Spool
from core import clock
from core.i18n import gettext as _

log = structlog.get_logger(__name__)

DELIVERED = Counter("taxops_poller_delivered_total", "Results the sink has taken")
REFUSED = Counter("taxops_poller_refused_total", "Results dropped because the sink can't take them")
SPOOLED = Gauge("taxops_poller_spool_bytes", "Bytes of results waiting on disk")

BATCH = 500
FLUSH_S = 0.25
REFRESH_S = 15.0
CANARY_S = 30.0
DELIVER_S = 30.0
STUCK_AFTER = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0

Again = Mapping[str, float]
"""Check id → seconds until it shall be looked at again (a soft state's retry, a parent's verdict)."""

Source = Callable[[], Awaitable[Sequence[CheckDefinition]]]
"""Every check this poller is to run, now. May raise when it can't be asked; then the checks known go on."""


class BatchRefusedError(Exception):
    """Raised by a sink that will never take this batch, so that it does not block those behind it."""


class Sink(Protocol):
    """Takes results."""

    async def deliver(self, reports: Sequence[Report]) -> Again:
        """Take a batch, all or nothing; raise when it can't be taken now, BatchRefusedError when never.

        Answers what to look at again, and when.
        """


NOT_OURS = CheckResult(State.UNKNOWN, "", (), dt.datetime.fromtimestamp(0, dt.UTC), 0.0, {"fault": "poller"})
"""In the place of a result where another poller runs the check; it goes nowhere."""


class Poller:
    """Use: `await start()`, …, `await stop()`. All on one event loop; see poller_thread for other threads."""

    def __init__(
        self,
        source: Source,
        sink: Sink,
        *,
        spool: Spool,
        canary: Canary | None = None,
        refresh_s: float = REFRESH_S,
        may_run: Callable[[str], bool] = lambda _id: True,
    ) -> None:
        """`may_run`: asked for a check's id right before each run; where it says no, nothing is run or reported."""
        self._may_run = may_run
        self._source, self._sink, self._spool, self._canary = source, sink, spool, canary
        self._refresh_s = refresh_s
        self._probes: dict[str, Probe[Any]] = make_probes()
        self._scheduler = Scheduler(self._run, self._keep)
        self._fresh: list[Report] = []
        self._spool_waits = True  # until the first look
        self._stuck = 0
        self._attempts: dict[str, int] = {}
        self._something = asyncio.Event()
        self._refresh_lock = asyncio.Lock()
        self._flush_lock = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self.is_connected = True
        """Whether the sink took the last batch it was offered."""

    async def start(self) -> None:
        """Begin: the first checks run within seconds."""
        self._scheduler.start()
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._forever(self.refresh, self._refresh_s), name="poller refresh"),
            loop.create_task(self._deliver_forever(), name="poller deliver"),
        ]
        if self._canary is not None:
            self._tasks.append(loop.create_task(self._forever(self._look_at_canary, CANARY_S), name="poller canary"))

    async def stop(self) -> None:
        """End: what runs may finish, what is not yet delivered goes to the sink or to the disk."""
        await self._scheduler.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._flush()

    async def refresh(self) -> None:
        """Ask the source for the checks now; when it can't answer, those known go on."""
        async with self._refresh_lock:
            definitions = await self._source()
            self._scheduler.keep_only([self._scheduled(definition) for definition in definitions])

    def ask(self, check_id: str, within_s: float = 0.0) -> None:
        """Have a check looked at within so many seconds (M-03)."""
        self._scheduler.ask(check_id, within_s)

    async def run_now(self, check_id: str) -> CheckResult:
        """Look at once; the result is also delivered as usual. Raises KeyError for an unknown id."""
        return await self._scheduler.run_now(check_id)

    def __len__(self) -> int:
        return len(self._scheduler)

    @property
    def canary_up(self) -> bool | None:
        """Whether the poller reached its canary last time; None without one."""
        return None if self._canary is None else self._canary.was_reached

    def _scheduled(self, definition: CheckDefinition) -> ScheduledCheck:
        kind = PROBES.get(definition.type)
        return ScheduledCheck(
            definition.id,
            definition.interval_s,
            payload=definition,
            timeout_s=definition.timeout_s,
            lane=kind.lane if kind else "default",
        )

    async def _run(self, scheduled: ScheduledCheck) -> CheckResult:
        if not self._may_run(scheduled.id):
            return NOT_OURS
        definition: CheckDefinition = scheduled.payload
        probe = self._probes.get(definition.type)
        if probe is None:
            text = _("这个采集端不认识检查类型 %(type)s，请升级采集端", type=definition.type)
            return CheckResult(State.UNKNOWN, text, (), clock.now(), 0.0, {"fault": "poller"})
        result = await run_check(probe, definition.target, definition.params, timeout_s=definition.timeout_s)
        return result if self._canary is None else await self._canary.judge(definition, result)

    async def _keep(self, scheduled: ScheduledCheck, result: CheckResult) -> float | None:
        """Put the result into the next batch; while cut off, decide about retries alone."""
        if result is NOT_OURS:
            return None
        self._fresh.append(Report(scheduled.id, result))
        self._something.set()
        definition: CheckDefinition = scheduled.payload
        failed = 0 if result.state is State.OK else self._attempts.get(scheduled.id, 0) + 1
        self._attempts[scheduled.id] = failed
        if self.is_connected or not 0 < failed < definition.max_attempts:
            return None
        return definition.retry_s

    async def _look_at_canary(self) -> None:
        if self._canary is not None and not await self._canary.is_up(fresh_s=0):
            log.warning("canary not reached", target=self._canary.target.target, output=self._canary.output)

    async def _forever(self, work: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  duties go on; what failed is in the log
                log.warning("poller duty failed", duty=work.__name__, error=type(error).__name__)
            await asyncio.sleep(every_s)

    async def _deliver_forever(self) -> None:
        """What waits on disk first, then what is fresh; longer pauses while the sink takes nothing."""
        pause = FIRST_PAUSE_S
        while True:
            if self.is_connected and not self._spool_waits:
                await self._something.wait()
                await asyncio.sleep(FLUSH_S)  # let a batch gather
            await self._flush()
            if self.is_connected:
                pause = FIRST_PAUSE_S
            else:
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE_S, pause * 2)

    async def _flush(self) -> None:
        """One round: replay, then the fresh; whatever the sink does not take goes to the disk."""
        async with self._flush_lock:
            self._something.clear()
            fresh, self._fresh = self._fresh, []
            try:
                if await self._replay():
                    while fresh and await self._offer(fresh[:BATCH]):
                        fresh = fresh[BATCH:]
            finally:
                if fresh:  # also when cancelled in the middle
                    await self._to_disk(fresh)

    async def _replay(self) -> bool:
        """Deliver what waits on disk, oldest first; True once nothing waits any more."""
        while self._spool_waits:
            waiting = await asyncio.to_thread(self._spool.peek)
            if waiting is None:
                self._spool_waits = False
                SPOOLED.set(0)
                break
            if not await self._offer(waiting.reports) and not await self._dislodge(waiting.reports):
                return False
            await asyncio.to_thread(self._spool.confirm, waiting)
        return True

    async def _dislodge(self, reports: Sequence[Report]) -> bool:
        """A batch that keeps being refused by a sink that is well holds something it can't digest.

        An empty batch tells whether the sink is well. Then the results go one by one, and what is refused even so is
        dropped, with a line in the log: nothing may block the results behind it for ever.
        """
        self._stuck += 1
        if self._stuck < STUCK_AFTER or not await self._offer([]):
            return False
        dropped = [report.check_id for report in reports if not await self._offer([report])]
        REFUSED.inc(len(dropped))
        log.error("results dropped that the sink can't take", checks=dropped)
        self._stuck, self.is_connected = 0, True
        return True

    async def _offer(self, reports: Sequence[Report]) -> bool:
        """Try to deliver; True when the sink took the batch."""
        try:
            async with asyncio.timeout(DELIVER_S):
                again = await self._sink.deliver(reports)
        except BatchRefusedError as error:
            log.error("results refused for good, dropped", count=len(reports), why=str(error))  # noqa: TRY400
            again = {}
        except Exception as error:  # noqa: BLE001  whatever is wrong with the sink, results are kept
            if self.is_connected:
                log.warning("results not delivered, keeping them on disk", error=type(error).__name__)
            self.is_connected = False
            return False
        self.is_connected = True
        self._stuck = self._stuck if not reports else 0
        DELIVERED.inc(len(reports))
        for check_id, seconds in again.items():
            self.ask(check_id, seconds)
        return True

    async def _to_disk(self, reports: Sequence[Report]) -> None:
        self._spool_waits = True
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await asyncio.shield(asyncio.to_thread(self._spool.append, reports))
                SPOOLED.set(await asyncio.to_thread(lambda: self._spool.size_bytes))
            except OSError as error:
                log.error("results lost: the disk refuses them", count=len(reports), error=error.strerror)  # noqa: TRY400
