"""M-01: soft and hard states, against a slow oracle that looks at the whole history each time."""

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from monitor.states import Kind, Standing, State, Telling, advance, telling, until_next

T0 = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
RESULTS = st.sampled_from([State.OK, State.WARNING, State.CRITICAL, State.UNKNOWN])


def run(states: list[State], max_attempts: int) -> list[Standing]:
    standings: list[Standing] = []
    for number, state in enumerate(states):
        before = standings[-1] if standings else None
        standings.append(advance(before, state, at=T0 + number * MINUTE, max_attempts=max_attempts))
    return standings


def oracle(states: list[State], max_attempts: int) -> tuple[State, Kind, int]:
    """State, kind and attempt from the whole history: the length of the run of failures at its end decides."""
    failing = 0
    for state in reversed(states):
        if state is State.OK:
            break
        failing += 1
    if failing == 0:
        return State.OK, Kind.HARD, 1
    return states[-1], Kind.HARD if failing >= max_attempts else Kind.SOFT, min(failing, max_attempts)


def believed(states: list[State], max_attempts: int) -> list[State]:
    """The believed state after each result, beginning with OK."""
    out = [State.OK]
    for end in range(1, len(states) + 1):
        state, kind, _ = oracle(states[:end], max_attempts)
        out.append(state if kind is Kind.HARD else out[-1])
    return out


def test_M_01_first_failure_is_soft_attempt_one_and_tells_nobody() -> None:
    [first] = run([State.CRITICAL], 3)
    assert (first.state, first.kind, first.attempt) == (State.CRITICAL, Kind.SOFT, 1)
    assert telling(None, first) is Telling.NOTHING


def test_M_01_a_soft_state_is_checked_again_at_the_retry_interval() -> None:
    _, soft, _, hard, ok = run([State.OK, State.CRITICAL, State.CRITICAL, State.CRITICAL, State.OK], 3)
    retry = dt.timedelta(seconds=15)
    assert until_next(soft, interval=MINUTE, retry=retry) == retry
    assert until_next(hard, interval=MINUTE, retry=retry) == MINUTE
    assert until_next(ok, interval=MINUTE, retry=retry) == MINUTE
    assert until_next(None, interval=MINUTE, retry=retry) == MINUTE


def test_M_01_the_failure_is_hard_at_max_attempts_and_told_once() -> None:
    steps = run([State.OK, State.CRITICAL, State.CRITICAL, State.CRITICAL, State.CRITICAL], 3)
    assert [(s.kind, s.attempt) for s in steps[1:]] == [(Kind.SOFT, 1), (Kind.SOFT, 2), (Kind.HARD, 3), (Kind.HARD, 3)]
    tellings = [telling(before, after) for before, after in pairwise(steps)]
    assert tellings == [Telling.NOTHING, Telling.NOTHING, Telling.PROBLEM, Telling.NOTHING]
    assert steps[3].failed_at == T0 + MINUTE
    assert steps[3].hard_since == T0 + 3 * MINUTE


def test_M_01_ok_is_hard_at_once_and_a_soft_recovery_tells_nobody() -> None:
    _, soft, ok = run([State.OK, State.CRITICAL, State.OK], 3)
    assert (ok.state, ok.kind, ok.attempt, ok.failed_at) == (State.OK, Kind.HARD, 1, None)
    assert telling(soft, ok) is Telling.NOTHING


def test_M_01_a_hard_recovery_is_told() -> None:
    *_, hard, ok = run([State.CRITICAL] * 3 + [State.OK], 3)
    assert telling(hard, ok) is Telling.RECOVERY


def test_M_01_with_one_attempt_every_failure_is_hard_at_once() -> None:
    first, second = run([State.WARNING, State.CRITICAL], 1)
    assert (first.kind, telling(None, first)) == (Kind.HARD, Telling.PROBLEM)
    assert (second.kind, telling(first, second)) == (Kind.HARD, Telling.CHANGE)


def test_M_01_a_change_of_severity_while_soft_goes_on_counting() -> None:
    steps = run([State.WARNING, State.CRITICAL, State.UNKNOWN], 3)
    assert [(s.kind, s.attempt) for s in steps] == [(Kind.SOFT, 1), (Kind.SOFT, 2), (Kind.HARD, 3)]
    assert steps[-1].hard is State.UNKNOWN


def test_M_01_a_hard_problem_stays_hard_when_more_attempts_are_asked_later() -> None:
    [hard] = run([State.CRITICAL], 1)
    assert advance(hard, State.CRITICAL, at=T0 + MINUTE, max_attempts=5).kind is Kind.HARD


def test_M_09_no_data_is_never_a_result() -> None:
    with pytest.raises(ValueError, match="nodata"):
        advance(None, State.NODATA, at=T0, max_attempts=3)


def test_M_01_no_attempts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        advance(None, State.OK, at=T0, max_attempts=0)


@given(st.lists(RESULTS, min_size=1, max_size=40), st.integers(1, 6))
def test_M_01_every_history_is_judged_as_the_oracle_judges_it(states: list[State], max_attempts: int) -> None:
    standings = run(states, max_attempts)
    for end, standing in enumerate(standings, start=1):
        assert (standing.state, standing.kind, standing.attempt) == oracle(states[:end], max_attempts)
    assert [State.OK, *(s.hard or State.OK for s in standings)] == believed(states, max_attempts)


def test_M_09_nothing_is_believed_before_the_first_hard_state() -> None:
    soft, hard = run([State.CRITICAL, State.CRITICAL], 2)
    assert soft.hard is None
    assert hard.hard is State.CRITICAL


@given(st.lists(RESULTS, min_size=1, max_size=40), st.integers(1, 6))
def test_M_01_problems_and_recoveries_take_turns(states: list[State], max_attempts: int) -> None:
    steps = run(states, max_attempts)
    told = [telling(None, steps[0]), *(telling(before, after) for before, after in pairwise(steps))]
    edges = [t for t in told if t in (Telling.PROBLEM, Telling.RECOVERY)]
    assert edges == [Telling.PROBLEM, Telling.RECOVERY] * (len(edges) // 2) + [Telling.PROBLEM] * (len(edges) % 2)


class CheckMachine(RuleBasedStateMachine):
    """Results at growing times, sometimes with a clock set back; the beginnings must always be beginnings."""

    def __init__(self) -> None:
        super().__init__()
        self.standing: Standing | None = None
        self.history: list[tuple[State, dt.datetime]] = []
        self.at = T0

    @rule(state=RESULTS, seconds=st.integers(1, 600))
    def result(self, state: State, seconds: int) -> None:
        self.at += dt.timedelta(seconds=seconds)
        self.standing = advance(self.standing, state, at=self.at, max_attempts=3)
        self.history.append((state, self.at))

    @rule(seconds=st.integers(1, 120))
    def clock_is_set_back(self, seconds: int) -> None:
        self.at -= dt.timedelta(seconds=seconds)

    @invariant()
    def beginnings_are_not_after_what_they_began(self) -> None:
        if self.standing is not None:
            assert self.standing.since <= self.standing.at
            assert self.standing.failed_at is None or self.standing.failed_at <= self.standing.at

    @invariant()
    def same_as_the_oracle(self) -> None:
        if self.standing is not None:
            states = [state for state, _ in self.history]
            assert (self.standing.state, self.standing.kind, self.standing.attempt) == oracle(states, 3)
            assert (self.standing.failed_at is None) == (self.standing.state is State.OK)


TestCheckMachine = CheckMachine.TestCase
TestCheckMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
