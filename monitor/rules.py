"""Decisions about results: which to take (M-02), what no data means (M-09), which samples to refuse. Pure."""

import datetime as dt
import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol, TypeVar

from monitor.states import Kind, Standing, State

PAST_LIMIT = dt.timedelta(days=7)
FUTURE_LIMIT = dt.timedelta(minutes=5)


class Refusal(StrEnum):
    """Why a result was discarded; the words outside clients see."""

    STALE = "stale"
    REPEAT = "repeat"
    TOO_OLD = "too-old"
    IN_THE_FUTURE = "in-the-future"


def refusal(stored: Standing | None, *, at: dt.datetime, same: bool, now: dt.datetime) -> Refusal | None:
    """Why a result with the time `at` is not taken, or None to take it (M-02).

    `same` says whether its content equals the stored result's; with the same time that makes an exact repeat. A result
    older than the stored one is taken only where the stored one lies in the future: then its clock was corrected.
    """
    if at < now - PAST_LIMIT:
        return Refusal.TOO_OLD
    if at > now + FUTURE_LIMIT:
        return Refusal.IN_THE_FUTURE
    if stored is None or at > stored.at:
        return None
    if at == stored.at:
        return Refusal.REPEAT if same else Refusal.STALE
    return None if stored.at > now else Refusal.STALE


def is_stale(last: dt.datetime | None, *, known_since: dt.datetime, freshness: dt.timedelta, now: dt.datetime) -> bool:
    """True when nothing was heard for `freshness` (0 = never stale), counted from `known_since` if nothing ever was."""
    if freshness <= dt.timedelta(0):
        return False
    return now - (last if last is not None else known_since) > freshness


def effective_state(stored: Standing | None, *, freshness: dt.timedelta, now: dt.datetime) -> State:
    """What may be claimed now: the stored state while it is fresh, else NODATA (M-09).

    `freshness` 0 keeps the stored state for ever; a check never heard of has no data whatever its freshness.
    """
    if stored is None:
        return State.NODATA
    stale = is_stale(stored.at, known_since=stored.at, freshness=freshness, now=now)
    return State.NODATA if stale else stored.state


class HasValue(Protocol):
    """Anything with a number in it."""

    @property
    def value(self) -> float: ...


S = TypeVar("S", bound=HasValue)


def finite_only(samples: Iterable[S]) -> tuple[list[S], int]:
    """The samples that are numbers, and how many were not: NaN and infinities stop at the door, counted (M-09)."""
    kept: list[S] = []
    refused = 0
    for sample in samples:
        if math.isfinite(sample.value):
            kept.append(sample)
        else:
            refused += 1
    return kept, refused


class Severity(StrEnum):
    """How bad an alert is, worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    INFO = "info"


_SEVERITIES = {
    State.CRITICAL: Severity.CRITICAL,
    State.WARNING: Severity.WARNING,
    State.UNKNOWN: Severity.UNKNOWN,
    State.NODATA: Severity.UNKNOWN,
}
_RANKS = {Severity.CRITICAL: 3, Severity.WARNING: 2, Severity.UNKNOWN: 1, Severity.INFO: 0}


def severity_of(state: State) -> Severity | None:
    """The severity of a check's alert in this state; None where there is nothing to alert about."""
    return _SEVERITIES.get(state)


def rose(before: Severity, after: Severity) -> bool:
    """True if `after` is worse than `before`."""
    return _RANKS[after] > _RANKS[before]


class AlertStep(StrEnum):
    """What a believed state asks of the check's alert."""

    KEEP = "keep"
    RAISE = "raise"
    CHANGE = "change"
    RESOLVE = "resolve"


def alert_step(open_severity: Severity | None, standing: Standing) -> AlertStep:
    """What to do with the check's alert after a result.

    A SOFT state proves nothing, so an alert that is open (also one for want of data) stays as it is until a HARD one.
    """
    wanted = severity_of(standing.state) if standing.kind is Kind.HARD else None
    if standing.state is State.OK:
        return AlertStep.KEEP if open_severity is None else AlertStep.RESOLVE
    if wanted is None or wanted is open_severity:
        return AlertStep.KEEP
    return AlertStep.RAISE if open_severity is None else AlertStep.CHANGE
