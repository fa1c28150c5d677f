"""A poller on an event loop of its own in a thread, for programs that are not asynchronous."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from collectors.base import CheckResult
from collectors.poller import Poller

T = TypeVar("T")
STOP_S = 20.0


class PollerThread:
    """Safe to call from any thread. `make` builds the poller inside the thread's loop."""

    def __init__(self, make: Callable[[], Poller]) -> None:
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="poller", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._poller: Poller | None = None

    def start(self) -> None:
        """Start and wait until it runs; raises what the start raised."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop and wait; what is not delivered goes to the disk. A second call does nothing."""
        if self._poller is None or not self._thread.is_alive():
            return
        self._await(self._poller.stop(), STOP_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)

    def refresh(self) -> None:
        """The checks have changed: have the source asked now. Returns at once."""
        self._soon(self._running().refresh())

    def ask(self, check_id: str, within_s: float = 0.0) -> None:
        """Have a check looked at within so many seconds (M-03). Returns at once."""
        self._loop.call_soon_threadsafe(self._running().ask, check_id, within_s)

    def run_now(self, check_id: str, timeout_s: float = 30.0) -> CheckResult:
        """Look at once and wait. Raises KeyError for an unknown id, TimeoutError when it takes too long."""
        return self._await(self._running().run_now(check_id), timeout_s)

    @property
    def is_connected(self) -> bool:
        """Whether the sink took the last batch."""
        return self._poller is not None and self._poller.is_connected

    @property
    def canary_up(self) -> bool | None:
        """Whether the poller reached its own canary last time; None without one."""
        return None if self._poller is None else self._poller.canary_up

    def _running(self) -> Poller:
        if self._poller is None:
            raise RuntimeError("the poller has not started")
        return self._poller

    def _soon(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _await(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        future = self._soon(work)
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise TimeoutError from None

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._poller = self._loop.run_until_complete(self._begin())
        except BaseException as error:  # noqa: BLE001  handed to start()
            self._failure = error
            self._loop.close()
            return
        finally:
            self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _begin(self) -> Poller:
        poller = self._make()
        await poller.start()
        return poller
