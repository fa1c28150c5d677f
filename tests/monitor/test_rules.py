"""M-02 and M-09: which results are taken, and what silence means."""

import datetime as dt
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rules import (
    AlertStep,
    Refusal,
    Severity,
    alert_step,
    effective_state,
    finite_only,
    is_stale,
    refusal,
    rose,
    severity_of,
)
from monitor.states import Standing, State, advance

NOW = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
FRESH = 3 * MINUTE


def standing(state: State = State.OK, at: dt.datetime = NOW, attempts: int = 1) -> Standing:
    return advance(None, state, at=at, max_attempts=attempts)


def test_M_02_a_newer_result_is_taken() -> None:
    assert refusal(standing(at=NOW - MINUTE), at=NOW, same=True, now=NOW) is None
    assert refusal(None, at=NOW, same=False, now=NOW) is None


def test_M_02_an_older_result_is_stale() -> None:
    assert refusal(standing(at=NOW), at=NOW - SECOND, same=False, now=NOW) is Refusal.STALE


def test_M_02_the_same_moment_is_a_repeat_or_stale() -> None:
    assert refusal(standing(at=NOW), at=NOW, same=True, now=NOW) is Refusal.REPEAT
    assert refusal(standing(at=NOW), at=NOW, same=False, now=NOW) is Refusal.STALE


def test_M_02_an_older_result_is_taken_while_the_stored_one_lies_in_the_future() -> None:
    ahead = standing(at=NOW + 4 * MINUTE)
    assert refusal(ahead, at=NOW, same=False, now=NOW) is None
    assert refusal(ahead, at=NOW, same=False, now=NOW + 5 * MINUTE) is Refusal.STALE


def test_M_02_seven_days_back_and_five_minutes_ahead_are_the_limits() -> None:
    week = dt.timedelta(days=7)
    assert refusal(None, at=NOW - week, same=False, now=NOW) is None
    assert refusal(None, at=NOW - week - SECOND, same=False, now=NOW) is Refusal.TOO_OLD
    assert refusal(None, at=NOW + 5 * MINUTE, same=False, now=NOW) is None
    assert refusal(None, at=NOW + 5 * MINUTE + SECOND, same=False, now=NOW) is Refusal.IN_THE_FUTURE


@given(st.lists(st.integers(-3600, 0), max_size=30))
def test_M_02_whatever_the_order_of_arrival_the_stored_time_never_goes_back(offsets: list[int]) -> None:
    stored: Standing | None = None
    for offset in offsets:
        at = NOW + offset * SECOND
        if refusal(stored, at=at, same=False, now=NOW) is None:
            assert stored is None or at > stored.at
            stored = advance(stored, State.OK, at=at, max_attempts=3)
    assert (stored.at if stored else None) == (NOW + max(offsets) * SECOND if offsets else None)


def test_M_09_silence_longer_than_the_freshness_is_no_data() -> None:
    for state in (State.OK, State.CRITICAL, State.WARNING, State.UNKNOWN):
        told = standing(state)
        assert effective_state(told, freshness=FRESH, now=NOW + FRESH) is state
        assert effective_state(told, freshness=FRESH, now=NOW + FRESH + SECOND) is State.NODATA
        assert told.state is state, "derived from time, never stored"


def test_M_09_freshness_zero_never_goes_stale() -> None:
    told = standing(State.CRITICAL)
    assert effective_state(told, freshness=dt.timedelta(0), now=NOW + dt.timedelta(days=99)) is State.CRITICAL
    assert not is_stale(None, known_since=NOW, freshness=dt.timedelta(0), now=NOW + dt.timedelta(days=99))


def test_M_09_a_check_never_heard_of_has_no_data_and_is_stale_only_after_its_freshness() -> None:
    assert effective_state(None, freshness=FRESH, now=NOW) is State.NODATA
    assert not is_stale(None, known_since=NOW, freshness=FRESH, now=NOW + FRESH)
    assert is_stale(None, known_since=NOW, freshness=FRESH, now=NOW + FRESH + SECOND)


@given(st.sampled_from(list(State)).filter(lambda s: s is not State.NODATA), st.integers(0, 10_000))
def test_M_09_silence_is_never_ok_and_never_down(state: State, seconds: int) -> None:
    claimed = effective_state(standing(state), freshness=FRESH, now=NOW + seconds * SECOND)
    assert claimed in (state, State.NODATA)
    assert (claimed is State.NODATA) == (seconds > FRESH.total_seconds())


@dataclass
class Number:
    value: float


def test_M_09_nan_and_infinities_are_refused_and_counted() -> None:
    kept, refused = finite_only([Number(1.5), Number(math.nan), Number(math.inf), Number(-math.inf), Number(0)])
    assert [n.value for n in kept] == [1.5, 0]
    assert refused == 3


@pytest.mark.parametrize(
    ("open_severity", "state", "attempts", "step"),
    [
        (None, State.OK, 1, AlertStep.KEEP),
        (None, State.CRITICAL, 3, AlertStep.KEEP),
        (None, State.CRITICAL, 1, AlertStep.RAISE),
        (None, State.UNKNOWN, 1, AlertStep.RAISE),
        (Severity.CRITICAL, State.CRITICAL, 1, AlertStep.KEEP),
        (Severity.WARNING, State.CRITICAL, 1, AlertStep.CHANGE),
        (Severity.CRITICAL, State.UNKNOWN, 1, AlertStep.CHANGE),
        (Severity.WARNING, State.OK, 1, AlertStep.RESOLVE),
    ],
)
def test_M_01_what_a_result_asks_of_the_alert(
    open_severity: Severity | None, state: State, attempts: int, step: AlertStep
) -> None:
    assert alert_step(open_severity, standing(state, attempts=attempts)) is step


def test_M_09_only_evidence_ends_an_alert_for_want_of_data() -> None:
    soft = standing(State.CRITICAL, attempts=3)
    assert alert_step(Severity.UNKNOWN, soft) is AlertStep.KEEP
    assert alert_step(Severity.UNKNOWN, standing(State.OK)) is AlertStep.RESOLVE


def test_severities_are_ordered() -> None:
    assert rose(Severity.WARNING, Severity.CRITICAL)
    assert not rose(Severity.CRITICAL, Severity.CRITICAL)
    assert not rose(Severity.WARNING, Severity.UNKNOWN)
    assert severity_of(State.NODATA) is Severity.UNKNOWN
    assert severity_of(State.OK) is None
