"""The one place that asks what time it is.

Everything else receives `now`; edges (views, jobs, commands) call `now()` once and pass it down.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

UTC = dt.UTC
ZONE = ZoneInfo("Asia/Shanghai")  # whose midnight ends a day: dates in the database are dates here

JUMP_S = 30.0
"""A wall clock that is further from where it should be was set, not slewed."""

_frozen: dt.datetime | None = None
_together: tuple[float, float] | None = None  # the wall's seconds and the elapsed ones of one instant, while watched


def now() -> dt.datetime:
    """The current instant, aware, in UTC. While the program watches its clock, a jump is not followed before follow()."""
    if _frozen is not None:
        return _frozen
    at = wall()
    if _together is None:
        return at
    apart = _apart(_together, at)
    return at - dt.timedelta(seconds=apart) if abs(apart) >= JUMP_S else at


def wall() -> dt.datetime:
    """What this machine's clock shows, jump or not."""
    return dt.datetime.now(UTC)


def watch(since: tuple[float, float] | None = None) -> None:
    """Notice jumps of the wall clock from now on (a program that runs; commands take the clock as it is), or again as at
    a mark()."""
    global _together  # noqa: PLW0603  one process-wide clock is the point
    _together = since or (wall().timestamp(), elapsed())


def mark() -> tuple[float, float] | None:
    """What the clock is compared with."""
    return _together


def jump() -> float:
    """Seconds by which the wall clock was set forward (or back, below zero) and now() has not followed; 0 for none."""
    if _together is None:
        return 0.0
    apart = _apart(_together, wall())
    return apart if abs(apart) >= JUMP_S else 0.0


def follow() -> None:
    """Take the wall clock as it is."""
    watch()


def elapsed() -> float:
    """Seconds since the machine was booted, which no setting of the clock changes; those it slept are counted."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _apart(together: tuple[float, float], at: dt.datetime) -> float:
    """How far the wall clock is from where it should be. What little it was slewed is taken over each second."""
    global _together  # noqa: PLW0603  one process-wide clock is the point
    before, began = together
    by_now = elapsed()
    apart = at.timestamp() - before - (by_now - began)
    if abs(apart) < JUMP_S and by_now - began > 1:
        _together = (at.timestamp(), by_now)
    return apart


@contextlib.contextmanager
def frozen(at: dt.datetime) -> Iterator[None]:
    """Hold time still for a test; nested uses restore the outer one."""
    global _frozen  # noqa: PLW0603  one process-wide clock is the point
    before, _frozen = _frozen, require_aware(at)
    try:
        yield
    finally:
        _frozen = before


def require_aware(at: dt.datetime) -> dt.datetime:
    """Return `at` in UTC; raise ValueError when it names no time zone (a naive time is a guess)."""
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} names no time zone")
    return at.astimezone(UTC)


def local_date(at: dt.datetime) -> dt.date:
    """The date people here write at `at`. Before eight in the morning UTC still writes yesterday's."""
    return require_aware(at).astimezone(ZONE).date()


def day_start(day: dt.date) -> dt.datetime:
    """The instant, in UTC, at which `day` begins here."""
    return dt.datetime.combine(day, dt.time(), ZONE).astimezone(UTC)
