"""Who comes in goes before who works off: while alerts or results wait at the door, the relay steps aside.

On the embedded default both write to one file, one at a time. What is taken in is safe and waits in the outbox; what is
not taken in may be lost at its source. So the first seconds of a rush belong to the door, and after them both take turns.
The database's own lock is no turn-taking: it is polled, and whoever has just let go of it gets it again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

RUSH_S = 3.0
QUIET_S = 0.03
"""Whoever has just been answered may bring the next at once: so long it is not quiet yet."""
TURN_S = 0.5
_gate = threading.Condition()
_writing = threading.Lock()
_waiting = 0
_served = 0
_since = 0.0
_last = 0.0


@contextlib.contextmanager
def inside() -> Iterator[None]:
    """For whoever brings something in: around the transaction that writes it."""
    global _waiting, _served, _since, _last  # noqa: PLW0603  one door a process
    with _gate:
        if not _waiting and time.monotonic() - _since > 2 * RUSH_S:
            _since = time.monotonic()
        _waiting += 1
    try:
        with _writing:
            yield
    finally:
        with _gate:
            _waiting -= 1
            _served += 1
            _last = time.monotonic()
            _gate.notify_all()


@contextlib.contextmanager
def behind(stop: threading.Event) -> Iterator[None]:
    """For whoever works off: around a piece of work, after those at the door."""
    with _gate:
        before = _served
        while not stop.is_set() and (_waiting or time.monotonic() - _last < QUIET_S):
            left = _since + RUSH_S - time.monotonic()
            if left <= 0:
                _gate.wait_for(lambda: not _waiting or _served > before, timeout=TURN_S)
                break
            _gate.wait(min(left, QUIET_S))
    with _writing:
        yield
