"""Rules for counters that only grow, as pure functions (M-12).

A counter says nothing by itself: only the growth between two readings does, and a decrease is either a wrap or a
restart. When in doubt there is no sample, for a made-up peak does more harm than a gap. Integers stay integers until
the one division at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WRAP_32 = 2**32
WRAP_64 = 2**64
TICKS_PER_S = 100
UPTIME_SLACK_TICKS = 300
"""sysUpTime and the clock of the poller drift and jitter; three seconds are not a restart."""

Bits = Literal[32, 64]


@dataclass(frozen=True)
class Reading:
    """One reading of a counter.

    `at_s` is an instant of a monotonic clock in seconds, `uptime_ticks` the device's sysUpTime in hundredths of a
    second, or None when it is not known, `discontinuity` its ifCounterDiscontinuityTime (0 when it never had one).
    """

    value: int
    at_s: float
    uptime_ticks: int | None = None
    discontinuity: int | None = None


def restarted(before: Reading, after: Reading) -> bool:
    """True when the device (or the interface's counters) began anew between the readings.

    sysUpTime itself wraps at 2^32 hundredths (497 days): that is no restart, and is told from one by the uptime that
    should be there by now. Unknown uptime proves nothing and counts as no restart.

    Source: RFC 3418 sysUpTime, RFC 2863 ifCounterDiscontinuityTime.
    """
    if None not in (before.discontinuity, after.discontinuity) and before.discontinuity != after.discontinuity:
        return True
    if before.uptime_ticks is None or after.uptime_ticks is None or after.uptime_ticks >= before.uptime_ticks:
        return False
    expected = before.uptime_ticks + round((after.at_s - before.at_s) * TICKS_PER_S)
    if expected < WRAP_32 - UPTIME_SLACK_TICKS:
        return True
    drift = (after.uptime_ticks - expected + WRAP_32 // 2) % WRAP_32 - WRAP_32 // 2
    return abs(drift) > UPTIME_SLACK_TICKS


def increase(before: Reading, after: Reading, *, bits: Bits, max_per_s: float | None = None) -> int | None:
    """How much the counter grew, or None when that can't be known (no sample).

    A decrease of a 64-bit counter is a reset. A decrease of a 32-bit one is a wrap only if the device is known not to
    have restarted and the growth so computed stays within `max_per_s` (units per second: for octets the interface's
    speed in bit/s divided by 8); without a known speed it is no sample.
    Raises ValueError if `after` is not later than `before`, or a value does not fit the counter.

    Source: RFC 2863 section 3.1.6 on counter size and wrap time; RFC 2578 section 7.1.6 on Counter32.
    """
    elapsed = after.at_s - before.at_s
    if not elapsed > 0:
        raise ValueError("the second reading is not later than the first")
    size = 2**bits
    if not (0 <= before.value < size and 0 <= after.value < size):
        raise ValueError(f"a {bits}-bit counter can't hold {before.value} or {after.value}")
    if restarted(before, after):
        return None
    grown = after.value - before.value
    if grown >= 0:
        return grown
    if size == WRAP_64 or max_per_s is None or before.uptime_ticks is None or after.uptime_ticks is None:
        return None
    wrapped = grown + WRAP_32
    return wrapped if wrapped <= max_per_s * elapsed else None


def rate(before: Reading, after: Reading, *, bits: Bits, max_per_s: float | None = None) -> float | None:
    """Growth per second, or None where increase knows none. Raises ValueError as increase does."""
    grown = increase(before, after, bits=bits, max_per_s=max_per_s)
    return None if grown is None else grown / (after.at_s - before.at_s)


def uptime_seconds(engine_time_s: int | None, uptime_ticks: int) -> float:
    """The device's uptime in seconds, from snmpEngineTime when it is known, for that does not wrap after 497 days.

    Source: RFC 3411 snmpEngineTime.
    """
    ticks_s = uptime_ticks / TICKS_PER_S
    return float(max(engine_time_s, ticks_s)) if engine_time_s is not None else ticks_s
