"""Who comes in goes before who works off: while alerts or results press at the door, the relay steps aside for a moment.

On the embedded default both write to one file, one at a time. What is taken in is safe and waits in the outbox; what is
not taken in may be lost at its source. So the first seconds of a storm belong to the door. After them both take turns,
and nobody waits for the other's end.
"""

from __future__ import annotations

import threading
import time

LONGEST_S = 2.0
QUIET_S = 0.03
_last = 0.0
_since = 0.0


def knock() -> None:
    """Somebody brings something that has to be written; called for each group of requests."""
    global _last, _since  # noqa: PLW0603  one door a process; a torn read costs at most one pause
    now = time.monotonic()
    if now - _last > LONGEST_S:
        _since = now
    _last = now


def step_aside(stop: threading.Event) -> None:
    """Wait while it is busy at the door, in the first seconds of a rush only."""
    while True:
        now = time.monotonic()
        if now - _last > QUIET_S or now - _since > LONGEST_S or stop.is_set():
            return
        stop.wait(QUIET_S)
