"""How long this process was kept from running: what a time limit says of a target is worth nothing while it was.

A poller that is starved of processor time sees answers late and blames the target (M-10). So the event loop is asked to
call back at short intervals while anything is measured; what the calls come late is time in which nothing was read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

TICK_S = 0.1


class Lateness:
    """Of one event loop; ticks only while somebody watches."""

    def __init__(self) -> None:
        self._watchers = 0
        self._due = 0.0
        self._late = 0.0
        self._next: asyncio.TimerHandle | None = None

    @contextlib.contextmanager
    def watched(self) -> Iterator[Callable[[], float]]:
        """Gives a function that says how many seconds the loop was late since the block began."""
        self._watchers += 1
        if self._next is None:
            self._wait()
        before = self._late + max(0.0, time.monotonic() - self._due)  # what was late already is not this block's
        try:
            yield lambda: self._late + max(0.0, time.monotonic() - self._due) - before
        finally:
            self._watchers -= 1
            if not self._watchers and self._next is not None:
                self._next.cancel()
                self._next = None

    def _wait(self) -> None:
        self._due = time.monotonic() + TICK_S
        self._next = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._late += max(0.0, time.monotonic() - self._due)
        self._wait()


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Lateness] = WeakKeyDictionary()


def of_this_loop() -> Lateness:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = Lateness()
    return found
