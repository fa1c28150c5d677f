"""The one place that asks what time it is.

Everything else receives `now`; edges (views, jobs, commands) call `now()` once and pass it down.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

UTC = dt.UTC
ZONE = ZoneInfo("Asia/Shanghai")  # whose midnight ends a day: dates in the database are dates here

_frozen: dt.datetime | None = None


def now() -> dt.datetime:
    """The current instant, aware, in UTC."""
    return _frozen if _frozen is not None else dt.datetime.now(UTC)


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
