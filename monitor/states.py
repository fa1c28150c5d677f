"""The state machine of a check: soft and hard states, attempts, and what deserves telling (M-01, M-06 in part).

Pure: no session, no clock, no Flask. Time comes in with the result.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a check says. NODATA is derived from time (`rules.effective_state`) and never part of a result (M-09)."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    NODATA = "nodata"


RESULT_STATES = frozenset({State.OK, State.WARNING, State.CRITICAL, State.UNKNOWN})


class Kind(StrEnum):
    """A SOFT problem is still being re-checked; a HARD state is believed."""

    SOFT = "soft"
    HARD = "hard"


class Telling(StrEnum):
    """Why a step is worth telling somebody, or NOTHING."""

    NOTHING = "nothing"
    PROBLEM = "problem"
    CHANGE = "change"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a check stands after its newest result.

    `since` is when state and kind began to be what they are, `failed_at` the first result of the present failure (None
    while OK), `hard` the last believed state (None before there was one) and `hard_since` when it began. All times are
    those of the results.
    """

    state: State
    kind: Kind
    attempt: int
    at: dt.datetime
    since: dt.datetime
    hard: State | None
    hard_since: dt.datetime | None
    failed_at: dt.datetime | None = None


def advance(before: Standing | None, state: State, *, at: dt.datetime, max_attempts: int) -> Standing:
    """The standing after one more result.

    The first failure is SOFT attempt 1; it is HARD at `max_attempts`; OK is HARD at once; a HARD problem stays HARD
    when its severity changes. A check never heard of before counts as having been OK.
    Raises ValueError for a state no result may have, or `max_attempts` below 1.

    Source: the soft and hard states of Icinga 2 ("check attempts").
    """
    if state not in RESULT_STATES:
        raise ValueError(f"a result can't be {state!r}; allowed: {', '.join(sorted(RESULT_STATES))}")
    if max_attempts < 1:
        raise ValueError(f"max_attempts must be at least 1, not {max_attempts}")
    if state is State.OK:
        return _placed(before, State.OK, Kind.HARD, 1, at)
    if before is None or before.state is State.OK:
        attempt = 1
    elif before.kind is Kind.HARD:
        return _placed(before, state, Kind.HARD, before.attempt, at)
    else:
        attempt = before.attempt + 1
    kind = Kind.HARD if attempt >= max_attempts else Kind.SOFT
    return _placed(before, state, kind, min(attempt, max_attempts), at)


def _placed(before: Standing | None, state: State, kind: Kind, attempt: int, at: dt.datetime) -> Standing:
    """Fill in the times; where a corrected clock brings `at` before what is stored, the beginnings move with it."""
    same = before is not None and before.state is state and before.kind is kind
    since = min(before.since, at) if before is not None and same else at
    hard, hard_since = (before.hard, before.hard_since) if before is not None else (None, None)
    if kind is Kind.HARD:
        hard_since = min(hard_since, at) if hard is state and hard_since is not None else at
        hard = state
    failed_at = None
    if state is not State.OK:
        failed_at = min(before.failed_at, at) if before is not None and before.failed_at is not None else at
    return Standing(state, kind, attempt, at, since, hard, hard_since, failed_at)


def telling(before: Standing | None, after: Standing) -> Telling:
    """Whether the step is a believed change; SOFT states and their recoveries tell nobody (M-01)."""
    was = (before.hard if before is not None else None) or State.OK
    if after.kind is Kind.SOFT or was is after.hard:
        return Telling.NOTHING
    if after.hard is State.OK:
        return Telling.RECOVERY
    return Telling.PROBLEM if was is State.OK else Telling.CHANGE


def until_next(after: Standing | None, *, interval: dt.timedelta, retry: dt.timedelta) -> dt.timedelta:
    """How long to wait for the next run: the retry interval while SOFT, else the interval (M-01)."""
    return retry if after is not None and after.kind is Kind.SOFT else interval
